"""Records in a relational database, through SQLAlchemy: PostgreSQL, MariaDB, MySQL and SQLite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Insert,
    MetaData,
    Select,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError
from sqlalchemy.sql.elements import ColumnElement

from podium.errors import InputError
from podium.records.cursor import cursor_of, read_cursor
from podium.records.record import Feedback, Record
from podium.records.storable import HEX_DIGITS, feedback_problem, is_id, refused_of
from podium.records.store import InsertResult, Page, RecordQuery, StoreFeatures
from podium.records.stores.rows import (
    COLUMNS,
    FEEDBACK_COLUMNS,
    feedback_cells,
    record_of,
    row_of,
)
from podium.records.stores.sql_engine import Database, engine_of
from podium.records.stores.sql_tables import MODEL_LENGTH, START_LENGTH, record_table

# A deletion locks what it deletes: in pieces of this size, for some ten milliseconds at a time.
DELETE_ROWS = 500

Condition = ColumnElement[bool]


class SqlStore:
    """A store in the table `podium_record` of a relational database.

    Nothing is connected before the first use: a server starts, and predicts, while its database is
    away.

    Args:
        where: an address such as `postgresql://user:password@host/name`, or an engine, whose owner
            closes it.
        metadata: of the application that the table belongs to.
        creates: make the table where it is missing; else that is the business of migrations.

    Raises:
        SetupError: the address can't be read.
        MissingExtra: the database's driver isn't installed.
    """

    def __init__(
        self, where: str | Engine, *, metadata: MetaData | None = None, creates: bool = True
    ) -> None:
        self.features = StoreFeatures(atomic_batch=True, read_your_writes=True, durability="power")
        self.table: Table = record_table(MetaData() if metadata is None else metadata)
        self._is_own = isinstance(where, str)
        engine = engine_of(where) if isinstance(where, str) else where
        self.engine = engine
        self._database = Database(engine, self.table, creates=creates)
        self._columns = [self.table.c[name] for name in COLUMNS]
        self._is_mysql = engine.dialect.name in ("mysql", "mariadb")
        self._insert = _insert_of(self.table, engine.dialect.name)

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Keep records, all or none; one whose id is kept already changes nothing."""
        failed = refused_of(records) | _too_long(records)
        # In one order: two that insert the same records never wait for each other crosswise.
        good = sorted((one for one in records if one.id not in failed), key=lambda one: one.id)
        if not good:
            return InsertResult(inserted=0, failed=failed)
        rows = [self._values(record) for record in good]
        try:
            inserted = self._database.write(lambda connection: self._inserted(connection, rows))
        except _Unholdable:
            inserted, unheld = self._database.write(
                lambda connection: self._one_by_one(connection, rows)
            )
            failed = failed | unheld
        n_kept = sum(record.id not in failed for record in good)
        return InsertResult(inserted=inserted, duplicates=n_kept - inserted, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record of this id, or None."""
        if not is_id(record_id):
            return None
        statement = select(*self._columns).where(self._is_the_one(record_id, time_us))
        row = self._database.read(lambda connection: connection.execute(statement).fetchone())
        return None if row is None else record_of(row)

    def page(self, query: RecordQuery, *, limit: int, cursor: str | None = None) -> Page:
        """At most `limit` records, newest first by time and id."""
        after = None if cursor is None else read_cursor(cursor)
        statement = self._page(query, limit=limit, after=after)
        if statement is None:
            return Page(records=())
        rows = self._database.read(lambda connection: connection.execute(statement).fetchall())
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
        cells = dict(zip(FEEDBACK_COLUMNS, feedback_cells(feedback), strict=True))
        statement = update(self.table).where(self._is_the_one(record_id, time_us)).values(cells)
        return self._database.write(lambda connection: connection.execute(statement).rowcount) > 0

    def delete(self, *, before_us: int) -> int:
        """Delete the records before a moment, some at a time."""
        deleted = 0
        while True:
            n_found, n_rows = self._database.write(
                lambda connection: self._delete_some(connection, before_us)
            )
            deleted += n_rows
            if n_found < DELETE_ROWS:
                return deleted

    def close(self) -> None:
        """Let go of the database, unless the engine is somebody else's."""
        if self._is_own:
            self._database.close()

    def _page(
        self, query: RecordQuery, *, limit: int, after: tuple[int, str] | None
    ) -> Select[Any] | None:
        """The SELECT of a page and one record more; None where no record fits."""
        conditions = conditions_of(self.table, query, is_padded=self._is_mysql)
        if conditions is None:
            return None
        if after is not None:
            conditions.append(_is_after(self.table, after))
        newest_first = (self.table.c.time_us.desc(), self.table.c.id.desc())
        chosen = select(*self._columns).where(true(), *conditions)
        return chosen.order_by(*newest_first).limit(limit + 1)

    def _values(self, record: Record) -> dict[str, Any]:
        cells = dict(zip(COLUMNS, row_of(record), strict=True))
        return cells | {"outcome_start": record.outcome[:START_LENGTH]}

    def _inserted(self, connection: Connection, rows: list[dict[str, Any]]) -> int:
        try:
            return connection.execute(self._insert, rows).rowcount
        except (DataError, UnicodeEncodeError) as error:
            raise _Unholdable from error

    def _one_by_one(
        self, connection: Connection, rows: list[dict[str, Any]]
    ) -> tuple[int, dict[str, str]]:
        """How many were inserted, and why the others can't be held: by an encoding, for one."""
        inserted, failed = 0, {}
        for row in rows:
            try:
                with connection.begin_nested():
                    inserted += connection.execute(self._insert, row).rowcount
            except (DataError, UnicodeEncodeError) as error:
                kind = type(getattr(error, "orig", error)).__name__
                failed[row["id"]] = f"the database can't hold it: {kind}"
        return inserted, failed

    def _is_the_one(self, record_id: str, time_us: int | None) -> Condition:
        is_id_equal = self.table.c.id == record_id
        return (
            is_id_equal if time_us is None else and_(is_id_equal, self.table.c.time_us == time_us)
        )

    def _delete_some(self, connection: Connection, before_us: int) -> tuple[int, int]:
        """How many old records were found, and how many of them nobody else deleted."""
        # Not in one statement: MySQL deletes nothing that the same statement selects with a limit.
        columns = self.table.c
        old = select(columns.id).where(columns.time_us < before_us).order_by(columns.time_us)
        found = connection.execute(old.order_by(columns.id).limit(DELETE_ROWS)).scalars().all()
        if not found:
            return 0, 0
        gone = delete(self.table).where(columns.id.in_(found), columns.time_us < before_us)
        return len(found), connection.execute(gone).rowcount


class _Unholdable(Exception):
    """A value of the batch is none that this database can hold."""


def conditions_of(table: Table, query: RecordQuery, *, is_padded: bool) -> list[Condition] | None:
    """What the records of a query fulfil; None where no record can.

    Args:
        is_padded: the database takes texts for equal that differ in the blanks at their ends.
    """
    columns = table.c
    found: list[Condition] = []
    for name in ("model", "version", "actor", "outcome"):
        value = getattr(query, name)
        if value is not None:
            found.append(columns[name] == value)
            if is_padded:
                found.append(func.octet_length(columns[name]) == len(value.encode()))
    if query.outcome is not None:
        found.append(columns.outcome_start == query.outcome[:START_LENGTH])
    if query.since_us is not None:
        found.append(columns.time_us >= query.since_us)
    if query.until_us is not None:
        found.append(columns.time_us < query.until_us)
    if query.has_feedback is not None:
        is_told = columns.feedback_time_us.is_not(None)
        found.append(is_told if query.has_feedback else columns.feedback_time_us.is_(None))
    if query.id_prefix:
        if query.id_prefix.strip(HEX_DIGITS):
            return None
        # Ids are hex digits: all that begin so lie between the prefix and the prefix with a "g".
        found += [columns.id >= query.id_prefix, columns.id < f"{query.id_prefix}g"]
    return _add_numbers(found, columns.outcome_number, query)


def _add_numbers(
    found: list[Condition], number: ColumnElement[Any], query: RecordQuery
) -> list[Condition] | None:
    """The conditions and those about the outcome as a number.

    Databases differ about NaN and the infinities, and some know none: they are never sent.
    """
    least, greatest = query.outcome_min, query.outcome_max
    if least is not None or greatest is not None:
        found.append(number.is_not(None))
    if least is not None and least != -math.inf:
        if not math.isfinite(least):
            return None
        found.append(number >= least)
    if greatest is not None and greatest != math.inf:
        if not math.isfinite(greatest):
            return None
        found.append(number <= greatest)
    return found


def _is_after(table: Table, place: tuple[int, str]) -> Condition:
    """Later in the pages than this time and id."""
    time_us, record_id = place
    columns = table.c
    # The first term alone bounds a range of the index, which no comparison of pairs does in MySQL.
    return and_(
        columns.time_us <= time_us,
        or_(columns.time_us < time_us, and_(columns.time_us == time_us, columns.id < record_id)),
    )


def _insert_of(table: Table, dialect: str) -> Insert:
    """An insert that leaves what is there as it is."""
    if dialect == "postgresql":
        statement: Insert = postgresql.insert(table).on_conflict_do_nothing()
    elif dialect == "sqlite":
        statement = sqlite.insert(table).on_conflict_do_nothing()
    else:
        # ON DUPLICATE KEY UPDATE, under the driver's flags, counts what is there already, too.
        statement = insert(table).prefix_with("IGNORE")
    return statement.execution_options(preserve_rowcount=True)


def _too_long(records: Sequence[Record]) -> dict[str, str]:
    """Why each record whose model has too long a name can't be kept, by its id."""
    return {
        one.id: f"the model's name is longer than {MODEL_LENGTH} characters"
        for one in records
        if len(one.model) > MODEL_LENGTH
    }
