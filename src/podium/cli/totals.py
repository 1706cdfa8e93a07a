"""The totals of a scoring, for people."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from podium.cli.terminal import harmless
from podium.errors import BadCell
from podium.scoring.remote import Url
from podium.scoring.report import EXAMPLES_MAX
from podium.scoring.scorer import Scored

_WARNINGS = {
    "outside": ("outside the range seen in training", "value"),
    "unknown": ("not in the training data", "value"),
    "missing": ("without a value", "row"),
}
_FIELDS_MAX = 10


@dataclass
class Totals:
    """Counts of a scoring, and how long it took.

    Attributes:
        place: what a position in the input file is called.
        first: the first invalid cells, each with the position of its row, and the file if there
            are several.
    """

    place: str
    n_rows: int = 0
    n_refused: int = 0
    first: Sequence[tuple[int | str, BadCell]] = ()
    warnings: Counter[tuple[str, str]] = field(default_factory=Counter)
    began: float = field(default_factory=time.perf_counter)

    def add(self, n_rows: int, scored: Scored) -> None:
        """Count a chunk."""
        self.n_rows += n_rows
        self.n_refused += len(scored.refused)
        self.warnings.update((one.field, one.code) for one in scored.warnings)

    def merge(self, part: Totals, file: str = "") -> None:
        """Count a part of the rows.

        Args:
            file: that the part is of, if there are several.
        """
        self.n_rows += part.n_rows
        self.n_refused += part.n_refused
        self.warnings.update(part.warnings)
        some = part.first[: EXAMPLES_MAX - len(self.first)]
        named = [(f"{place} of {file}" if file else place, cell) for place, cell in some]
        self.first = [*self.first, *named]

    def print_summary(self, output: Path | Url | None, errors: Path | None) -> None:
        """Print the totals on standard error, where no pipe takes them for rows."""
        seconds = time.perf_counter() - self.began
        n_scored = self.n_rows - self.n_refused
        to = f": {output}" if output is not None else ""
        speed = f" ({self.n_rows / seconds:,.0f} rows/s)" if self.n_rows else ""
        click.echo(f"scored {_counted(n_scored, 'row')} in {seconds:.1f} s{speed}{to}", err=True)
        if self.n_refused:
            where = f": {errors}" if errors is not None else ""
            click.secho(f"refused {_counted(self.n_refused, 'row')}{where}", fg="red", err=True)
            for place, cell in self.first:
                click.echo(f"  {self.place} {place}{_problem_text(cell)}", err=True)
            if self.n_refused > len({place for place, _ in self.first}):
                click.echo("  and more", err=True)
        ranked = self.warnings.most_common(_FIELDS_MAX)
        if ranked:
            total = sum(self.warnings.values())
            click.secho(_counted(total, "warning"), fg="yellow", err=True)
        for (name, code), n in ranked:
            description, noun = _WARNINGS.get(code, (code, "value"))
            click.echo(f"  {harmless(name)}: {_counted(n, noun)} {description}", err=True)


def _problem_text(cell: BadCell) -> str:
    value = f" {cell.value!r}" if cell.value else ""
    name = f", {harmless(cell.field)}{value}" if cell.field else ""
    accepted = f" (accepted: {harmless(cell.accepted)})" if cell.accepted else ""
    return f"{name}: {cell.problem}{accepted}"


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
