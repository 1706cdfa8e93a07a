"""Records in a SQLite file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podium.errors import InputError
from podium.records.cursor import cursor_of, read_cursor
from podium.records.record import Feedback, Record
from podium.records.storable import feedback_problem, is_id, refused_of
from podium.records.store import InsertResult, Page, RecordQuery, StoreFeatures
from podium.records.stores.rows import COLUMNS, FEEDBACK_COLUMNS, feedback_cells, record_of, row_of
from podium.records.stores.sqlite_file import IS_INDEXED, Connections, Synchronous

# A deletion keeps others from writing: in pieces of this size, for some ten milliseconds at a time.
DELETE_ROWS = 1_000
# A prefix of so many digits fits the ids of 65 seconds: few enough to be looked up and then sorted.
# A shorter one fits too many for that, and is compared while going through the records by time.
PREFIX_DIGITS = 8
# What IS_INDEXED leaves out.
NUMBER_WITH_POINT = re.compile(r"[-0-9].*\.[0-9].*", re.DOTALL)
# Pages that are kept as long as nothing changes, and how much may be on one.
# Lists show fewer.
PAGE_ROWS_KEPT = 100
PAGES_KEPT, PAGE_BYTES_KEPT = 16, 2**20

_COLUMNS = ", ".join(COLUMNS)
_MARKS = ", ".join("?" for _ in COLUMNS)
# Only values are ever bound from outside; these texts are made of the names above.
_INSERT = f"INSERT INTO record ({_COLUMNS}) VALUES ({_MARKS}) ON CONFLICT DO NOTHING"  # noqa: S608
_SELECT = f"SELECT {_COLUMNS} FROM record"  # noqa: S608
_NEWEST_FIRST = "ORDER BY time_us DESC, id DESC LIMIT ?"
_THE_ONE = "WHERE id = ? AND time_us = coalesce(?, time_us)"
_TELL = f"UPDATE record SET {', '.join(f'{name} = ?' for name in FEEDBACK_COLUMNS)} {_THE_ONE}"  # noqa: S608
_DELETE = (
    "DELETE FROM record WHERE rowid IN "
    "(SELECT rowid FROM record WHERE time_us < ? ORDER BY time_us LIMIT ?)"
)


class SqliteStore:
    """A store in one file, made for its owner alone (0600).

    Several processes may open the same file: one writes, the others wait for it up to 5 seconds.

    Args:
        synchronous: `NORMAL` survives the end of the process, at any moment; `FULL` the loss of
            power too, and waits for the disk at every insert.

    Raises:
        StoreError: the file can't be opened, isn't ours, or is a newer Podium's.
    """

    def __init__(self, path: Path, *, synchronous: Synchronous = "NORMAL", vfs: str = "") -> None:
        self.features = StoreFeatures(
            atomic_batch=True,
            read_your_writes=True,
            durability="power" if synchronous == "FULL" else "process",
        )
        self._connections = Connections(path, synchronous=synchronous, vfs=vfs)
        # The version of the file, and pages read in it or later.
        self._kept: tuple[int, dict[tuple[object, ...], Page]] = (-1, {})

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Keep records, all or none; one whose id is kept already changes nothing."""
        failed = refused_of(records)
        good = [row_of(record) for record in records if record.id not in failed]
        if not good:
            return InsertResult(inserted=0, failed=failed)
        with self._connections.writing() as connection:
            before = connection.total_changes()
            connection.executemany(_INSERT, good)
            inserted = connection.total_changes() - before
        return InsertResult(inserted=inserted, duplicates=len(good) - inserted, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record of this id, or None."""
        if not is_id(record_id):
            return None
        with self._connections.reading() as connection:
            row = connection.execute(f"{_SELECT} {_THE_ONE}", (record_id, time_us)).fetchone()
        return None if row is None else record_of(row)

    def page(self, query: RecordQuery, *, limit: int, cursor: str | None = None) -> Page:
        """At most `limit` records, newest first by time and id."""
        if limit > PAGE_ROWS_KEPT:  # a file is being written: nobody asks for that page again
            return self._read(query, limit, cursor)
        version, pages = self._kept
        if version != (now := self._connections.version()):
            pages = {}
            self._kept = now, pages
        key = (query, limit, cursor)
        page = pages.get(key)
        if page is None:
            page = self._read(query, limit, cursor)
            if len(pages) < PAGES_KEPT and _n_bytes(page) <= PAGE_BYTES_KEPT:
                pages[key] = page
        return page

    def _read(self, query: RecordQuery, limit: int, cursor: str | None) -> Page:
        after = None if cursor is None else read_cursor(cursor)
        sql, values = page_statement(query, after)
        with self._connections.reading() as connection:
            rows = connection.execute(sql, (*values, limit + 1)).fetchall()
        records = tuple(record_of(row) for row in rows[:limit])
        return Page(records=records, cursor=cursor_of(records[-1]) if len(rows) > limit else None)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add what really happened; False when there is no such record."""
        if (problem := feedback_problem(feedback)) is not None:
            raise InputError(f"this feedback can't be kept: {problem}")
        if not is_id(record_id):
            return False
        values = (*feedback_cells(feedback), record_id, time_us)
        with self._connections.writing() as connection:
            connection.execute(_TELL, values)
            return connection.changes() > 0

    def delete(self, *, before_us: int) -> int:
        """Delete the records before a moment, some at a time."""
        deleted = 0
        while True:
            with self._connections.writing() as connection:
                connection.execute(_DELETE, (before_us, DELETE_ROWS))
                n_rows = connection.changes()
            deleted += n_rows
            if n_rows < DELETE_ROWS:
                return deleted

    def close(self) -> None:
        """Close the file."""
        self._connections.close()


def _n_bytes(page: Page) -> int:
    return sum(len(one.inputs) + len(one.outputs) for one in page.records)


def page_statement(query: RecordQuery, after: tuple[int, str] | None) -> tuple[str, list[Any]]:
    """The SELECT of a page and its values, but for the last one, the limit.

    Args:
        after: time and id of the last record of the page before.
    """
    terms: list[tuple[str, Any]] = [
        ("model = ?", query.model),
        ("version = ?", query.version),
        ("actor = ?", query.actor),
        ("outcome = ?", query.outcome),
        ("time_us >= ?", query.since_us),
        ("outcome_number >= ?", query.outcome_min),
        ("outcome_number <= ?", query.outcome_max),
    ]
    where = [text for text, value in terms if value is not None]
    values = [value for _, value in terms if value is not None]
    if query.outcome is not None and not NUMBER_WITH_POINT.fullmatch(query.outcome):
        where.append(IS_INDEXED)  # says nothing new, but SQLite must read that it may use the index
    index = ""
    if query.id_prefix is not None:
        is_long = len(query.id_prefix) >= PREFIX_DIGITS
        index = "INDEXED BY record_by_id" if is_long else ""
        # Ids are hex digits: all that begin so lie between the prefix and the prefix with a "g".
        # A plus in front of a column keeps SQLite from looking it up in an index.
        where.append("id >= ? AND id < ?" if is_long else "+id >= ? AND +id < ?")
        values += [query.id_prefix, f"{query.id_prefix}g"]
    if query.has_feedback is not None:
        where.append(f"feedback_time_us IS {'NOT NULL' if query.has_feedback else 'NULL'}")
    # One upper end only: given two, SQLite begins at one of them, maybe at the later one, and so
    # would pass every record of the pages before.
    if after is not None and (query.until_us is None or after[0] < query.until_us):
        where.append("time_us <= ? AND (time_us < ? OR (time_us = ? AND id < ?))")
        values += [after[0], after[0], *after]
    elif query.until_us is not None:
        where.append("time_us < ?")
        values.append(query.until_us)
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    return f"{_SELECT} {index} {condition} {_NEWEST_FIRST}", values
