"""Counts in a relational database, in which those of several servers meet."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from sqlalchemy import Connection, Engine, MetaData, and_, delete, func, select, update

from podium.records.counted import Entry, Found, Key, Tallies, Tally, tally_of
from podium.records.stores.count_rows import NUMBERS, id_of, read_tally
from podium.records.stores.sql_engine import Database, insert_of, insert_rows, locking
from podium.records.stores.sql_tables import MODEL_LENGTH, count_tables

_DELETED_AT_ONCE = 500


class SqlCounts:
    """Counts in the tables `podium_count` and `podium_count_source`.

    A row is locked before it is read, added to and written, in one transaction with the number of
    the entry: no count is lost or added twice, whoever adds at once.

    Args:
        engine: the caller closes it.
        creates: whether to create missing tables; otherwise migrations do.
    """

    def __init__(self, engine: Engine, metadata: MetaData, *, creates: bool) -> None:
        self._counts, self._sources = count_tables(metadata)
        self._database = Database(engine, self._counts, self._sources, creates=creates)
        self._insert = insert_of(self._counts, engine.dialect.name)
        self._insert_source = insert_of(self._sources, engine.dialect.name)
        self._columns = [self._counts.c[name] for name in NUMBERS]

    def is_there(self) -> bool:
        """Whether there are tables for counts, or could be created."""
        return not self._database.lacks_tables()

    def add(self, entry: Entry, tallies: Tallies) -> None:
        """Add counts, all or none; an entry that was added before changes nothing."""
        # In a fixed order: two transactions that add to the same rows can't deadlock.
        rows = sorted(
            ((id_of(key, tally.layout), key, tally) for key, tally in tallies),
            key=lambda row: row[0],
        )
        # Longer names can't be served from this database either: their records are refused.
        rows = [row for row in rows if len(row[1].model) <= MODEL_LENGTH]
        self._database.write(lambda connection: self._add_once(connection, entry, rows))

    def read(
        self, model: str, since_hour: int, until_hour: int, source: str = ""
    ) -> tuple[Found, int]:
        """The counts of a model, and the last entry of a source in them."""
        columns, sources = self._counts.c, self._sources.c
        last_of_source = select(sources.number).where(sources.source == source)
        statement = (
            select(
                columns.model,
                columns.digest,
                columns.role,
                columns.hour,
                columns.n_hours,
                columns.layout,
                *self._columns,
                last_of_source.scalar_subquery(),
            )
            .where(columns.model == model, columns.hour >= since_hour, columns.hour < until_hour)
            .order_by(columns.hour, columns.id)
        )
        rows = self._database.read(lambda connection: connection.execute(statement).fetchall())
        found: Found = {}
        number = 0
        for name, digest, role, hour, n_hours, layout, *numbers, last in rows:
            if name == model:  # some databases ignore trailing blanks
                key = Key(name, digest, role, hour, n_hours)
                found.setdefault(key, []).append(read_tally(layout, numbers))
            number = last or 0
        return found, number

    def last_hours(self) -> dict[str, int]:
        """The last hour in which something of each model was counted; of a day its last one."""
        columns = self._counts.c
        last = func.max(columns.hour + columns.n_hours - 1)
        statement = select(columns.model, last).group_by(columns.model)
        rows = self._database.read(lambda connection: connection.execute(statement).fetchall())
        return {model: int(hour) for model, hour in rows}

    def make_days(self, before_hour: int) -> int:
        """Add up the hours of each day before this hour; returns how many hours were replaced."""
        before_hour -= before_hour % 24
        return self._database.write(lambda connection: self._make_days(connection, before_hour))

    def forget(self, before_hour: int) -> None:
        """Delete what was counted before this hour."""
        old = delete(self._counts).where(self._counts.c.hour < before_hour)
        self._database.write(lambda connection: connection.execute(old))

    def close(self) -> None:
        """Use the database no more."""
        self._database.close()

    def _add_once(
        self, connection: Connection, entry: Entry, rows: Iterable[tuple[str, Key, Tally]]
    ) -> None:
        sources = self._sources
        insert_rows(connection, self._insert_source, [{"source": entry.source, "number": 0}])
        # The row of the source is locked until the end: nobody else adds the same entry meanwhile.
        is_new = and_(sources.c.source == entry.source, sources.c.number < entry.number)
        changed = update(sources).where(is_new).values(number=entry.number)
        if connection.execute(changed).rowcount:
            for id_, key, tally in rows:
                self._add(connection, id_, key, tally)

    def _add(self, connection: Connection, id_: str, key: Key, tally: Tally) -> None:
        is_it = self._counts.c.id == id_
        find = locking(select(*self._columns).where(is_it), self._counts)
        before = connection.execute(find).fetchone()
        if before is None:
            row = key._asdict() | dict(zip(NUMBERS, tally.numbers, strict=True))
            row |= {"id": id_, "layout": zlib.compress(tally.layout.encode())}
            if insert_rows(connection, self._insert, [row]):
                return
            before = connection.execute(find).fetchone()  # somebody else was faster
            assert before is not None
        total = tally_of(tally.layout, tuple(before))
        total.add(tally)
        numbers = dict(zip(NUMBERS, total.numbers, strict=True))
        connection.execute(update(self._counts).where(is_it).values(numbers))

    def _make_days(self, connection: Connection, before_hour: int) -> int:
        columns = self._counts.c
        is_old = and_(columns.n_hours == 1, columns.hour < before_hour)
        # On SQLite this takes the lock; elsewhere the rows are locked: nobody else adds them up.
        connection.execute(delete(self._sources).where(self._sources.c.number < 0))
        old = connection.execute(
            locking(select(self._counts).where(is_old).order_by(columns.id), self._counts)
        ).fetchall()
        days: dict[str, tuple[Key, Tally]] = {}
        for row in old:
            tally = read_tally(row.layout, [getattr(row, name) for name in NUMBERS])
            day = Key(row.model, row.digest, row.role, row.hour).day
            id_ = id_of(day, tally.layout)
            if id_ in days:
                days[id_][1].add(tally)
            else:
                days[id_] = day, tally
        for id_, (day, tally) in sorted(days.items()):
            self._add(connection, id_, day, tally)
        ids = [row.id for row in old]
        for start in range(0, len(ids), _DELETED_AT_ONCE):
            some = ids[start : start + _DELETED_AT_ONCE]
            connection.execute(delete(self._counts).where(columns.id.in_(some)))
        return len(old)
