"""Records in a SQLite file."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import msgspec
from msgspec.structs import astuple

from podium.records import forks
from podium.records.columns import FEEDBACK_NAMES, NAMES, names_of
from podium.records.cursor import cursor_of, read_cursor
from podium.records.history import succeeding
from podium.records.record import Feedback, Record
from podium.records.storable import is_id, refused_of
from podium.records.store import (
    InsertResult,
    Order,
    Page,
    RecordQuery,
    StoreFeatures,
    check_filters,
)
from podium.records.stores.rows import (
    NUMBER_WITH_POINT,
    feedback_cells,
    feedback_of,
    record_of,
    row_of,
)
from podium.records.stores.sqlite_file import IS_INDEXED, Connections, Synchronous

# A deletion blocks other writers: in pieces of this size, for some ten milliseconds at a time.
DELETE_ROWS = 1_000
# The same for feedback.
FEEDBACK_ROWS = 1_000
# A prefix of this many digits matches the ids of 65 seconds: few enough to look up and then sort. A
# shorter one matches too many, and is compared while scanning the records by time.
PREFIX_DIGITS = 8
# Pages that are cached until something changes, and the most records on one. Lists show fewer.
CACHED_ROWS_MAX = 100
CACHED_PAGES_MAX, CACHED_BYTES_MAX = 16, 2**20

_COLUMNS = ", ".join(NAMES)
# Values are always bound; these texts are built from the names above.
_INSERT = f"INSERT INTO record ({_COLUMNS}) VALUES ({{}}) ON CONFLICT DO NOTHING"  # noqa: S608
_INSERT_ROW = _INSERT.format(", ".join("?" for _ in NAMES))
# A record without feedback is bound as it is, in a sixth of the time: the file's text is UTF-8, as the
# record's JSON, and the missing feedback is one NULL, bound to the first of its columns.
_INSERT_NEW = _INSERT.format(
    ", ".join(
        "NULL"
        if name in FEEDBACK_NAMES[1:]
        else "CAST(? AS TEXT)"
        if name in names_of(bytes)
        else "?"
        for name in NAMES
    )
)
_SELECT = f"SELECT {_COLUMNS} FROM record"  # noqa: S608
_ORDERS: Mapping[Order, str] = {
    "newest": "ORDER BY time_us DESC, id DESC LIMIT ?",
    "oldest": "ORDER BY time_us, id LIMIT ?",
}
_THE_ONE = "WHERE id = ? AND time_us = coalesce(?, time_us)"
_SET_FEEDBACK = (
    f"UPDATE record SET {', '.join(f'{name} = ?' for name in FEEDBACK_NAMES)} {_THE_ONE}"  # noqa: S608
)
_GET_FEEDBACK = f"SELECT {', '.join(FEEDBACK_NAMES)} FROM record {_THE_ONE}"  # noqa: S608
_DELETE = "DELETE FROM record WHERE id = ?"


class SqliteStore(forks.ForkAware):
    """A store in one file, which only its owner can access (mode 0600).

    Several processes may open the same file: one writes, the others wait for it up to 5 seconds.

    Args:
        synchronous: `NORMAL` survives the end of the process at any moment; `FULL` also a power
            failure, and waits for the disk at every insert.
        is_late: whether the file is opened only when it is first needed, and never created: a
            damaged or missing one makes each operation fail until it is repaired or put back.

    Raises:
        StoreError: the file can't be opened, isn't one of ours, or was written by a newer version.
    """

    def __init__(
        self,
        path: Path,
        *,
        synchronous: Synchronous = "NORMAL",
        vfs: str = "",
        is_late: bool = False,
    ) -> None:
        self.features = StoreFeatures(durability="power" if synchronous == "FULL" else "process")
        self._open = partial(
            Connections, path, synchronous=synchronous, vfs=vfs, creates=not is_late
        )
        self._opening = threading.Lock()
        forks.watch(self)
        self._opened = None if is_late else self._open()
        # The version of the file, and pages that were read in it or later.
        self._page_cache: tuple[object, dict[tuple[object, ...], Page]] = (None, {})

    def after_fork_in_child(self) -> None:
        """Replace the locks, which the parent's threads may hold."""
        self._opening = threading.Lock()

    @property
    def _connections(self) -> Connections:
        if self._opened is None:
            with self._opening:
                self._opened = self._opened or self._open()
        return self._opened

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Insert records, all or none; one whose id is already stored changes nothing."""
        failed = refused_of(records)
        good = [record for record in records if record.id not in failed] if failed else records
        if not good:
            return InsertResult(inserted=0, failed=failed)
        new = [astuple(record) for record in good if record.feedback is None]
        others = [row_of(record) for record in good if record.feedback is not None]
        with self._connections.writing() as connection:
            before = connection.total_changes()
            connection.executemany(_INSERT_NEW, new)
            connection.executemany(_INSERT_ROW, others)
            inserted = connection.total_changes() - before
        return InsertResult(inserted=inserted, duplicates=len(good) - inserted, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None."""
        if not is_id(record_id):
            return None
        with self._connections.reading() as connection:
            row = connection.execute(f"{_SELECT} {_THE_ONE}", (record_id, time_us)).fetchone()
        return None if row is None else record_of(row)

    def page(
        self,
        query: RecordQuery,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = "newest",
    ) -> Page:
        """At most `limit` records, by time and id."""
        check_filters(query, self.features.filters)
        if limit > CACHED_ROWS_MAX:  # an export: that page won't be requested again
            return self._read(query, limit, cursor, order)
        version, pages = self._page_cache
        if version != (now := self._connections.version()):
            pages = {}
            self._page_cache = now, pages
        key = (query, limit, cursor, order)
        page = pages.get(key)
        if page is None:
            page = self._read(query, limit, cursor, order)
            if len(pages) < CACHED_PAGES_MAX and _n_bytes(page) <= CACHED_BYTES_MAX:
                pages[key] = page
        return page

    def _read(self, query: RecordQuery, limit: int, cursor: str | None, order: Order) -> Page:
        after = None if cursor is None else read_cursor(cursor)
        sql, values = page_statement(query, after, order)
        with self._connections.reading() as connection:
            rows = connection.execute(sql, (*values, limit + 1)).fetchall()
        records = tuple(record_of(row) for row in rows[:limit])
        return Page(records=records, cursor=cursor_of(records[-1]) if len(rows) > limit else None)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add the true outcome; False if there is no such record."""
        if not is_id(record_id):
            return False
        with self._connections.writing() as connection:
            return _set_feedback(connection, feedback, "", record_id, time_us)

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model; returns the ids that exist."""
        ids, found = sorted(filter(is_id, feedback)), []
        for start in range(0, len(ids), FEEDBACK_ROWS):
            with self._connections.writing() as connection:
                found += [
                    id_
                    for id_ in ids[start : start + FEEDBACK_ROWS]
                    if _set_feedback(connection, feedback[id_], "AND model = ?", id_, None, model)
                ]
        return frozenset(found)

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records, in pieces, and overwrite what they contained."""
        deleted = 0
        for start in range(0, len(records), DELETE_ROWS):
            some = [(record.id,) for record in records[start : start + DELETE_ROWS]]
            with self._connections.writing() as connection:
                before = connection.total_changes()
                connection.executemany(_DELETE, some)
                deleted += connection.total_changes() - before
        if deleted:
            self._connections.empty_log()
        return deleted

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()


def _set_feedback(
    connection: apsw.Connection, feedback: Feedback, condition: str, *where: object
) -> bool:
    """Whether there was a record; in a transaction that writes, so that no correction is lost."""
    new = msgspec.structs.replace(feedback, earlier=None)
    first = f"{_SET_FEEDBACK} {condition} AND feedback_time_us IS NULL"
    connection.execute(first, (*feedback_cells(new), *where))
    if connection.changes():
        return True
    cells = connection.execute(f"{_GET_FEEDBACK} {condition}", where).fetchone()
    if cells is not None:
        changed = feedback_cells(succeeding(feedback_of(cells), feedback))
        connection.execute(f"{_SET_FEEDBACK} {condition}", (*changed, *where))
    return cells is not None


def _n_bytes(page: Page) -> int:
    return sum(len(one.inputs) + len(one.outputs) for one in page.records)


def page_statement(
    query: RecordQuery, after: tuple[int, str] | None, order: Order = "newest"
) -> tuple[str, list[Any]]:
    """The SELECT of a page and its values, except the last one, the limit.

    Args:
        after: the time and id of the last record on the previous page.
    """
    terms: list[tuple[str, Any]] = [
        ("model = ?", query.model),
        ("version = ?", query.version),
        ("actor = ?", query.actor),
        ("owner = ?", query.owner),
        ("outcome = ?", query.outcome),
        ("role = ?", query.role),
        ("outcome_number >= ?", query.outcome_min),
        ("outcome_number <= ?", query.outcome_max),
    ]
    where = [text for text, value in terms if value is not None]
    values = [value for _, value in terms if value is not None]
    if query.outcome is not None and not NUMBER_WITH_POINT.fullmatch(query.outcome):
        where.append(IS_INDEXED)  # redundant, but it lets SQLite use the index
    index = ""
    if query.id_prefix is not None:
        is_long = len(query.id_prefix) >= PREFIX_DIGITS
        index = "INDEXED BY record_by_id" if is_long else ""
        # Ids are hex digits: all ids with this prefix lie between the prefix and the prefix
        # followed by "g". A plus before a column keeps SQLite from using its index.
        where.append("id >= ? AND id < ?" if is_long else "+id >= ? AND +id < ?")
        values += [query.id_prefix, f"{query.id_prefix}g"]
    for column, by, among in (
        ("id", "record_by_id", query.ids),
        ("business_key", "record_by_key", query.business_keys),
    ):
        if among is not None:
            # One alone is equal to the first column of the index, whose rest is in order then.
            where.append(f"{column} = ?" if len(among) == 1 else f"{column} IN ({_marks(among)})")
            values += among
            index = index or f"INDEXED BY {by}"
    if () in (query.ids, query.business_keys):
        index = ""  # what is always false uses none
    if query.has_feedback is not None:
        where.append(f"feedback_time_us IS {'NOT NULL' if query.has_feedback else 'NULL'}")
    for text, some in _time_range(query, after, order):
        where.append(text)
        values += some
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    return f"{_SELECT} {index} {condition} {_ORDERS[order]}", values


def _time_range(
    query: RecordQuery, after: tuple[int, str] | None, order: Order
) -> Iterator[tuple[str, list[Any]]]:
    """The two ends of a page's times, and their values.

    One condition an end: given two, SQLite begins at one of them, maybe at the farther one, and so
    would pass every record of the pages before.
    """
    is_newest, since_us, until_us = order == "newest", query.since_us, query.until_us
    if after is not None and is_newest and (until_us is None or after[0] < until_us):
        yield (
            "time_us <= ? AND (time_us < ? OR (time_us = ? AND id < ?))",
            [after[0], after[0], *after],
        )
    elif until_us is not None:
        yield "time_us < ?", [until_us]
    if after is not None and not is_newest and (since_us is None or after[0] >= since_us):
        yield (
            "time_us >= ? AND (time_us > ? OR (time_us = ? AND id > ?))",
            [after[0], after[0], *after],
        )
    elif since_us is not None:
        yield "time_us >= ?", [since_us]


def _marks(some: Sequence[object]) -> str:
    return ", ".join("?" for _ in some)
