"""`podium explain`: why a model predicts what it does for a row."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.text import Text

from podium.bundle import load
from podium.cli.main import exit_code, print_error
from podium.cli.predict import request_of
from podium.cli.terminal import console, harmless, indented, shelf
from podium.errors import InputError, InvalidRows
from podium.explanations.explain import Explainer
from podium.explanations.explanation import Explanation
from podium.flow.prepare import prepare
from podium.flow.version import LoadedVersion
from podium.signature.infer import json_value
from podium.signature.labels import label_text
from podium.table import Table
from podium.web.bidi import bare
from podium.web.explaining import explanation_value
from podium.web.why import NO_CAUSE, why_of


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]... | -")
@click.option("--file", type=click.Path(path_type=Path), help="One row: JSON, NDJSON or CSV.")
@click.option("--label", metavar="CLASS", help="Explain the probability of this class.")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
@click.option("--trust", multiple=True, metavar="sha256:...", help="Allow this pickle to run code.")
def explain(
    bundle: Path,
    values: tuple[str, ...],
    file: Path | None,
    label: str | None,
    as_json: bool,
    trust: tuple[str, ...],
) -> int:
    """Predict one row, and show how much each field moved the answer.

    \b
    podium explain churn.podium age=41 plan=pro
    podium explain churn.podium --file row.json --label yes
    """
    version = LoadedVersion(load(bundle, trust=trust))
    if not values and file is None:
        raise click.UsageError(f"give a row: podium predict {bundle} shows the fields")
    request = request_of(version.bundle, values, file)
    try:
        row = prepare(version, request).table
    except InvalidRows as error:
        print_error(error)
        click.echo(f"podium predict {bundle} shows every field", err=True)
        return exit_code(error)
    if row.n_rows != 1:
        raise click.UsageError(f"one row is explained, not {row.n_rows}")
    background = version.bundle.background
    empty = row.take(slice(0, 0))
    explainer = Explainer(version.runtime, empty if background is None else background)
    (found,) = explainer.explain(row, label=_place(version, label))
    if as_json:
        click.echo(msgspec.json.encode(explanation_value(version, found)))
    else:
        _print(version, row, found)
    return 0


def _place(version: LoadedVersion, label: str | None) -> int | None:
    """The position of a class."""
    if label is None:
        return None
    classes = [label_text(one) for one in version.signature.output.classes]
    if label not in classes:
        known = ", ".join(map(harmless, classes)) or "none"
        raise InputError(f"the model has no class {label!r}", hint=f"known: {known[:500]}")
    return classes.index(label)


def _print(version: LoadedVersion, row: Table, found: Explanation) -> None:
    signature = version.signature
    (cells,) = row.rows()
    inputs = {one.name: json_value(cells[one.name], one) for one in signature.fields}
    why, to = why_of(signature, found, inputs), console()
    to.print(Text(harmless(bare(why.words))), soft_wrap=True)
    to.print()
    rows = shelf()
    for bar in why.bars:
        style = "cyan" if bar.is_up else "magenta"
        rows.add_row(
            Text(harmless(bar.label)),
            Text(harmless(bar.own)),
            Text(harmless(bar.text), justify="right", style=style),
        )
    to.print(indented(rows))
    to.print()
    to.print(Text(f"{why.note} {NO_CAUSE}".strip(), style="dim"), soft_wrap=True)
