"""Records in tables of Cassandra or ScyllaDB."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from cassandra.query import UNSET_VALUE

from podium.errors import StoreError
from podium.records.record import Feedback, Record
from podium.records.storable import TIME_MAX_US, is_id
from podium.records.store import Order, RecordQuery, StoreFeatures
from podium.records.stores import cassandra_statements as cql
from podium.records.stores.cassandra_session import CassandraSession, check_driver, read_address
from podium.records.stores.days import Days
from podium.records.stores.placed_store import TRIES, PlacedStore
from podium.records.stores.places import (
    FIRST_ID,
    LAST_ID,
    Place,
    Slice,
    day_of,
    find,
    id_time_us,
    is_odd,
    place_of,
    shard_of,
)
from podium.records.stores.rows import feedback_cells, record_of, row_of

# Cassandra checks these record by record (ALLOW FILTERING), inside one partition.
EQUAL = ("model", "version", "actor", "owner", "outcome", "role")
FILTERS = frozenset(EQUAL) | {"since_us", "until_us", "has_feedback", "ids", "business_keys"}
# Half of what a write may have by default (16 MB), so that its feedback fits, too.
RECORD_MAX_BYTES = 8 * 2**20
_PART = 0  # of the list of days: there is one


class CassandraStore(PlacedStore[int]):
    """A store in a keyspace of Cassandra, with its records in partitions by day and shard.

    Every change of a record is a lightweight transaction: their timestamps are those of Paxos, and a
    write without a condition, with the timestamp of a client, could lose to an earlier one of them.

    Args:
        address: such as `cassandra://user:password@host/keyspace`.

    Raises:
        SetupError: the address is invalid, or the driver doesn't work here.
    """

    features: ClassVar = StoreFeatures(durability="power", filters=FILTERS)

    def __init__(self, address: str) -> None:
        check_driver()
        self._session = CassandraSession(read_address(address))
        super().__init__(self._session, CassandraDays(self._session))

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
        """The records of a day that match, as `read_page` reads them."""
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

    def _update(self, record: Record, revision: int, feedback: Feedback) -> bool:
        """Whether the record was still there, and unchanged; then it has this feedback."""
        key = _partition(record.id, record.time_us, self._session.n_shards)
        place = *key, record.time_us, record.id
        values = *feedback_cells(feedback), revision + 1, *place, revision
        return self._session.applies(cql.SET_FEEDBACK, *values)

    def _delete(self, record: Record) -> bool:
        """Whether there was such a record."""
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
        for _ in range(TRIES):
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
