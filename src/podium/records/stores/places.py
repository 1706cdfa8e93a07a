"""Records in partitions by day and shard: where each is, and how pages are read from many of them.

For databases that order records only inside a partition. A partition has the records of one day
(UTC) and one shard, in the order of time and id. Which days have records is kept in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeAlias

from podium.records.cursor import cursor_at
from podium.records.record import Record
from podium.records.storable import ID_LENGTH, TIME_MAX_US
from podium.records.store import Order, Page, RecordQuery

# A page of filters that few records match ends after so many days, and is shorter than asked for.
DAYS_A_PAGE = 60
FIRST_ID, LAST_ID = "0" * ID_LENGTH, "f" * ID_LENGTH
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US


class Place(NamedTuple):
    """Where a record is, in the order of pages."""

    time_us: int
    id: str


class Slice(NamedTuple):
    """Records of one partition.

    Attributes:
        stopped: the last place that was looked at; None where nothing is left.
    """

    records: Sequence[Record]
    stopped: Place | None


# Reads the matching records of a day: of each shard at most so many, after a place or from the start.
ReadDay: TypeAlias = Callable[[str, Place | None, int], Sequence[Slice]]
# The first record of the partition at or after a place.
ReadFirst: TypeAlias = Callable[[Place], Record | None]


def place_of(record: Record) -> Place:
    """Where a record is."""
    return Place(record.time_us, record.id)


def day_of(time_us: int) -> str:
    """The day of a time, such as 2026-03-01; later days are greater."""
    return (_EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%d")


def bounds_of(day: str) -> tuple[int, int]:
    """When a day begins, and when the next one does, in microseconds since 1970."""
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC) - _EPOCH
    begin_us = begin.days * _DAY_US
    return begin_us, begin_us + _DAY_US


def shard_of(record_id: str, n_shards: int) -> int:
    """The shard of a record, by the random digits at the end of its id."""
    return int(record_id[-6:], 16) % n_shards


def id_time_us(record_id: str) -> int | None:
    """When the millisecond in an id (UUIDv7) begins; None if no record can have that time.

    It is the time of the record, unless the server's clock was set back.
    """
    time_us = int(record_id[:12], 16) * 1_000
    return time_us if time_us + 1_000 <= TIME_MAX_US else None


def is_odd(record: Record) -> bool:
    """Whether the record's time isn't in the millisecond of its id, so that it isn't found by it."""
    time_us = id_time_us(record.id)
    return time_us is None or not 0 <= record.time_us - time_us < 1_000


def find(record_id: str, read_first: ReadFirst) -> Record | None:
    """The record with this id, in its partition, if its time is in the millisecond of its id.

    A million rows of one request have the same time, so it steps over times, not over records:
    usually it needs one or two reads.
    """
    begin_us = id_time_us(record_id)
    if begin_us is None:
        return None
    time_us, end_us = begin_us, begin_us + 1_000
    while time_us < end_us:
        record = read_first(Place(time_us, record_id))
        if record is None or record.id == record_id:
            return record if record is not None and record.time_us < end_us else None
        # The first id of a later time may be smaller; else none of that time is the wanted one.
        is_before = record.time_us > time_us and record.id < record_id
        time_us = record.time_us if is_before else record.time_us + 1
    return None


def range_of(
    query: RecordQuery, after: tuple[int, str] | None, order: Order
) -> tuple[int, int] | None:
    """The first and the last time that a page can have; None if it has none."""
    since_us = max(0, query.since_us or 0)
    until_us = TIME_MAX_US - 1 if query.until_us is None else min(query.until_us, TIME_MAX_US) - 1
    if after is not None:
        if order == "oldest":
            since_us = max(since_us, after[0])
        else:
            until_us = min(until_us, after[0])
    return (since_us, until_us) if since_us <= until_us else None


def read_page(
    days: Iterable[str],
    read_day: ReadDay,
    *,
    limit: int,
    order: Order,
    after: tuple[int, str] | None,
) -> Page:
    """At most `limit` records of these days, which are in the order of the page."""
    found: list[Record] = []
    place = None if after is None else Place(*after)
    for n_days, day in enumerate(days, 1):
        slices = read_day(day, place, limit + 1 - len(found))
        records, stopped = merged(slices, order)
        found += records
        if len(found) > limit:
            return Page(records=tuple(found[:limit]), cursor=cursor_at(*place_of(found[limit - 1])))
        if stopped is None and n_days == DAYS_A_PAGE:
            stopped = _end_of(day, order)
        if stopped is not None:
            return Page(records=tuple(found), cursor=cursor_at(*stopped))
    return Page(records=tuple(found))


def page_of(
    candidates: Iterable[Record],
    query: RecordQuery,
    *,
    limit: int,
    order: Order,
    after: tuple[int, str] | None,
) -> Page:
    """The page of a query whose records were all read, in any order."""
    some = {one.id: one for one in candidates if query.fits(one) and _is_after(one, after, order)}
    records = sorted(some.values(), key=place_of, reverse=order == "newest")
    if len(records) <= limit:
        return Page(records=tuple(records))
    return Page(records=tuple(records[:limit]), cursor=cursor_at(*place_of(records[limit - 1])))


def merged(slices: Sequence[Slice], order: Order) -> tuple[list[Record], Place | None]:
    """The records of several partitions up to the first place where one of them stopped."""
    is_newest = order == "newest"
    stops = [one.stopped for one in slices if one.stopped is not None]
    records = sorted(
        (record for one in slices for record in one.records), key=place_of, reverse=is_newest
    )
    if not stops:
        return records, None
    stop = max(stops) if is_newest else min(stops)
    if is_newest:
        return [one for one in records if place_of(one) >= stop], stop
    return [one for one in records if place_of(one) <= stop], stop


def _is_after(record: Record, after: tuple[int, str] | None, order: Order) -> bool:
    place = place_of(record)
    return after is None or (place < after if order == "newest" else place > after)


def _end_of(day: str, order: Order) -> Place:
    begin_us, end_us = bounds_of(day)
    return (
        Place(begin_us, FIRST_ID)
        if order == "newest"
        else Place(min(end_us, TIME_MAX_US) - 1, LAST_ID)
    )
