"""Records in a relational database, through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    Delete,
    Engine,
    MetaData,
    Select,
    Table,
    and_,
    delete,
    select,
    true,
    update,
)
from sqlalchemy.exc import DataError

from podium.records.columns import FEEDBACK_NAMES, NAMES
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
from podium.records.stores.rows import feedback_cells, feedback_of, record_of, row_of
from podium.records.stores.sql_bulk import BulkFailed, bulk_of
from podium.records.stores.sql_counts import SqlCounts
from podium.records.stores.sql_engine import Database, engine_of, insert_of, insert_rows, locking
from podium.records.stores.sql_query import Condition, conditions_of, index_of, is_after, start_of
from podium.records.stores.sql_tables import MODEL_LENGTH, record_table

# A deletion locks the rows it deletes: in pieces of this size, for some ten milliseconds at a time.
DELETE_ROWS = 500


class SqlStore:
    """A store in the table `podium_record` of a relational database, which keeps counts beside it.

    It connects when it is first used: a server starts, and predicts, while its database is down.

    Args:
        where: an address such as `postgresql://user:password@host/name`, or an engine, whose owner
            closes it.
        metadata: of the application that the table belongs to.
        creates: whether to create a missing table; otherwise migrations do.

    Raises:
        SetupError: the address is invalid.
        ModuleNotFoundError: the database's driver isn't installed.
    """

    def __init__(
        self, where: str | Engine, *, metadata: MetaData | None = None, creates: bool = True
    ) -> None:
        self.features = StoreFeatures(durability="power", counts=True)
        metadata = MetaData() if metadata is None else metadata
        self.table: Table = record_table(metadata)
        self._owns_engine = isinstance(where, str)
        engine = engine_of(where) if isinstance(where, str) else where
        self.engine = engine
        self._database = Database(engine, self.table, creates=creates)
        self._columns = [self.table.c[name] for name in NAMES]
        self._is_mysql = engine.dialect.name in ("mysql", "mariadb")
        self.counts = SqlCounts(engine, metadata, creates=creates)
        self._insert = insert_of(self.table, engine.dialect.name)
        self._bulk = bulk_of(self.table, engine)

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Insert records, all or none; one whose id is already stored changes nothing."""
        failed = refused_of(records) | _too_long(records)
        # In a fixed order: two transactions that insert the same records can't deadlock.
        good = sorted((one for one in records if one.id not in failed), key=lambda one: one.id)
        if not good:
            return InsertResult(inserted=0, failed=failed)
        rows = [self._values(record) for record in good]
        try:
            inserted = self._write(rows)
        except _UnsupportedValue:
            inserted, unheld = self._database.write(
                lambda connection: self._one_by_one(connection, rows)
            )
            failed = failed | unheld
        n_valid = sum(record.id not in failed for record in good)
        return InsertResult(inserted=inserted, duplicates=n_valid - inserted, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None."""
        if not is_id(record_id):
            return None
        statement = select(*self._columns).where(self._is_the_one(record_id, time_us))
        row = self._database.read(lambda connection: connection.execute(statement).fetchone())
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
        after = None if cursor is None else read_cursor(cursor)
        statement = self._page(query, limit=limit, after=after, order=order)
        if statement is None:
            return Page(records=())
        rows = self._database.read(lambda connection: connection.execute(statement).fetchall())
        records = tuple(record_of(row) for row in rows[:limit])
        return Page(records=records, cursor=cursor_of(records[-1]) if len(rows) > limit else None)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add the true outcome; False if there is no such record."""
        if not is_id(record_id):
            return False
        where = self._is_the_one(record_id, time_us)
        return self._database.write(
            lambda connection: _set_feedback(connection, self.table, feedback, where)
        )

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model; returns the ids that exist."""
        # In a fixed order, as in `delete`.
        ids, found = sorted(filter(is_id, feedback)), []
        of_model = self.table.c.model == model

        def write(some: Sequence[str], connection: Connection) -> list[str]:
            return [
                id_
                for id_ in some
                if _set_feedback(
                    connection,
                    self.table,
                    feedback[id_],
                    and_(self._is_the_one(id_, None), of_model),
                )
            ]

        for start in range(0, len(ids), DELETE_ROWS):
            found += self._database.write(partial(write, ids[start : start + DELETE_ROWS]))
        return frozenset(found)

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records, in pieces."""
        # In a fixed order: two transactions that delete the same records can't deadlock.
        ids = sorted(record.id for record in records)
        deleted = 0
        for start in range(0, len(ids), DELETE_ROWS):
            some = delete(self.table).where(self.table.c.id.in_(ids[start : start + DELETE_ROWS]))
            deleted += self._database.write(partial(_n_changed, statement=some))
        return deleted

    def close(self) -> None:
        """Close the engine, unless the caller passed it."""
        if self._owns_engine:
            self.counts.close()
            self._database.close()

    def _page(
        self,
        query: RecordQuery,
        *,
        limit: int,
        after: tuple[int, str] | None,
        order: Order = "newest",
    ) -> Select[Any] | None:
        """The SELECT of a page and one more record; None if no record matches."""
        conditions = conditions_of(self.table, query, dialect=self.engine.dialect.name)
        if conditions is None:
            return None
        if after is not None:
            conditions.append(is_after(self.table, after, order))
        place = (self.table.c.time_us, self.table.c.id)
        by = place if order == "oldest" else tuple(one.desc() for one in place)
        statement = select(*self._columns).where(true(), *conditions)
        index = index_of(query)
        has_bound = after is not None or (query.since_us, query.until_us) != (None, None)
        if self._is_mysql and index is not None and has_bound:
            # By itself MariaDB looks up the model alone, and then reads every record of the pages
            # before this one.
            statement = statement.with_hint(self.table, f"FORCE INDEX ({index})")
        return statement.order_by(*by).limit(limit + 1)

    def _values(self, record: Record) -> dict[str, Any]:
        cells = dict(zip(NAMES, row_of(record), strict=True))
        cells["outcome_start"] = start_of(record.outcome)
        return cells

    def _write(self, rows: list[dict[str, Any]]) -> int:
        bulk = self._bulk
        if bulk is not None:
            with suppress(BulkFailed):
                return self._database.write(lambda connection: bulk(connection, rows))
        return self._database.write(lambda connection: self._inserted(connection, rows))

    def _inserted(self, connection: Connection, rows: list[dict[str, Any]]) -> int:
        try:
            return insert_rows(connection, self._insert, rows)
        except (DataError, UnicodeEncodeError) as error:
            raise _UnsupportedValue from error

    def _one_by_one(
        self, connection: Connection, rows: list[dict[str, Any]]
    ) -> tuple[int, dict[str, str]]:
        """How many were inserted, and why the others can't be stored, such as by their encoding."""
        inserted, failed = 0, {}
        for row in rows:
            try:
                with connection.begin_nested():
                    inserted += insert_rows(connection, self._insert, [row])
            except (DataError, UnicodeEncodeError) as error:
                kind = type(getattr(error, "orig", error)).__name__
                failed[row["id"]] = f"the database can't store it: {kind}"
        return inserted, failed

    def _is_the_one(self, record_id: str, time_us: int | None) -> Condition:
        is_id_equal = self.table.c.id == record_id
        return (
            is_id_equal if time_us is None else and_(is_id_equal, self.table.c.time_us == time_us)
        )


def _n_changed(connection: Connection, statement: Delete) -> int:
    return connection.execute(statement).rowcount


def _set_feedback(
    connection: Connection, table: Table, feedback: Feedback, where: Condition
) -> bool:
    """Whether there was a record."""
    new = msgspec.structs.replace(feedback, earlier=None)
    first = update(table).where(where, table.c.feedback_time_us.is_(None))
    if connection.execute(first.values(_feedback_values(new))).rowcount:
        return True
    # The record is locked before it is read, on SQLite by the update: no correction is lost.
    before = select(*(table.c[name] for name in FEEDBACK_NAMES)).where(where)
    cells = connection.execute(locking(before, table)).fetchone()
    if cells is not None:
        changed = _feedback_values(succeeding(feedback_of(cells), feedback))
        connection.execute(update(table).where(where).values(changed))
    return cells is not None


def _feedback_values(feedback: Feedback) -> dict[str, Any]:
    return dict(zip(FEEDBACK_NAMES, feedback_cells(feedback), strict=True))


class _UnsupportedValue(Exception):
    """The database can't store a value of the batch."""


def _too_long(records: Sequence[Record]) -> dict[str, str]:
    """Why each record whose model's name is too long is refused, by its id."""
    return {
        one.id: f"the model's name is longer than {MODEL_LENGTH} characters"
        for one in records
        if len(one.model) > MODEL_LENGTH
    }
