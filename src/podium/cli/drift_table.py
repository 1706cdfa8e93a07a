"""What drifted and how far, as a table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import click
import numpy as np
from rich.table import Table

from podium.cli.terminal import console, harmless, indented, number
from podium.monitoring.counts import Counted, Counts, Kind
from podium.monitoring.drift import AMBER, RED, ROWS_MIN, Level

_SHOWN_MAX = 20
_COLORS: Mapping[Level, str] = {"none": "green", "amber": "yellow", "red": "red"}
_TITLES: Mapping[Kind, str] = {
    "field": "",
    "prediction": "prediction ",
    "score": "score",
    "probability": "probability of ",
}


class Line(NamedTuple):
    """A field or a part of the outputs.

    Attributes:
        psi: population stability index, less what chance adds to it.
        slots: what is counted where, in words.
        trained: the training rows, counted.
        counts: the rows that are compared with them, counted.
    """

    what: Counted
    psi: float
    level: Level
    slots: Sequence[str]
    trained: Counts
    counts: Counts


def print_drifts(lines: Sequence[Line], n_rows: int) -> None:
    """Print what drifted most.

    Args:
        n_rows: how many rows are compared with training.
    """
    if n_rows < ROWS_MIN:
        click.echo(f"Fewer than {ROWS_MIN} rows are too few to tell drift from chance.")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", justify="left")
    table.add_column("PSI", justify="right")
    table.add_column("drift", justify="left")
    table.add_column("greatest change", justify="left")
    ordered = sorted(lines, key=lambda one: -one.psi)
    for one in ordered[:_SHOWN_MAX]:
        table.add_row(
            harmless(_TITLES[one.what.kind] + one.what.name),
            f"{max(one.psi, 0.0):.3f}",
            one.level,
            _greatest_change(one),
            style=_COLORS[one.level] if one.level != "none" else "",
        )
    console().print(indented(table))
    if len(ordered) > _SHOWN_MAX:
        n_more = len(ordered) - _SHOWN_MAX
        click.echo(f"  and {n_more} more with less: --json has them all")
    n_drifted = sum(one.level != "none" for one in ordered)
    if n_drifted:
        click.echo(f"{n_drifted} of {len(ordered)} drifted.")
    elif n_rows >= ROWS_MIN:
        click.echo(
            "Nothing drifted: no change is both larger than chance and large enough to matter."
        )
    click.echo(
        f"PSI: population stability index, less what chance adds; amber from {AMBER}, red from {RED}."
    )


def _greatest_change(line: Line) -> str:
    """The slot whose share changed most: `missing: 1 % -> 6 %`."""
    n_now, n_before = int(line.counts.sum()), int(line.trained.sum())
    if not n_now or not n_before:
        return ""
    p, q = line.trained / n_before, line.counts / n_now
    at = int(np.argmax(np.abs(q - p)))
    return f"{harmless(line.slots[at])}: {_percent(p[at])} -> {_percent(q[at])}"


def _percent(share: float) -> str:
    return f"{number(round(100 * float(share), 1))} %"
