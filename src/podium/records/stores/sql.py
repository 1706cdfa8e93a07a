"""Records in a relational database, through SQLAlchemy: PostgreSQL, MariaDB, MySQL and SQLite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
    false,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.exc import DataError
from sqlalchemy.sql.elements import ColumnElement

from podium.records.columns import FEEDBACK_NAMES, NAMES
from podium.records.cursor import cursor_of, read_cursor
from podium.records.history import succeeding
from podium.records.record import Feedback, Record
from podium.records.storable import is_hex, is_id, refused_of
from podium.records.store import (
    InsertResult,
    Order,
    Page,
    RecordQuery,
    StoreFeatures,
    check_filters,
)
from podium.records.stores.rows import feedback_cells, feedback_of, record_of, row_of
from podium.records.stores.sql_counts import SqlCounts
from podium.records.stores.sql_engine import Database, engine_of, insert_of
from podium.records.stores.sql_tables import MODEL_LENGTH, START_LENGTH, record_table

# A deletion locks the rows it deletes: in pieces of this size, for some ten milliseconds at a time.
DELETE_ROWS = 500

Condition = ColumnElement[bool]


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

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Insert records, all or none; one whose id is already stored changes nothing."""
        failed = refused_of(records) | _too_long(records)
        # In a fixed order: two transactions that insert the same records can't deadlock.
        good = sorted((one for one in records if one.id not in failed), key=lambda one: one.id)
        if not good:
            return InsertResult(inserted=0, failed=failed)
        rows = [self._values(record) for record in good]
        try:
            inserted = self._database.write(lambda connection: self._inserted(connection, rows))
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
        conditions = conditions_of(self.table, query, is_padded=self._is_mysql)
        if conditions is None:
            return None
        if after is not None:
            conditions.append(_is_after(self.table, after, order))
        place = (self.table.c.time_us, self.table.c.id)
        by = place if order == "oldest" else tuple(one.desc() for one in place)
        return select(*self._columns).where(true(), *conditions).order_by(*by).limit(limit + 1)

    def _values(self, record: Record) -> dict[str, Any]:
        cells = dict(zip(NAMES, row_of(record), strict=True))
        return cells | {"outcome_start": record.outcome[:START_LENGTH]}

    def _inserted(self, connection: Connection, rows: list[dict[str, Any]]) -> int:
        try:
            return connection.execute(self._insert, rows).rowcount
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
                    inserted += connection.execute(self._insert, row).rowcount
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
    before = select(*(table.c[name] for name in FEEDBACK_NAMES)).where(where).with_for_update()
    cells = connection.execute(before).fetchone()
    if cells is not None:
        changed = _feedback_values(succeeding(feedback_of(cells), feedback))
        connection.execute(update(table).where(where).values(changed))
    return cells is not None


def _feedback_values(feedback: Feedback) -> dict[str, Any]:
    return dict(zip(FEEDBACK_NAMES, feedback_cells(feedback), strict=True))


class _UnsupportedValue(Exception):
    """The database can't store a value of the batch."""


def conditions_of(table: Table, query: RecordQuery, *, is_padded: bool) -> list[Condition] | None:
    """The WHERE conditions of a query; None if no record can match.

    Args:
        is_padded: whether the database ignores trailing blanks when it compares texts.
    """
    columns = table.c
    conditions: list[Condition] = []
    for name in ("model", "version", "actor", "owner", "outcome", "role"):
        value = getattr(query, name)
        if value is not None:
            conditions.append(columns[name] == value)
            if is_padded:
                conditions.append(func.octet_length(columns[name]) == len(value.encode()))
    if query.outcome is not None:
        conditions.append(columns.outcome_start == query.outcome[:START_LENGTH])
    if query.since_us is not None:
        conditions.append(columns.time_us >= query.since_us)
    if query.until_us is not None:
        conditions.append(columns.time_us < query.until_us)
    if query.has_feedback is not None:
        has_feedback = columns.feedback_time_us.is_not(None)
        conditions.append(
            has_feedback if query.has_feedback else columns.feedback_time_us.is_(None)
        )
    if query.id_prefix:
        if not is_hex(query.id_prefix):
            return None
        # Ids are hex digits: all ids with this prefix lie between the prefix and the prefix
        # followed by "g".
        conditions += [columns.id >= query.id_prefix, columns.id < f"{query.id_prefix}g"]
    # MariaDB refuses to compare a column of ASCII letters with others.
    some = query.ids and [one for one in query.ids if is_hex(one)]
    conditions += _among(columns.id, some, is_padded=False)
    conditions += _among(columns.business_key, query.business_keys, is_padded=is_padded)
    return _add_numbers(conditions, columns.outcome_number, query)


def _among(
    column: ColumnElement[Any], some: Sequence[str] | None, *, is_padded: bool
) -> list[Condition]:
    """That a column has one of these values; nothing where any will do."""
    if some is None:
        return []
    if not is_padded:
        return [column.in_(some)]
    by_length: dict[int, list[str]] = {}
    for value in some:
        by_length.setdefault(len(value.encode()), []).append(value)
    exact = [
        and_(column.in_(values), func.octet_length(column) == length)
        for length, values in by_length.items()
    ]
    return [column.in_(some), or_(false(), *exact)]


def _add_numbers(
    conditions: list[Condition], number: ColumnElement[Any], query: RecordQuery
) -> list[Condition] | None:
    """The conditions, with those on the numeric outcome.

    Databases treat NaN and infinities differently, and some lack them, so they are never sent.
    """
    least, greatest = query.outcome_min, query.outcome_max
    if least is not None or greatest is not None:
        conditions.append(number.is_not(None))
    if least is not None and least != -math.inf:
        if not math.isfinite(least):
            return None
        conditions.append(number >= least)
    if greatest is not None and greatest != math.inf:
        if not math.isfinite(greatest):
            return None
        conditions.append(number <= greatest)
    return conditions


def _is_after(table: Table, place: tuple[int, str], order: Order) -> Condition:
    """Comes later in the pages than this time and id."""
    time_us, record_id = place
    columns = table.c
    # The first term alone bounds a range of the index; MySQL doesn't use it for a comparison of
    # pairs.
    if order == "oldest":
        is_later = and_(columns.time_us == time_us, columns.id > record_id)
        return and_(columns.time_us >= time_us, or_(columns.time_us > time_us, is_later))
    return and_(
        columns.time_us <= time_us,
        or_(columns.time_us < time_us, and_(columns.time_us == time_us, columns.id < record_id)),
    )


def _too_long(records: Sequence[Record]) -> dict[str, str]:
    """Why each record whose model's name is too long is refused, by its id."""
    return {
        one.id: f"the model's name is longer than {MODEL_LENGTH} characters"
        for one in records
        if len(one.model) > MODEL_LENGTH
    }
