"""`podium records`: backups, deletion, exports, and repair of a damaged file."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from podium.errors import SetupError
from podium.settings import read_settings

_BROKEN = 4


def _with_places(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """A command that receives the store's file and the folder of the outboxes."""

    @click.option("--home", help="The home folder of the server; ./podium-home by default.")
    @click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
    @wraps(command)
    def run(*, home: str | None, config: Path | None, **options: Any) -> int | None:
        from podium.app import outbox_folder, store_file
        from podium.records.open import without_password

        settings = read_settings({"home": home}, file=config)
        path = store_file(settings)
        if path is None:
            raise SetupError(
                f"the records are in {without_password(settings.store)}, which isn't a SQLite file",
                hint="use the database's own tools, such as pg_dump",
            )
        folder = outbox_folder(settings)
        if not path.exists() and not folder.exists() and command.__name__ != "restore":
            raise SetupError(
                f"there are no records: {path} doesn't exist",
                hint="podium serve makes it; --home names the folder of the server",
            )
        return command(path, folder, **options)

    return run


@click.group()
def records() -> None:
    """Back up, delete, check, repair, restore, export or query records.

    The server may run meanwhile.

    \b
    podium records backup monday.db
    podium records delete --model churn --until 2026-01-31
    podium records export --to records.duckdb
    podium records query "select count(*) from records"
    podium records check
    podium records repair
    podium records restore monday.db
    """


@records.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_with_places
def backup(path: Path, folder: Path, *, file: Path) -> None:
    """Copy all records into FILE, including the latest ones."""
    from podium.outbox.care import back_up

    n_records = back_up(path, folder, file)
    click.echo(f"{file} contains {_of_records(n_records)}.")


@records.command()
@_with_places
def check(path: Path, folder: Path) -> int | None:
    """Show the number of records and whether their file is intact; exit code 4 if it isn't."""
    from podium.outbox import care

    report = care.check(path, folder)
    n_records = "" if report.n_records is None else f"{_of_records(report.n_records)}, "
    click.echo(f"{path}: {n_records}{'intact' if report.is_well else 'damaged'}")
    for problem in report.problems:
        click.echo(f"  {problem}")
    if report.n_waiting:
        click.echo(f"{_of_records(report.n_waiting)} in the outbox, not yet in this file")
    if report.n_refused:
        click.echo(f"{_of_records(report.n_refused)} set aside in {folder / 'refused.jsonl'}")
    for name in report.damaged:
        click.echo(f"a damaged file of the outbox is in {folder / 'damaged' / name}")
    if report.is_well:
        return None
    click.echo("Restore a backup (podium records restore FILE), or recover what can be read:")
    click.echo("podium records repair")
    return _BROKEN


@records.command()
@_with_places
def repair(path: Path, folder: Path) -> None:
    """Copy every record that can be read into a new file; the damaged one stays beside it."""
    from podium.outbox import care

    result = care.repair(path, folder)
    lost = f"; {_of_records(result.n_lost)} couldn't be read" if result.n_lost else ""
    click.echo(f"{path} contains {_of_records(result.n_records)} now{lost}.")
    click.echo(f"The previous file is {result.aside}.")


@records.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_with_places
def restore(path: Path, folder: Path, *, file: Path) -> None:
    """Replace the records by those in FILE, a backup; the current ones stay beside it."""
    from podium.outbox import care

    result = care.restore(path, folder, file)
    click.echo(f"{path} contains {_of_records(result.n_records)} now.")
    if result.aside.exists():
        click.echo(f"The previous file is {result.aside}.")


@records.command()
@click.option("--model", default="", help="Of this model.")
@click.option("--version", default="", help="Of this version.")
@click.option("--since", default="", help="From the start of this day (UTC).")
@click.option("--until", default="", help="Until the end of this day (UTC).")
@click.option("--outcome", default="", help="With this prediction.")
@click.option("--owner", default="", help="Of this owner, such as user:7.")
@click.option("--business-key", default="", help="With this business key.")
@click.option(
    "--id", "record_id", default="", help="The record with this id, or all whose ids begin with it."
)
@click.option(
    "--key", default="", metavar="FIELD=VALUE", help="Whose input has this value, as FIELD=VALUE."
)
@click.option("--all", "is_everything", is_flag=True, help="All records.")
@click.option("--yes", is_flag=True, help="Delete them; without it they are only counted.")
@click.option("--home", help="The home folder of the server; ./podium-home by default.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
def delete(
    *, is_everything: bool, yes: bool, home: str | None, config: Path | None, **criteria: str
) -> int | None:
    """Delete the records that match all options, wherever Podium stores them.

    Without --yes they are only counted. --id and --key serve requests for erasure:

    \b
    podium records delete --key customer=4711 --yes
    """
    from podium.cli.record_deletion import delete as run
    from podium.web.deleting import selected_by

    criteria["id"] = criteria.pop("record_id")
    selection = selected_by(criteria, is_everything=is_everything)
    return run(read_settings({"home": home}, file=config), selection, is_sure=yes)


@records.command()
@click.option(
    "--to",
    "path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that ends in .duckdb or .parquet.",
)
@click.option("--model", default="", help="Only records of this model.")
@click.option("--whole", is_flag=True, help="Write the file anew, without deleted records.")
@click.option("--home", help="The home folder of the server; ./podium-home by default.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
def export(path: Path, *, model: str, whole: bool, home: str | None, config: Path | None) -> None:
    """Export records, of any store, to a DuckDB or a Parquet file.

    A DuckDB file that is there gets what is new, and the feedback of today:

    \b
    podium records export --to records.duckdb
    podium records export --to churn.parquet --model churn
    """
    from podium.cli.record_export import export as run

    run(read_settings({"home": home}, file=config), path, model=model, is_whole=whole)


@records.command()
@click.argument("sql")
@click.option(
    "--from",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="An export; without it, all records are exported to a temporary one.",
)
@click.option("--model", default="", help="Only records of this model.")
@click.option("--json", "form", flag_value="json", help="Print JSON: an object a line.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--memory", default="1GB", show_default=True, help="How much the query may take.")
@click.option(
    "--seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="How long it may take.",
)
@click.option("--home", help="The home folder of the server; ./podium-home by default.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
def query(*, home: str | None, config: Path | None, **options: Any) -> None:
    """Answer a SELECT over the records, with DuckDB.

    \b
    podium records query "select version, count(*) from records group by version"
    podium records query "select avg(prediction - truth) from models.delays" --from records.duckdb
    """
    from podium.cli.record_export import query as run

    run(read_settings({"home": home}, file=config), **options)


def _of_records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"
