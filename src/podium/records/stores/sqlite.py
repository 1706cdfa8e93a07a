"""Records in a SQLite file.

One connection, one lock: apsw holds the GIL released while SQLite works, and a WAL lets other
processes read meanwhile. Every statement runs in the lock, so no thread sees half a batch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec

from podium.errors import StoreError
from podium.records.record import Feedback, Record
from podium.records.store import (
    InsertResult,
    Page,
    RecordQuery,
    StoreFeatures,
    cursor_of,
    read_cursor,
    reason_to_refuse,
)

# Deleting holds the lock: in pieces of this size it does so for some ten milliseconds.
DELETE_ROWS = 1_000
BUSY_MS = 5_000
SCHEMA = 1

_TABLE = """
CREATE TABLE record (
    id TEXT NOT NULL PRIMARY KEY,
    time_us INTEGER NOT NULL,
    model TEXT NOT NULL,
    version TEXT NOT NULL,
    inputs BLOB NOT NULL,
    outputs BLOB NOT NULL,
    outcome TEXT NOT NULL,
    outcome_number REAL,
    latency_us INTEGER NOT NULL,
    source TEXT NOT NULL,
    actor TEXT,
    feedback BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX record_by_time ON record (time_us, id);
CREATE INDEX record_by_model ON record (model, time_us, id);
CREATE INDEX record_by_outcome ON record (model, outcome, time_us, id);
"""
_COLUMNS = (
    "id, time_us, model, version, inputs, outputs, outcome, outcome_number, latency_us, source, "
    "actor, feedback"
)
_INSERT = f"INSERT INTO record ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"  # noqa: S608


class SqliteStore:
    """A store in one file, made with mode 0600.

    Raises:
        StoreError: the file can't be opened, isn't a database, or is a newer Podium's.
    """

    features = StoreFeatures(
        has_atomic_batch=True, reads_own_writes=True, has_filters=True, durability="process"
    )

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._path = path
        with _failures(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
            self._connection = apsw.Connection(str(path))
            self._connection.set_busy_timeout(BUSY_MS)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._migrate()

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Keep records, all or none; one whose id is kept already changes nothing."""
        failed = {r.id: why for r in records if (why := reason_to_refuse(r)) is not None}
        good = [_row(record) for record in records if record.id not in failed]
        with self._lock, _failures(self._path), self._connection:
            before = self._connection.total_changes()
            self._connection.executemany(_INSERT, good)
            inserted = self._connection.total_changes() - before
        return InsertResult(inserted=inserted, duplicates=len(good) - inserted, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record of this id, or None."""
        sql = f"SELECT {_COLUMNS} FROM record WHERE id = ?"  # noqa: S608
        rows = self._rows(sql, (record_id,))
        found = _record(rows[0]) if rows else None
        return found if found is not None and time_us in (None, found.time_us) else None

    def page(self, query: RecordQuery, *, limit: int, cursor: str | None = None) -> Page:
        """At most `limit` records, newest first by time and id."""
        where, values = _where(query)
        if cursor is not None:
            time_us, record_id = read_cursor(cursor)
            where.append("time_us <= ? AND (time_us < ? OR id < ?)")
            values += [time_us, time_us, record_id]
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        sql = (
            f"SELECT {_COLUMNS} FROM record {condition} "  # noqa: S608 - made of our own texts
            "ORDER BY time_us DESC, id DESC LIMIT ?"
        )
        rows = self._rows(sql, (*values, limit + 1))
        records = tuple(_record(row) for row in rows[:limit])
        return Page(records=records, cursor=cursor_of(records[-1]) if len(rows) > limit else None)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add what really happened; False when there is no such record."""
        values = (msgspec.json.encode(feedback), record_id, time_us, time_us)
        sql = "UPDATE record SET feedback = ? WHERE id = ? AND (? IS NULL OR time_us = ?)"
        with self._lock, _failures(self._path):
            self._connection.execute(sql, values)
            return self._connection.changes() > 0

    def delete(self, *, before_us: int) -> int:
        """Delete the records before a moment, some at a time."""
        sql = (
            "DELETE FROM record WHERE id IN "
            "(SELECT id FROM record WHERE time_us < ? ORDER BY time_us LIMIT ?)"
        )
        deleted = 0
        while True:
            with self._lock, _failures(self._path):
                self._connection.execute(sql, (before_us, DELETE_ROWS))
                n_rows = self._connection.changes()
            deleted += n_rows
            if n_rows < DELETE_ROWS:
                return deleted

    def close(self) -> None:
        """Close the file."""
        with self._lock, _failures(self._path):
            self._connection.close()

    def _rows(self, sql: str, values: Sequence[Any]) -> list[Any]:
        with self._lock, _failures(self._path):
            return self._connection.execute(sql, values).fetchall()

    def _migrate(self) -> None:
        with self._connection:
            version = int(self._connection.pragma("user_version"))
            if version > SCHEMA:
                raise StoreError(
                    f"{self._path} was written by a newer Podium", hint="update this one"
                )
            if version == 0:
                self._connection.execute(_TABLE)
                self._connection.pragma("user_version", SCHEMA)


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into a StoreError."""
    try:
        yield
    except apsw.Error as error:
        raise StoreError(f"{path}: {error}", hint=_hint(error)) from error
    except OSError as error:
        raise StoreError(f"{path} can't be opened: {error.strerror}") from error


def _hint(error: apsw.Error) -> str:
    hints: dict[type[apsw.Error], str] = {
        apsw.FullError: "the disk is full: free some space",
        apsw.NotADBError: "this file is no database of Podium's: name another with --home",
        apsw.CantOpenError: "look at the folder's permissions",
        apsw.ReadOnlyError: "look at the file's permissions",
        apsw.BusyError: "another program holds the file",
    }
    return hints.get(type(error), "")


def _where(query: RecordQuery) -> tuple[list[str], list[Any]]:
    """The conditions of a query, and their values."""
    conditions = {
        "model = ?": query.model,
        "version = ?": query.version,
        "actor = ?": query.actor,
        "outcome = ?": query.outcome,
        "time_us >= ?": query.since_us,
        "time_us < ?": query.until_us,
        "outcome_number >= ?": query.outcome_min,
        "outcome_number <= ?": query.outcome_max,
    }
    where = [text for text, value in conditions.items() if value is not None]
    values: list[Any] = [value for value in conditions.values() if value is not None]
    if query.has_feedback is not None:
        where.append("feedback IS NOT NULL" if query.has_feedback else "feedback IS NULL")
    if query.id_prefix:
        # Ids are hex digits: all that begin so lie between the prefix and the prefix with a "g".
        where.append("id >= ? AND id < ?")
        values += [query.id_prefix, query.id_prefix + "g"]
    return where, values


def _row(record: Record) -> tuple[Any, ...]:
    feedback = None if record.feedback is None else msgspec.json.encode(record.feedback)
    return (
        record.id,
        record.time_us,
        record.model,
        record.version,
        record.inputs,
        record.outputs,
        record.outcome,
        record.outcome_number,
        record.latency_us,
        record.source,
        record.actor,
        feedback,
    )


def _record(row: Sequence[Any]) -> Record:
    feedback = None if row[11] is None else msgspec.json.decode(row[11], type=Feedback)
    return Record(
        id=row[0],
        time_us=row[1],
        model=row[2],
        version=row[3],
        inputs=row[4],
        outputs=row[5],
        outcome=row[6],
        outcome_number=row[7],
        latency_us=row[8],
        source=row[9],
        actor=row[10],
        feedback=feedback,
    )
