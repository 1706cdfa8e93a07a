"""Ids grow, whatever the clock does, and are UUIDs of version 7."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from podium.records.record import Ids
from podium.records.storable import is_id

NOW_US = 1_772_366_400_123_456


def test_an_id_is_a_uuid_of_version_7_that_tells_its_millisecond() -> None:
    made = Ids().new(NOW_US)

    assert is_id(made)
    assert uuid.UUID(made).version == 7
    assert uuid.UUID(made).variant == uuid.RFC_4122
    assert int(made[:12], 16) == NOW_US // 1_000


@given(st.lists(st.integers(-(10**15), 4 * 10**15), min_size=2, max_size=50))
def test_ids_grow_however_the_clock_jumps(moments: list[int]) -> None:
    ids = Ids()

    made = [ids.new(moment) for moment in moments]

    assert made == sorted(set(made))
    assert {uuid.UUID(one).version for one in made} == {7}


def test_ids_of_one_microsecond_are_ordered() -> None:
    ids = Ids()

    made = [ids.new(NOW_US) for _ in range(20_000)]

    assert made == sorted(set(made))
    assert {int(one[:12], 16) for one in made} == {NOW_US // 1_000}


def test_when_a_millisecond_is_used_up_the_next_is_begun() -> None:
    ids = Ids()
    before = ids.new(NOW_US)
    ids._counter = 2**26 - 1

    after = ids.new(NOW_US)

    assert after > before
    assert int(after[:12], 16) == NOW_US // 1_000 + 1


def test_many_ids_continue_the_few_before_and_the_few_after_continue_them() -> None:
    ids = Ids()

    made = [one for n_ids in (1, 500, 2, 40, 20_000, 1) for one in ids.some(NOW_US, n_ids)]

    assert made == sorted(set(made))
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in made} == {
        (7, uuid.RFC_4122)
    }
    assert {int(one[:12], 16) for one in made} == {NOW_US // 1_000}
    assert len({one[20:] for one in made}) == len(made)  # random digits of its own each


def test_many_ids_begin_the_next_millisecond_where_one_has_no_room_for_them() -> None:
    ids = Ids()
    before = ids.new(NOW_US)
    ids._counter = 2**26 - 40

    made = ids.some(NOW_US, 50)

    assert [before, *made] == sorted({before, *made})
    assert {int(one[:12], 16) for one in made} == {NOW_US // 1_000 + 1}


def test_threads_never_get_the_same_id() -> None:
    ids = Ids()

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(ids.new, [NOW_US] * 5_000))

    assert len(set(made)) == 5_000


def test_two_makers_at_one_moment_do_not_agree() -> None:
    one, other = Ids(), Ids()

    assert {one.new(NOW_US) for _ in range(1_000)}.isdisjoint(
        {other.new(NOW_US) for _ in range(1_000)}
    )
