"""`podium compare`: which of two versions of a model is better."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from podium.settings import read_settings

if TYPE_CHECKING:
    from rich.console import Console

    from podium.comparison.report import Comparison

_MARKS = {
    "pass": ("passed", "green"),
    "fail": ("failed", "red"),
    "unknown": ("not known", "yellow"),
}


@click.command()
@click.argument("model")
@click.argument("a", default="champion")
@click.argument("b", default="challenger")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON that the API would return.")
@click.option("--home", help="The home folder of the server; ./podium-home when left out.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
def compare(
    model: str, a: str, b: str, *, as_json: bool, home: str | None, config: Path | None
) -> None:
    """Compare the versions A and B of MODEL on the records whose truth is known.

    Each is an alias, a name or the beginning of a digest. Without them, the challenger is compared
    with the champion. The server may run meanwhile.
    """
    from podium.cli.terminal import console
    from podium.comparison.compare import compare as compared
    from podium.comparison.failures import failures_in
    from podium.deployments.registry import Registry
    from podium.evaluation.records import open_records
    from podium.gates import Gates

    settings = read_settings({"home": home}, file=config)
    registry = Registry(settings.registry_folder, settings.trust)
    with open_records(settings) as store:
        found = compared(
            registry,
            store,
            model,
            a,
            b,
            gates=settings.gates.get(model, Gates()),
            failures=failures_in(Path(settings.home), model),
        )
    if as_json:
        import msgspec

        from podium.protocols.comparison import value_of

        click.echo(msgspec.json.format(msgspec.json.encode(value_of(found))).decode())
    else:
        _print(found, console())


def _print(found: Comparison, to: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from podium.cli.terminal import harmless, indented, number, shelf
    from podium.comparison.report import change, span

    names = [harmless(f"{one.version} ({one.digest[:12]})") for one in (found.a, found.b)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in (harmless(found.model), *names, "difference"):
        table.add_column(head, overflow="fold")
    table.add_row("truths", *(f"{one.n_truths:,}" for one in (found.a, found.b)), "")
    for one in found.differences:
        sign = 1 if one.better == "higher" else -1
        low, high = sorted((sign * one.low, sign * one.high))
        figures = f"{change(one.name, sign * one.difference)} {span(one.name, low, high)}"
        table.add_row(one.title, f"{one.a:.4g}", f"{one.b:.4g}", figures)
    latencies = [one.latency_ms for one in (found.a, found.b)]
    shown = ["" if one is None else f"{number(round(one, 3))} ms" for one in latencies]
    table.add_row("median latency", *shown, "")
    to.print(table)
    to.print(Text(found.verdict, style="bold"))
    gates = shelf()
    for gate in found.gates:
        word, style = _MARKS[gate.status]
        gates.add_row(Text(word, style=style), harmless(gate.sentence))
    to.print(indented(gates))
    for note in found.notes:
        to.print(indented(Text(harmless(note))))
