"""Records of a store into a DuckDB or a Parquet file.

A DuckDB file is brought up to date: what is new since the last time is added, and feedback is that of
the store. Any other file is written beside its place, and moved there once it is whole.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from podium.analytics.columns import RECORD_COLUMNS, SCHEMA, TABLE, quoted, text_literal, view_of
from podium.errors import SetupError
from podium.plugins import needs
from podium.records.columns import FEEDBACK_NAMES, NAMES
from podium.records.record import Record
from podium.records.store import RecordQuery, Store, iter_pages
from podium.records.stores.rows import row_of
from podium.signature import Signature

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# So many records are added in one transaction.
PAGE_ROWS = 2_000
# Records may come into a store long after their time: from an outbox whose database was away.
LATE_US = 7 * 86_400_000_000
FORMAT = 1
_STATE = "podium_export"
# An export needs little: rows come a page at a time.
_CONFIG: dict[str, Any] = {
    "memory_limit": "1GB",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}

Signatures = Mapping[str, Sequence[Signature]]


class Exported(NamedTuple):
    """What an export did.

    Attributes:
        n_records: in the file now.
        n_new: of them, added.
        n_changed: of those that were there, with other feedback than before.
    """

    n_records: int
    n_new: int
    n_changed: int


def export_to_duckdb(
    store: Store, path: Path, signatures: Signatures, *, model: str = "", is_whole: bool = False
) -> Exported:
    """Export records into the table `records` of a DuckDB file, and a view for each model.

    Args:
        signatures: those of each model's versions, newest first.
        model: only its records; all by default. The same in each export to a file.
        is_whole: whether to write the file anew, without records that were deleted since.

    Raises:
        SetupError: the file isn't such an export, or can't be written.
        StoreError: the database of the records fails.
        MissingExtra: DuckDB isn't installed.
    """
    if path.exists() and not is_whole:
        with _opened(path) as connection:
            return _export(connection, store, path, signatures, model)
    with _beside(path) as part:
        with _opened(part) as connection:
            exported = _export(connection, store, path, signatures, model)
        part.replace(path)
    return exported


def export_to_parquet(
    store: Store, path: Path, signatures: Signatures, *, model: str = ""
) -> Exported:
    """Export records into a Parquet file; those of one model with columns of its signature.

    Raises: as `export_to_duckdb`.
    """
    with _beside(path) as part:
        with _opened(part.with_suffix(".duckdb")) as connection:
            exported = _export(connection, store, path, signatures, model)
            name = f"{SCHEMA}.{quoted(model)}" if model in signatures else f"main.{TABLE}"
            connection.execute(
                f"COPY (SELECT * FROM {name} ORDER BY time, id) "  # noqa: S608 - quoted
                f"TO {text_literal(str(part))} (FORMAT parquet, COMPRESSION zstd)"
            )
        part.replace(path)
    return exported


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn exceptions of DuckDB and the file system into a SetupError."""
    with needs("duckdb"):
        import duckdb
    try:
        yield
    except (duckdb.Error, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise SetupError(
            f"{path}: {reason}", hint="is another program using it, and is there room on the disk?"
        ) from error


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A place for a file that will be moved to this one."""
    with (
        failures(path),
        tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder,
    ):
        yield Path(folder) / path.name


@contextmanager
def _opened(path: Path) -> Iterator[DuckDBPyConnection]:
    with failures(path):
        import duckdb

        before = os.umask(0o077)  # its log is a file, too
        try:
            with duckdb.connect(config=_CONFIG) as connection:
                # Under a name of its own: the file may be called as a schema or a table in it.
                connection.execute(f"ATTACH {text_literal(str(path))} AS podium; USE podium")
                yield connection
        finally:
            os.umask(before)


def _export(
    connection: DuckDBPyConnection, store: Store, path: Path, signatures: Signatures, model: str
) -> Exported:
    newest_us = _prepared(connection, path, model)
    n_before, n_merged = _n_records(connection), 0
    for records in _selected(store, model, newest_us):
        n_merged += _merge(connection, records)
    connection.execute(
        f"UPDATE {_STATE} SET newest_us = (SELECT epoch_us(max(time)) FROM {TABLE})"  # noqa: S608
    )
    for (name,) in connection.execute(f"SELECT DISTINCT model FROM {TABLE}").fetchall():  # noqa: S608
        if name in signatures:
            connection.execute(view_of(name, signatures[name]))
    n_records = _n_records(connection)
    n_new = n_records - n_before
    return Exported(n_records, n_new, n_merged - n_new)


def _prepared(connection: DuckDBPyConnection, path: Path, model: str) -> int | None:
    """The time of the newest record in a file that has the tables now; None if there is none."""
    names = {name for (name,) in connection.execute("SHOW TABLES").fetchall()}
    if not names:
        columns = ", ".join(f"{one.name} {one.type}" for one in RECORD_COLUMNS)
        with _transaction(connection):
            connection.execute(f"CREATE TABLE {TABLE} ({columns}, PRIMARY KEY (id))")
            connection.execute(f"CREATE SCHEMA {SCHEMA}")
            connection.execute(
                f"CREATE TABLE {_STATE} (format INTEGER, model VARCHAR, newest_us BIGINT)"
            )
            state = f"INSERT INTO {_STATE} VALUES (?, ?, NULL)"  # noqa: S608
            connection.execute(state, [FORMAT, model])
        return None
    if not names >= {TABLE, _STATE}:
        raise SetupError(
            f"{path} is the database of another program", hint="export to a file of its own"
        )
    version, of_model, newest_us = _row(connection, f"SELECT * FROM {_STATE}")  # noqa: S608
    if version > FORMAT:
        raise SetupError(f"{path} was written by a newer Podium", hint="update this one")
    if of_model != model:
        raise SetupError(
            f"{path} has the records of {of_model or 'all models'}",
            hint="choose the same with --model, or export to another file",
        )
    for one in RECORD_COLUMNS:
        add = f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS {one.name} {one.type}"
        connection.execute(add)
    return None if newest_us is None else int(newest_us)


@contextmanager
def _transaction(connection: DuckDBPyConnection) -> Iterator[None]:
    connection.execute("BEGIN")
    yield
    connection.execute("COMMIT")


def _selected(store: Store, model: str, newest_us: int | None) -> Iterator[Sequence[Record]]:
    """What may be new, or have new feedback."""
    everything = RecordQuery(model=model or None)
    queries = [everything]
    if newest_us is not None:
        since_us = max(newest_us - LATE_US, 0)
        queries = [
            msgspec.structs.replace(everything, since_us=since_us),
            msgspec.structs.replace(everything, until_us=since_us, has_feedback=True),
        ]
    for query in queries:
        yield from iter_pages(store, query, rows=PAGE_ROWS, order="oldest")


_STRUCTURE = msgspec.json.encode([{one.source: one.source_type for one in RECORD_COLUMNS}]).decode()
_FEEDBACK = [one for one in RECORD_COLUMNS if one.source in FEEDBACK_NAMES]
_MERGE = (
    f"INSERT INTO {TABLE} ({', '.join(one.name for one in RECORD_COLUMNS)}) "  # noqa: S608
    f"SELECT {', '.join(one.expression for one in RECORD_COLUMNS)} FROM "
    f"(SELECT unnest(from_json(?::JSON, '{_STRUCTURE}'), max_depth := 2)) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{one.name} = excluded.{one.name}' for one in _FEEDBACK)} "
    f"WHERE {' OR '.join(f'excluded.{one.name} IS DISTINCT FROM {TABLE}.{one.name}' for one in _FEEDBACK)}"
)


def _merge(connection: DuckDBPyConnection, records: Sequence[Record]) -> int:
    """Add records, or their feedback where they are there; returns how many that changed."""
    if not records:
        return 0
    rows = [dict(zip(NAMES, row_of(one), strict=True)) for one in records]
    return int(_row(connection, _MERGE, [msgspec.json.encode(rows).decode()])[0])


def _n_records(connection: DuckDBPyConnection) -> int:
    return int(_row(connection, f"SELECT count(*) FROM {TABLE}")[0])  # noqa: S608


def _row(connection: DuckDBPyConnection, sql: str, values: Sequence[object] = ()) -> Any:
    row = connection.execute(sql, values).fetchone()
    assert row is not None
    return row
