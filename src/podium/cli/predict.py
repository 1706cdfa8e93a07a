"""`podium predict`: one answer, or a few, here and now."""

from __future__ import annotations

import sys
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
from podium.cli.main import exit_code, tell
from podium.cli.terminal import bar, console, harmless, heading, indented, shelf, value_text
from podium.errors import InvalidRows, SetupError
from podium.flow.answer import predictions_of, probabilities_of
from podium.flow.decode import CSV, FORM, JSON, LINES
from podium.flow.deployment import Deployment
from podium.flow.predict import Answer, Ask, predict_now
from podium.signature import Signature

_MEDIA = {".json": JSON, ".csv": CSV, ".tsv": CSV, ".ndjson": LINES, ".jsonl": LINES}
_CLASSES_SHOWN = 20


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]... | -")
@click.option(
    "--file", type=click.Path(path_type=Path), help="Rows to answer: JSON, NDJSON or CSV."
)
@click.option("--json", "as_json", is_flag=True, help="Print what the API would answer.")
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
    """Answer one row, or a few. Without values, show what the model of BUNDLE takes.

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
        _show_fields(opened, console())
        return 0
    ask = _asked(opened, values, file)
    try:
        answer = predict_now(Deployment(name=opened.name, bundle=opened), ask)
    except InvalidRows as error:
        tell(error)
        if file is not None and any(cell.code == "unknown_field" for cell in error.cells):
            click.echo("podium score answers files, and passes over other columns", err=True)
        click.echo(f"podium predict {bundle} shows what every field takes", err=True)
        return exit_code(error)
    if as_json:
        click.echo(answer.body)
    elif len(answer.outputs) == 1:
        _show_one(opened, answer, console())
    else:
        _show_many(opened.signature, answer, console())
    return 0


def _asked(bundle: Bundle, values: tuple[str, ...], file: Path | None) -> Ask:
    """The request that the command line makes: the same as a form or a body would."""
    if file is not None or values == ("-",):
        if file is not None and values:
            raise click.UsageError("give either values or --file, not both")
        name = "" if file is None else str(file)
        body = sys.stdin.buffer.read() if file is None or name == "-" else _read(file)
        return Ask(body, _media(name, body), "application/json", source="cli")
    pairs = [_pair(bundle, value) for value in values]
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise click.UsageError(f"{harmless(twice)!r} is given twice")
    return Ask(urlencode(pairs).encode(), FORM, source="cli")


def _pair(bundle: Bundle, value: str) -> tuple[str, str]:
    """A field's name and its value; both may hold `=`, so that the longest known name wins."""
    known = [name for name in bundle.signature.names if value.startswith(f"{name}=")]
    name = max(known, key=len) if known else value.partition("=")[0]
    if len(name) == len(value):
        hint = f"write NAME=VALUE, as in:\n{example_command(bundle)}"
        if Path(value).is_file():
            hint = f"to answer the rows of a file:\npodium predict {bundle.path} --file {value}"
        raise click.UsageError(f"{harmless(value)!r} has no '='\n{hint}")
    # A command line holds bytes; what isn't UTF-8 arrives as lone surrogates, and can't be sent.
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
            f"{file} can't be read: {error.strerror}", hint="name a JSON, NDJSON or CSV file"
        ) from error


def _media(name: str, body: bytes) -> str:
    """What rows are written in: as the file's name says, or as they look."""
    known = _MEDIA.get(Path(name).suffix.lower())
    if known is not None:
        return known
    begin = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if begin == b"{" and b"}\n{" in body.replace(b"\r", b""):
        return LINES
    return JSON if begin in (b"{", b"[", b"") else CSV


def _show_fields(bundle: Bundle, to: Console) -> None:
    signature = bundle.signature
    to.print(heading(harmless(bundle.card.title or bundle.name)))
    to.print(indented(fields_table(signature, to)))
    to.print()
    to.print("For example:")
    to.print(f"  {example_command(bundle)}", soft_wrap=True)


def _show_one(bundle: Bundle, answer: Answer, to: Console) -> None:
    signature, outputs = bundle.signature, answer.outputs
    prediction = predictions_of(signature, outputs)[0]
    rows = shelf()
    for output in signature.outputs:
        value = prediction[output.name] if len(signature.outputs) > 1 else prediction
        unit = f" {harmless(output.unit)}" if output.unit else ""
        rows.add_row(Text(harmless(output.label)), Text(_text(value) + unit, style="bold"))
    to.print(indented(rows))
    probabilities = probabilities_of(signature.output, outputs)
    if probabilities is not None:
        to.print()
        to.print(indented(_bars(probabilities[0], to)))
    _show_warnings(answer, to, is_single=True)


def _bars(probabilities: dict[str, float], to: Console) -> Grid:
    """Probabilities as bars, the highest first; the least of very many are left out."""
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])
    rows = shelf()
    for label, share in ranked[:_CLASSES_SHOWN]:
        rows.add_row(
            Text(harmless(label), overflow="ellipsis", no_wrap=True),
            Text(f"{share:.1%}", justify="right"),
            Text(bar(share, to), style="cyan"),
        )
    if len(ranked) > _CLASSES_SHOWN:
        rest = sum(share for _, share in ranked[_CLASSES_SHOWN:])
        rows.add_row(f"{len(ranked) - _CLASSES_SHOWN} others", f"{rest:.1%}", bar(rest, to))
    return rows


def _show_many(signature: Signature, answer: Answer, to: Console) -> None:
    probabilities = probabilities_of(signature.output, answer.outputs)
    rows = Grid(box=None, pad_edge=False, header_style="bold")
    rows.add_column("row", justify="right")
    for output in signature.outputs:
        unit = f" ({harmless(output.unit)})" if output.unit else ""
        rows.add_column(harmless(output.label) + unit, overflow="fold")
    if probabilities is not None:
        rows.add_column("probability", justify="right")
    for row, prediction in enumerate(predictions_of(signature, answer.outputs)):
        values = list(prediction.values()) if len(signature.outputs) > 1 else [prediction]
        cells = [str(row), *(_text(value) for value in values)]
        if probabilities is not None:
            cells.append(f"{max(probabilities[row].values()):.1%}")
        rows.add_row(*(Text(cell) for cell in cells))
    to.print(rows)
    _show_warnings(answer, to, is_single=False)


def _show_warnings(answer: Answer, to: Console, *, is_single: bool) -> None:
    if answer.outputs.warnings:
        to.print()
    for warning in answer.outputs.warnings:
        at = "" if is_single else f"row {warning.row}, "
        said = f"warning: {at}{harmless(warning.field)}: {harmless(warning.message)}"
        to.print(Text(said, style="yellow"), soft_wrap=True)


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return harmless(msgspec.json.encode(value).decode())
    return value_text(value)
