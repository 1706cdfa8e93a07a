"""Shared by commands about accounts: opening their database, and printing tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.measure import Measurement
from rich.table import Table

from podium.cli.terminal import console, harmless
from podium.settings import read_settings

_WIDE = 100_000
_where = [
    click.option("--home", help="The home folder of the server; ./podium-home by default."),
    click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML."),
]


def prepared(command: Callable[..., None]) -> Callable[..., None]:
    """A command that opens the accounts' database first."""

    @wraps(command)
    def run(*, home: str | None, config: Path | None, **options: Any) -> None:
        from podium.accounts.start import configure, migrate

        settings = read_settings({"home": home, "accounts": True}, file=config)
        configure(settings)
        migrate(settings)
        command(**options)

    for option in _where:
        run = option(run)
    return run


def print_table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table, without control characters: its cells were typed by users."""
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*map(harmless, row))
    to = console()
    # One row per line, however long: other programs read that.
    to.width = max(to.width, Measurement.get(to, to.options.update(width=_WIDE), table).maximum)
    to.print(table)
