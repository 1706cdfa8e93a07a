"""The implementation of `podium records export` and `podium records query`."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
import tempfile
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from podium.analytics.export import Exported, export_to_duckdb, export_to_parquet
from podium.analytics.query import Answer, run_query
from podium.cli.terminal import console, harmless, value_text
from podium.deployments.catalog import Catalog
from podium.errors import PodiumError
from podium.evaluation.records import open_records
from podium.records.export import neutral
from podium.settings import Settings
from podium.signature import Signature

ROWS_SHOWN = 100


def export(settings: Settings, path: Path, *, model: str, is_whole: bool) -> None:
    """Export the records to a file, and print what it contains.

    Raises:
        UsageError: its name doesn't say what kind of file it is.
        PodiumError: it can't be read or written.
    """
    if path.suffix not in (".duckdb", ".parquet"):
        raise click.UsageError(f"--to {path}: give a name that ends in .duckdb or .parquet")
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"--to {path}: there is no folder {path.parent}")
    exported = _export(settings, path.absolute(), model, is_whole=is_whole)
    click.echo(
        f"{path} contains {_of_records(exported.n_records)}: {exported.n_new:,} new, "
        f"{exported.n_changed:,} with other feedback than before."
    )


def query(
    settings: Settings,
    *,
    sql: str,
    path: Path | None,
    model: str,
    form: str | None,
    memory: str,
    seconds: float,
) -> None:
    """Print the answer to a query over an export, or over a temporary one.

    Raises:
        UsageError: a model is given beside an export.
        PodiumError: the records can't be read, or the query fails.
    """
    if path is not None and model:
        raise click.UsageError("--model chooses what is exported; with --from, write it in SQL")
    with ExitStack() as stack:
        if path is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="podium-query-"))
            path = Path(folder) / "records.duckdb"
            _export(settings, path, model, is_whole=False)
        answer = stack.enter_context(run_query(path, sql, memory=memory, seconds=seconds))
        {"json": _print_json, "csv": _print_csv}.get(form or "", _print_table)(answer)


def _export(settings: Settings, path: Path, model: str, *, is_whole: bool) -> Exported:
    signatures = _signatures(settings)
    with open_records(settings) as store:
        if path.suffix == ".parquet":
            return export_to_parquet(store, path, signatures, model=model)
        return export_to_duckdb(store, path, signatures, model=model, is_whole=is_whole)


def _signatures(settings: Settings) -> dict[str, list[Signature]]:
    """Those of each model's versions, newest first, as far as their bundles are there."""
    catalog = Catalog(settings.registry_folder)
    found: dict[str, list[Signature]] = {}
    for model in catalog.models():
        for version in catalog.versions(model):
            try:
                found.setdefault(model, []).append(catalog.files.signature(version))
            except PodiumError as error:
                click.echo(f"without the columns of {model} {version.name}: {error}", err=True)
    return {model: signatures for model, signatures in found.items() if signatures}


def _print_table(answer: Answer) -> None:
    rows = list(islice(answer.rows(), ROWS_SHOWN + 1))
    table = Table(box=None, pad_edge=False)
    for name in answer.names:
        table.add_column(harmless(name), overflow="fold")
    for row in rows[:ROWS_SHOWN]:
        table.add_row(*(_cell(value) for value in row))
    to = console()
    to.print(table)
    if len(rows) > ROWS_SHOWN:
        to.print(f"The first {ROWS_SHOWN} rows; --csv and --json print all.")


def _cell(value: Any) -> str:
    is_plain = isinstance(value, (bool, int, float, str))
    return "" if value is None else value_text(value) if is_plain else harmless(value)


def _print_json(answer: Answer) -> None:
    for row in answer.rows():
        plain = dict(zip(answer.names, map(_json_value, row), strict=True))
        click.echo(json.dumps(plain, ensure_ascii=False, allow_nan=False))


def _json_value(value: Any) -> Any:
    """A value in terms of JSON: NaN and infinities are null, times are ISO 8601."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_value(item) for item in value]
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def _print_csv(answer: Answer) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(map(neutral, answer.names))
    for row in answer.rows():
        values = (_json_value(value) for value in row)
        writer.writerow(
            neutral(json.dumps(one, ensure_ascii=False) if isinstance(one, (dict, list)) else one)
            for one in values
        )
        if text.tell() > 2**16:
            click.echo(text.getvalue(), nl=False)
            text.seek(0)
            text.truncate()
    click.echo(text.getvalue(), nl=False)


def _of_records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"
