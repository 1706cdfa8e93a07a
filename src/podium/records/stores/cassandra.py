"""Records in tables of Cassandra or ScyllaDB."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from cassandra.query import UNSET_VALUE

from podium.errors import InputError, StoreError
from podium.records.cursor import read_cursor
from podium.records.history import succeeding
from podium.records.record import Feedback, Record
from podium.records.storable import TIME_MAX_US, is_id
from podium.records.store import ALL_FILTERS, InsertResult, Order, Page, RecordQuery, StoreFeatures
from podium.records.stores import cassandra_statements as cql
from podium.records.stores.cassandra_session import CassandraSession, check_driver, read_address
from podium.records.stores.days import Days
from podium.records.stores.places import (
    FIRST_ID,
    LAST_ID,
    Place,
    Slice,
    day_of,
    find,
    id_time_us,
    is_odd,
    page_of,
    place_of,
    range_of,
    read_page,
    shard_of,
)
from podium.records.stores.rows import feedback_cells, record_of, row_of
from podium.records.stores.singly import insert_each

# Cassandra checks these record by record (ALLOW FILTERING), inside one partition.
EQUAL = ("model", "version", "actor", "owner", "outcome", "role")
FILTERS = frozenset(EQUAL) | {"since_us", "until_us", "has_feedback", "ids", "business_keys"}
# Half of what a write may have by default (16 MB), so that its feedback fits, too.
RECORD_MAX_BYTES = 8 * 2**20
FEEDBACK_TRIES = 100
FEEDBACK_WAIT_S = 0.02
_PART = 0  # of the list of days: there is one


class CassandraStore:
    """A store in a keyspace of Cassandra, with its records in partitions by day and shard.

    Every change of a record is a lightweight transaction: their timestamps are those of Paxos, and a
    write without a condition, with the timestamp of a client, could lose to an earlier one of them.

    Args:
        address: such as `cassandra://user:password@host/keyspace`.

    Raises:
        SetupError: the address is invalid, or the driver doesn't work here.
    """

    features = StoreFeatures(durability="power", filters=FILTERS)

    def __init__(self, address: str) -> None:
        check_driver()
        self._session = CassandraSession(read_address(address))
        self._days = CassandraDays(self._session)

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Insert records, each by itself; one whose id is already stored changes nothing."""
        self._session.open()
        return insert_each(records, self._insert, threads=self._session.threads, days=self._days)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None."""
        found = self._find(record_id, time_us)
        return None if found is None else found[0]

    def page(
        self,
        query: RecordQuery,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = "newest",
    ) -> Page:
        """At most `limit` records, by time and id."""
        for name in sorted(ALL_FILTERS - FILTERS):
            if getattr(query, name) is not None:
                raise InputError(f"Cassandra can't filter records by {name}")
        after = None if cursor is None else read_cursor(cursor)
        self._session.open()
        if (candidates := self._candidates(query)) is not None:
            return page_of(candidates, query, limit=limit, order=order, after=after)
        times = range_of(query, after, order)
        if times is None:
            return Page(records=())
        read_day = partial(self._read_day, query=query, times=times, order=order)
        return read_page(
            self._days.between(*times, order=order),
            read_day,
            limit=limit,
            order=order,
            after=after,
        )

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add the true outcome; False if there is no such record."""
        return self._set_feedback(record_id, feedback, time_us=time_us)

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model; returns the ids that exist."""
        self._session.open()
        ids = list(filter(is_id, feedback))
        found = self._session.threads.each(
            lambda id_: self._set_feedback(id_, feedback[id_], model=model), ids
        )
        return frozenset(id_ for id_, is_found in zip(ids, found, strict=True) if is_found)

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records, each by itself."""
        self._session.open()
        deleted = self._session.threads.each(
            self._delete, {one.id: one for one in records}.values()
        )
        self._days.forget({day_of(one.time_us) for one in records})
        return sum(deleted)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _insert(self, record: Record) -> bool | str:
        """Whether it was inserted, or why it can't be stored."""
        row = row_of(record)
        size = sum(len(value.encode()) for value in row if isinstance(value, str))
        if size > RECORD_MAX_BYTES:
            return f"it has {size} bytes; the store of Cassandra takes at most {RECORD_MAX_BYTES}"
        values = [UNSET_VALUE if value is None else value for value in row]
        revision = 0 if record.feedback is None else 1
        key = _partition(record.id, record.time_us, self._session.n_shards)
        # Before the record, so that whatever happens in between, a record can be found.
        if record.business_key is not None:
            named = _named(record.business_key), record.time_us, record.id
            self._session.run(cql.INSERT_BUSINESS_KEY, *named)
        if is_odd(record):
            self._session.run(cql.INSERT_ODD_ID, record.id, record.time_us)
        return self._session.applies(cql.INSERT_RECORD, *key, *values, revision)

    def _find(self, record_id: str, time_us: int | None = None) -> tuple[Record, int] | None:
        """A record and its revision."""
        if not is_id(record_id):
            return None
        if time_us is not None:
            return self._at(record_id, time_us)
        begin_us = id_time_us(record_id)
        revisions: dict[str, int] = {}
        if begin_us is not None:
            partition = _partition(record_id, begin_us, self._session.n_shards)
            statement = cql.list_records("oldest")

            def read_first(place: Place) -> Record | None:
                rows = self._session.run(statement, *partition, *place, TIME_MAX_US, LAST_ID, 1)
                if not rows:
                    return None
                revisions[(record := record_of(rows[0][:-1])).id] = rows[0][-1]
                return record

            if (record := find(record_id, read_first)) is not None:
                return record, revisions[record_id]
        odd = self._session.run(cql.FIND_ODD_ID, record_id)
        return self._at(record_id, odd[0][0]) if odd else None

    def _at(self, record_id: str, time_us: int) -> tuple[Record, int] | None:
        if not 0 <= time_us < TIME_MAX_US:
            return None
        key = _partition(record_id, time_us, self._session.n_shards)
        rows = self._session.run(cql.GET_RECORD, *key, time_us, record_id)
        return (record_of(rows[0][:-1]), rows[0][-1]) if rows else None

    def _candidates(self, query: RecordQuery) -> list[Record] | None:
        """All records with the ids or business keys of a query, if it names some."""
        if query.ids is not None:
            found = self._session.threads.each(self._find, dict.fromkeys(filter(is_id, query.ids)))
        elif query.business_keys is not None:
            places = [
                place
                for key in dict.fromkeys(query.business_keys)
                for place in self._session.run(cql.FIND_BUSINESS_KEY, _named(key))
            ]
            found = self._session.threads.each(lambda place: self._at(place[1], place[0]), places)
        else:
            return None
        return [one[0] for one in found if one is not None]

    def _read_day(
        self,
        day: str,
        after: Place | None,
        wanted: int,
        *,
        query: RecordQuery,
        times: tuple[int, int],
        order: Order,
    ) -> list[Slice]:
        least, greatest = Place(times[0], FIRST_ID), Place(times[1], LAST_ID)
        if after is not None:
            is_newest = order == "newest"
            least, greatest = (
                (least, min(after, greatest)) if is_newest else (max(least, after), greatest)
            )
        conditions, values = _conditions_of(query)
        statement = cql.list_records(order, conditions)

        def read(shard: int) -> Slice:
            # One more, because the place where it begins may have a record, too.
            n_rows = wanted + 1
            rows = self._session.run(statement, day, shard, *least, *greatest, *values, n_rows)
            records = [record_of(row[:-1]) for row in rows]
            stopped = place_of(records[-1]) if len(records) == n_rows else None
            return Slice([one for one in records if place_of(one) != after], stopped)

        return self._session.threads.each(read, range(self._session.n_shards))

    def _set_feedback(
        self,
        record_id: str,
        feedback: Feedback,
        *,
        time_us: int | None = None,
        model: str | None = None,
    ) -> bool:
        """Whether there is such a record, of this model."""
        for _ in range(FEEDBACK_TRIES):
            found = self._find(record_id, time_us)
            if found is None or model not in (None, found[0].model):
                return False
            record, revision = found
            new = succeeding(record.feedback, feedback)
            if new is record.feedback:
                return True
            key = _partition(record_id, record.time_us, self._session.n_shards)
            place = *key, record.time_us, record_id
            values = *feedback_cells(new), revision + 1, *place, revision
            if self._session.applies(cql.SET_FEEDBACK, *values):
                return True
            time.sleep(FEEDBACK_WAIT_S * random.random())  # noqa: S311 - not a secret
        raise StoreError(
            f"{self._session.where}: others change the feedback of {record_id} all the time"
        )

    def _delete(self, record: Record) -> bool:
        key = _partition(record.id, record.time_us, self._session.n_shards)
        is_deleted = self._session.applies(cql.DELETE_RECORD, *key, record.time_us, record.id)
        if record.business_key is not None:
            named = _named(record.business_key), record.time_us, record.id
            self._session.run(cql.DELETE_BUSINESS_KEY, *named)
        if is_odd(record):
            self._session.run(cql.DELETE_ODD_ID, record.id)
        return is_deleted


class CassandraDays(Days):
    """The days that have records, whose marks are random."""

    def __init__(self, session: CassandraSession) -> None:
        super().__init__()
        self._session = session

    def between(self, since_us: int, until_us: int, *, order: Order) -> list[str]:
        """The days of a range of times, its ends included, in the order of pages."""
        days = day_of(since_us), day_of(until_us)
        return [day for (day,) in self._session.run(cql.list_days(order), _PART, *days)]

    def list_day(self, day: str) -> None:
        """List a day."""
        new = secrets.token_hex(8)
        for _ in range(FEEDBACK_TRIES):
            if self._session.applies(cql.INSERT_DAY, _PART, day, new):
                return
            mark = self.mark_of(day)
            if mark is not None and self._session.applies(cql.MARK_DAY, new, _PART, day, mark):
                return
        raise StoreError(f"{self._session.where}: others list the day {day} all the time")

    def mark_of(self, day: str) -> Any:
        """The mark of a day."""
        rows = self._session.run(cql.GET_DAY, _PART, day)
        return rows[0][0] if rows else None

    def has_records(self, day: str) -> bool:
        """Whether there is a record of this day."""
        shards = range(self._session.n_shards)
        return any(self._session.run(cql.ANY_RECORD, day, shard) for shard in shards)

    def remove(self, day: str, mark: Any) -> None:
        """Remove a day, if it wasn't listed since."""
        self._session.applies(cql.DELETE_DAY, _PART, day, mark)


def _partition(record_id: str, time_us: int, n_shards: int) -> tuple[str, int]:
    return day_of(time_us), shard_of(record_id, n_shards)


def _named(business_key: str) -> str:
    """A business key as a partition key, which can't be empty."""
    return f"={business_key}"


def _conditions_of(query: RecordQuery) -> tuple[list[str], list[Any]]:
    conditions, values = [], []
    for name in EQUAL:
        if (value := getattr(query, name)) is not None:
            conditions.append(f"{name} = ?")
            values.append(value)
    if query.has_feedback is not None:
        conditions.append("revision >= ?" if query.has_feedback else "revision < ?")
        values.append(1)
    return conditions, values
