"""The figures of `podium bench`, and what a plan needs, for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from podium.cli.terminal import console, harmless, shelf

if TYPE_CHECKING:
    from podium.capacity.figures import Case, Figures

# The program that asks uses a core of its own, and can't ask faster than that.
LIMIT_SHARE = 0.9
NOISY_SHARE, NOISY_SPREAD = 0.1, 0.2
TABLE_WIDTH = 90


def print_figures(figures: Figures) -> None:
    """Print all that was measured."""
    to = console()
    machine = figures.machine
    memory = f", {int(machine['memory_mb']) / 1024:.0f} GB" if "memory_mb" in machine else ""
    to.print(f"\n{harmless(figures.model)} on {machine['cores']} cores of {machine['cpu']}{memory}")
    has_workers = len({one.n_workers for one in figures.cases}) > 1
    # Wider than a narrow terminal rather than with figures that are cut off.
    wide = console()
    wide.width = max(to.width, TABLE_WIDTH)
    wide.print(_table(figures, has_workers=has_workers))
    for line in _notes(figures):
        to.print(line, soft_wrap=True)
    parts = shelf()
    for name, text in _facts(figures):
        parts.add_row(name, text)
    to.print(parts)


def _table(figures: Figures, *, has_workers: bool) -> Table:
    names = ["connections", "rows", "requests/s", "rows/s", "p50 ms", "p99 ms", "CPU µs/row", "±"]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ["workers", *names] if has_workers else names:
        table.add_column(name, justify="right", no_wrap=True)
    for one in figures.cases:
        cost = "" if one.cpu_us_per_row is None else _short(one.cpu_us_per_row)
        cells = [
            str(one.n_connections),
            f"{one.n_rows:,}",
            f"{one.requests_per_s:,.0f}{'*' if one.load_share >= LIMIT_SHARE else ''}",
            f"{one.rows_per_s:,.0f}",
            _short(one.p50_ms),
            _short(one.p99_ms),
            cost,
            f"{one.spread / 2:.0%}",
        ]
        table.add_row(*([str(one.n_workers)] if has_workers else []), *cells)
    return table


def _notes(figures: Figures) -> list[str]:
    """What to know about the table."""
    runs = f"{figures.n_rounds} rounds of {figures.seconds:g} s"
    notes = [f"\nMedians of {runs}; ± is half of the distance between the slowest and the fastest."]
    if figures.n_rounds == 1:
        notes = [f"\nOne round of {figures.seconds:g} s."]
    if any(one.load_share >= LIMIT_SHARE for one in figures.cases):
        notes.append("* the program that asks was the limit: the server can do more")
    for one in figures.cases:
        if one.failed:
            why = ", ".join(f"{harmless(name)}: {n:,}" for name, n in one.reasons.items())
            notes.append(f"{one.failed:,} requests of {_way(one)} failed: {why}")
    spread = max((one.spread for one in figures.cases), default=0.0)
    others, cores = figures.others, int(figures.machine["cores"])
    is_noisy = spread > NOISY_SPREAD or (others or 0.0) > NOISY_SHARE * cores
    if others is not None:
        notes.append(f"Other programs used {others:.1f} of {cores} cores meanwhile.")
    if is_noisy:
        notes.append("This machine was busy: measure again when nothing else runs here.")
    return notes


def _facts(figures: Figures) -> list[tuple[str, str]]:
    """What a server takes of this machine."""
    facts = []
    for one in figures.servers:
        text = f"ready after {one.ready_s:.1f} s"
        if one.worker_mb is not None:
            text += f", {one.worker_mb:.0f} MB a worker"
        if one.shipper_mb is not None:
            text += f", {one.shipper_mb:.0f} MB the process that ships records"
        facts.append((f"{one.n_workers} worker{'s' if one.n_workers > 1 else ''}", text))
    if figures.sizes is not None:
        sizes = figures.sizes
        text = (
            f"{sizes.sqlite:.0f} bytes in SQLite; on its way there {sizes.outbox_alone:.0f} in the "
            f"outbox, {sizes.outbox_together:.0f} where a request has 100 rows"
        )
        facts.append(("a record", text))
    return facts


def print_need(
    figures: Figures, rows_per_s: float, *, p99_ms: float, n_rows: int, to_stderr: bool
) -> None:
    """Print what so many rows need.

    Raises:
        SetupError: nothing that was measured says so.
    """
    from podium.capacity.plan import USE, need_of

    need = need_of(figures, rows_per_s, p99_ms=p99_ms, n_rows=n_rows)
    to: Console = console(stderr=to_stderr)
    to.print(f"\n{rows_per_s:,.6g} rows a second need, with {_way(need.case)}:")
    parts = shelf()
    parts.add_row("workers", f"{need.workers}")
    cores = f"{need.cores:.2g}" if need.cores < 10 else f"{need.cores:,.0f}"
    machines = math.ceil(need.cores / int(figures.machine["cores"]))
    parts.add_row(
        "CPU", f"{cores} cores, so {machines} machine{'s' * (machines > 1)} like this one"
    )
    if need.memory_mb is not None:
        parts.add_row("memory", f"{need.memory_mb:,.0f} MB")
    if need.store_gb_per_month is not None and need.outbox_mb_per_h is not None:
        parts.add_row("disk", f"{need.store_gb_per_month:,.1f} GB a month in SQLite")
        parts.add_row("", f"{need.outbox_mb_per_h:,.0f} MB for each hour without the database")
    to.print(parts)
    to.print(
        f"CPU and workers leave {1 - USE:.0%} free, for peaks and for short waits. These are averages: "
        "plan with the busiest hour, not with the mean of a day.",
        soft_wrap=True,
    )


def _way(case: Case) -> str:
    connections = f"{case.n_connections} connection{'s' if case.n_connections > 1 else ''}"
    return f"{connections} and {case.n_rows:,} row{'s' if case.n_rows > 1 else ''} a request"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
