"""Where records are in partitions by day and shard, and pages that are read from many of them."""

from __future__ import annotations

from bisect import bisect_left

import pytest

from podium.records.cursor import read_cursor
from podium.records.record import Record
from podium.records.storable import TIME_MAX_US
from podium.records.stores.places import (
    DAYS_A_PAGE,
    Place,
    Slice,
    bounds_of,
    day_of,
    find,
    is_odd,
    merged,
    place_of,
    read_page,
    shard_of,
)
from podium.testing.stores.samples import NOON_US, UNKNOWN_ID, sample


class Partition:
    """A partition that counts how often it is read."""

    def __init__(self, *records: Record) -> None:
        self.records = sorted(records, key=place_of)
        self.places = [place_of(one) for one in self.records]
        self.n_reads = 0

    def first(self, place: Place) -> Record | None:
        self.n_reads += 1
        index = bisect_left(self.places, place)
        return self.records[index] if index < len(self.records) else None


def same_millisecond(number: int, time_us: int = NOON_US) -> Record:
    return sample(0, time_us=time_us, id=f"{sample(0).id[:16]}{number:016x}")


def test_a_day_is_utc_and_ends_where_the_next_one_begins() -> None:
    begin_us, end_us = bounds_of("2026-03-01")

    assert day_of(begin_us) == day_of(NOON_US) == day_of(end_us - 1) == "2026-03-01"
    assert (day_of(begin_us - 1), day_of(end_us)) == ("2026-02-28", "2026-03-02")
    assert (day_of(0), day_of(TIME_MAX_US - 1)) == ("1970-01-01", "2255-06-05")


def test_shards_share_the_records() -> None:
    shards = [shard_of(sample(n).id, 4) for n in range(400)]

    assert {shard: shards.count(shard) for shard in shards} == {0: 100, 1: 100, 2: 100, 3: 100}


def test_a_record_among_thousands_of_its_time_is_found_by_two_reads() -> None:
    some = [same_millisecond(n, NOON_US + 437) for n in range(5_000)]
    partition = Partition(*some)

    assert find(some[4_321].id, partition.first) == some[4_321]
    assert partition.n_reads == 2


def test_a_record_is_found_at_every_microsecond_of_its_millisecond() -> None:
    for time_us in (0, 1, 500, 999):
        wanted = same_millisecond(7, NOON_US + time_us)
        others = [
            same_millisecond(n, NOON_US + us) for n, us in ((3, 0), (9, 0), (5, 501), (8, 999))
        ]
        later = sample(1)
        partition = Partition(wanted, *others, later)

        assert find(wanted.id, partition.first) == wanted
        assert find(same_millisecond(6).id, partition.first) is None
    assert find(UNKNOWN_ID, Partition().first) is None


def test_a_record_whose_id_has_another_time_is_odd() -> None:
    assert not is_odd(sample(1))
    assert not is_odd(sample(1, time_us=NOON_US + 1_999))
    assert is_odd(sample(1, time_us=NOON_US + 2_000))
    assert is_odd(sample(1, time_us=NOON_US + 999))
    assert is_odd(sample(1, id=UNKNOWN_ID))


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_records_behind_the_place_where_a_partition_stopped_wait(order) -> None:
    is_newest = order == "newest"
    numbers = (9, 6, 3) if is_newest else (0, 3, 6)
    others = (8, 4) if is_newest else (1, 5)
    whole = Slice([sample(n) for n in numbers], None)
    partial = Slice([sample(n) for n in others], place_of(sample(others[1])))

    records, stopped = merged([whole, partial], order)

    expected = (9, 8, 6, 4) if is_newest else (0, 1, 3, 5)
    assert records == [sample(n) for n in expected]
    assert stopped == place_of(sample(others[1]))


def test_a_page_over_many_days_that_match_nothing_is_short_and_says_where_it_goes_on() -> None:
    days = [day_of(NOON_US - n * 86_400_000_000) for n in range(DAYS_A_PAGE + 1)]
    read: list[str] = []

    def read_day(day: str, after: Place | None, wanted: int) -> list[Slice]:
        read.append(day)
        return [Slice([], None)]

    page = read_page(days, read_day, limit=5, order="newest", after=None)

    assert page.records == ()
    assert read == days[:-1]
    assert page.cursor is not None
    assert read_cursor(page.cursor) == (bounds_of(days[-2])[0], "0" * 32)
