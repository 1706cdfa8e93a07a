"""`podium predict`: one prediction, or a few."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
import msgspec
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from podium.bundle import Bundle, load
from podium.cli.example import example_command, example_row
from podium.cli.fields import fields_table
from podium.cli.main import exit_code, print_error
from podium.cli.terminal import bar, console, harmless, heading, indented, shelf, value_text
from podium.deployments.traffic import Traffic
from podium.errors import InvalidRows, SetupError
from podium.flow.answer import values_of
from podium.flow.formats.csv_rows import CSV
from podium.flow.formats.forms import FORM
from podium.flow.formats.json_rows import JSON, LINES
from podium.flow.predict import PredictionService
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.response import PredictResponse
from podium.flow.version import LoadedVersion
from podium.signature import Output, Signature
from podium.signature.labels import label_text, shown_label
from podium.web.among import among_answers

_MEDIA = {".json": JSON, ".csv": CSV, ".tsv": CSV, ".ndjson": LINES, ".jsonl": LINES}
_CLASSES_MAX = 20


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]... | -")
@click.option(
    "--file", type=click.Path(path_type=Path), help="Rows to predict: JSON, NDJSON or CSV."
)
@click.option("--json", "as_json", is_flag=True, help="Print the JSON that the API would return.")
@click.option("--example", is_flag=True, help="Print an example row as JSON, to fill in.")
@click.option("--trust", multiple=True, metavar="sha256:...", help="Allow this pickle to run code.")
def predict(
    bundle: Path,
    values: tuple[str, ...],
    file: Path | None,
    as_json: bool,
    example: bool,
    trust: tuple[str, ...],
) -> int:
    """Predict one row, or a few. Without values, show the fields of the model.

    \b
    podium predict churn.podium age=41 plan=pro
    podium predict churn.podium "monthly fee=12.50" --json
    podium predict churn.podium --file rows.json
    echo '{"age": 41, "plan": "pro"}' | podium predict churn.podium -

    For files of more than 1,000 rows there is `podium score`.
    """
    opened = load(bundle, trust=trust)
    if example:
        click.echo(msgspec.json.format(msgspec.json.encode(example_row(opened.signature))))
        return 0
    if not values and file is None:
        _print_fields(opened, console())
        return 0
    request = request_of(opened, values, file)
    try:
        response = PredictionService().predict(Traffic(LoadedVersion(opened)), request)
    except InvalidRows as error:
        print_error(error)
        if file is not None and any(cell.code == "unknown_field" for cell in error.cells):
            click.echo("podium score predicts files, and ignores other columns", err=True)
        click.echo(f"podium predict {bundle} shows every field", err=True)
        return exit_code(error)
    if as_json:
        click.echo(response.body)
    elif len(response.outputs) == 1:
        _print_one(opened, response, console())
    else:
        _print_many(opened.signature, response, console())
    return 0


def request_of(bundle: Bundle, values: tuple[str, ...], file: Path | None) -> PredictRequest:
    """The request that the command line describes: the same as from a form or a body."""
    if file is not None or values == ("-",):
        if file is not None and values:
            raise click.UsageError("give either values or --file, not both")
        name = "" if file is None else str(file)
        body = sys.stdin.buffer.read() if file is None or name == "-" else _read(file)
        context = RequestContext(source="cli", accept="application/json")
        return PredictRequest(body, _media(name, body), context)
    pairs = [_pair(bundle, value) for value in values]
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise click.UsageError(f"{harmless(twice)!r} is given twice")
    return PredictRequest(urlencode(pairs).encode(), FORM, RequestContext(source="cli"))


def _pair(bundle: Bundle, value: str) -> tuple[str, str]:
    """A field's name and its value; both may contain `=`, so the longest known name wins."""
    field_names = [name for name in bundle.signature.names if value.startswith(f"{name}=")]
    name = max(field_names, key=len) if field_names else value.partition("=")[0]
    if len(name) == len(value):
        hint = f"write NAME=VALUE, as in:\n{example_command(bundle)}"
        if Path(value).is_file():
            hint = f"to predict the rows of a file:\npodium predict {bundle.path} --file {value}"
        raise click.UsageError(f"{harmless(value)!r} has no '='\n{hint}")
    # A command line consists of bytes; invalid UTF-8 arrives as lone surrogates, and can't be sent.
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise click.UsageError(f"the value of {harmless(name)} isn't UTF-8") from error
    return name, value[len(name) + 1 :]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SetupError(
            f"{file} can't be read: {error.strerror}", hint="give a JSON, NDJSON or CSV file"
        ) from error


def _media(name: str, body: bytes) -> str:
    """The content type of rows: by the file's name, or by their content."""
    media = _MEDIA.get(Path(name).suffix.lower())
    if media is not None:
        return media
    begin = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if begin == b"{" and b"}\n{" in body.replace(b"\r", b""):
        return LINES
    return JSON if begin in (b"{", b"[", b"") else CSV


def _print_fields(bundle: Bundle, to: Console) -> None:
    signature = bundle.signature
    to.print(heading(harmless(bundle.card.title or bundle.name)))
    to.print(indented(fields_table(signature, to)))
    to.print()
    to.print("For example:")
    to.print(f"  {example_command(bundle)}", soft_wrap=True)


def _print_one(bundle: Bundle, response: PredictResponse, to: Console) -> None:
    signature, outputs = bundle.signature, response.outputs
    (value,) = values_of(signature, outputs)
    prediction = value["prediction"]
    rows = shelf()
    for output in signature.outputs:
        part = prediction[output.name] if len(signature.outputs) > 1 else prediction
        unit = f" {harmless(output.unit)}" if output.unit else ""
        text = _text(part) + unit
        if word := harmless(shown_label(value.get("label", ""))):
            text = word if text in word.split() else f"{word} ({text})"
        rows.add_row(Text(harmless(output.label)), Text(text, style="bold"))
    to.print(indented(rows))
    for line in _lines(bundle, value):
        to.print(Text(f"  {harmless(line)}"), soft_wrap=True)
    for place, one in enumerate(signature.outputs):
        columns = signature.probabilities_of(place)
        if outputs.probabilities is not None and columns is not None:
            labels = map(label_text, one.classes)
            shares = dict(zip(labels, outputs.probabilities[0, columns].tolist(), strict=True))
            to.print()
            if len(signature.outputs) > 1:
                to.print(f"  {harmless(one.label)}")
            to.print(indented(_bars(shares, to)))
    if outputs.distances is not None:
        to.print()
        to.print("  Distance to each cluster")
        to.print(indented(_nearest(signature.output, outputs.distances[0].tolist(), to)))
    _print_warnings(response, to, is_single=True)


def _lines(bundle: Bundle, value: Mapping[str, Any]) -> list[str]:
    """Further facts about a prediction, in sentences."""
    output = bundle.signature.output
    among = among_answers(bundle.signature, bundle.baseline, value) if output.words else None
    sentences = [] if among is None else [among.share, among.caption]
    if output.threshold is not None:
        sentences.append(output.threshold.sentence)
    return [line for line in sentences if line]


def _bars(probabilities: dict[str, float], to: Console) -> Grid:
    """Probabilities as bars, the highest first; of very many, the least are omitted."""
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])
    rows = shelf()
    for label, share in ranked[:_CLASSES_MAX]:
        rows.add_row(
            Text(harmless(label), overflow="ellipsis", no_wrap=True),
            Text(f"{share:.1%}", justify="right"),
            Text(bar(share, to), style="cyan"),
        )
    if len(ranked) > _CLASSES_MAX:
        rest = sum(share for _, share in ranked[_CLASSES_MAX:])
        rows.add_row(f"{len(ranked) - _CLASSES_MAX} others", f"{rest:.1%}", bar(rest, to))
    return rows


def _nearest(output: Output, distances: list[float], to: Console) -> Grid:
    """Distances as bars, the least first; of very many, the greatest are omitted."""
    ranked = sorted(zip(output.outcomes, distances, strict=True), key=lambda item: item[1])
    longest = max(distances) or 1.0
    rows = shelf()
    for word, far in ranked[:_CLASSES_MAX]:
        rows.add_row(
            Text(harmless(shown_label(word)), overflow="ellipsis", no_wrap=True),
            Text(value_text(far), justify="right"),
            Text(bar(far / longest, to), style="cyan"),
        )
    if len(ranked) > _CLASSES_MAX:
        rows.add_row(f"{len(ranked) - _CLASSES_MAX} others, farther away")
    return rows


def _print_many(signature: Signature, response: PredictResponse, to: Console) -> None:
    is_single = len(signature.outputs) == 1
    probabilities = response.outputs.probabilities if is_single else None
    rows = Grid(box=None, pad_edge=False, header_style="bold")
    rows.add_column("row", justify="right")
    for output in signature.outputs:
        unit = f" ({harmless(output.unit)})" if output.unit else ""
        rows.add_column(harmless(output.label) + unit, overflow="fold")
    extras = signature.output.extras if len(signature.outputs) == 1 else ()
    if probabilities is not None:
        rows.add_column("probability", justify="right")
    for key in extras:
        rows.add_column(key, justify="right" if key == "score" else "left")
    for row, value in enumerate(values_of(signature, response.outputs)):
        prediction = value["prediction"]
        values = list(prediction.values()) if len(signature.outputs) > 1 else [prediction]
        cells = [str(row), *(_text(one) for one in values)]
        if probabilities is not None:
            cells.append(f"{probabilities[row].max():.1%}")
        cells += [_text(value[key]) for key in extras]
        rows.add_row(*(Text(cell) for cell in cells))
    to.print(rows)
    _print_warnings(response, to, is_single=False)


def _print_warnings(response: PredictResponse, to: Console, *, is_single: bool) -> None:
    if response.outputs.warnings:
        to.print()
    for warning in response.outputs.warnings:
        at = "" if is_single else f"row {warning.row}, "
        text = f"warning: {at}{harmless(warning.field)}: {harmless(warning.message)}"
        to.print(Text(text, style="yellow"), soft_wrap=True)


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return harmless(msgspec.json.encode(value).decode())
    return value_text(value)
