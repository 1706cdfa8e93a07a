"""The contract of stores that keep counts, too, as tests that their authors run."""

# ruff: noqa: D102 - tests: they assert, and their names are sentences

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from podium.records.counted import CountStore, Entry, Key, Tally
from podium.records.store import Store, counts_of

LAYOUT = '[[["field","age"],3]]'
KEY = Key("churn", "ab" * 32, "primary", 1_000)
N_THREADS = 8


class CountsContract:
    """The contract of a store whose `features.counts` is true. Inherit it beside `StoreContract`,
    with the same fixture `store`.
    """

    def test_counts_are_summed_by_version_role_and_hour(self, store: Store) -> None:
        counts = counts_in(store)
        others = (
            KEY._replace(digest="cd" * 32),
            KEY._replace(role="shadow"),
            KEY._replace(hour=1_001),
            KEY._replace(n_hours=24),
        )

        counts.add(Entry("a", 1), [(KEY, tally(1, 2, 2**62)), *((one, tally(9)) for one in others)])
        counts.add(Entry("a", 2), [(KEY, tally(10, 0, 5, n_refused=3))])

        assert sums(counts) == {KEY: [11, 2, 2**62 + 5]} | {key: [9, 0, 0] for key in others}
        found, _ = counts.read("churn", 0, 2_000)
        (one,) = found[KEY]
        assert (one.layout, one.n_rows, one.n_counted, one.n_refused) == (LAYOUT, 2, 2, 3)

    def test_counts_of_models_and_hours_are_read_apart(self, store: Store) -> None:
        counts = counts_in(store)
        names = ("churn", "Churn", "churn ", "chürn", "שלום")
        keys = [KEY._replace(model=name) for name in names]
        counts.add(Entry("a", 1), [(key, tally(n)) for n, key in enumerate(keys, 1)])

        for n, name in enumerate(names, 1):
            assert sums(counts, name) == {KEY._replace(model=name): [n, 0, 0]}
        assert counts.read("churn", 1_001, 2_000)[0] == counts.read("churn", 0, 1_000)[0] == {}
        assert sums(counts, "other") == {}

    def test_another_layout_is_counted_beside_it(self, store: Store) -> None:
        counts = counts_in(store)
        other = Tally('[[["field","age"],1]]', np.array([7]), 1, 1)

        counts.add(Entry("a", 1), [(KEY, tally(1)), (KEY, other)])
        counts.add(Entry("a", 2), [(KEY, other)])

        found, _ = counts.read("churn", 0, 2_000)
        assert sorted(one.counts.tolist() for one in found[KEY]) == [[1, 0, 0], [14]]

    def test_counts_that_are_added_again_change_nothing(self, store: Store) -> None:
        counts = counts_in(store)

        for _ in range(2):
            counts.add(Entry("a", 7), [(KEY, tally(1))])
        counts.add(Entry("b", 7), [(KEY, tally(10))])
        counts.add(Entry("a", 8), [(KEY, tally(100))])
        counts.add(Entry("a", 7), [(KEY, tally(1))])

        assert sums(counts) == {KEY: [111, 0, 0]}

    def test_counts_say_up_to_which_entry_they_go(self, store: Store) -> None:
        counts = counts_in(store)
        counts.add(Entry("a", 7), [(KEY, tally(1))])
        counts.add(Entry("b", 9), [(KEY, tally(1))])

        numbers = [counts.read("churn", 0, 2_000, name)[1] for name in ("a", "b", "c", "")]

        assert numbers == [7, 9, 0, 0]
        assert counts.read("other", 0, 2_000, "a")[1] == 0

    def test_counts_of_threads_are_added_exactly(self, store: Store) -> None:
        counts = counts_in(store)
        keys = [KEY._replace(hour=hour) for hour in range(1_000, 1_003)]

        def add(source: int) -> None:
            for number in range(1, 11):
                order = keys if source % 2 else keys[::-1]
                counts.add(Entry(f"{source:x}", number), [(key, tally(1)) for key in order])

        run(add)

        assert sums(counts) == {key: [N_THREADS * 10, 0, 0] for key in keys}

    def test_counts_that_threads_add_at_once_are_added_once(self, store: Store) -> None:
        counts = counts_in(store)

        def add(_: int) -> None:
            for number in range(1, 6):
                counts.add(Entry("a", number), [(KEY, tally(1))])

        run(add)

        assert sums(counts) == {KEY: [5, 0, 0]}

    def test_hours_become_days_with_the_same_sums(self, store: Store) -> None:
        counts = counts_in(store)
        hours = [KEY._replace(hour=hour) for hour in range(100)]
        counts.add(Entry("a", 1), [(key, tally(key.hour, 1)) for key in hours])
        counts.add(Entry("a", 2), [(hours[5]._replace(digest="cd" * 32), tally(3))])

        n_replaced = counts.make_days(60)  # the third day has not ended by then

        assert n_replaced == 49
        assert counts.make_days(60) == 0
        counts.add(Entry("a", 3), [(hours[5], tally(1_000))])  # a late one
        counts.make_days(60)
        found = sums(counts)
        days = {key.hour: some for key, some in found.items() if key.n_hours == 24}
        digests = {key.digest for key in found}
        assert len(digests) == 2
        own = KEY._replace(hour=0, n_hours=24)
        assert found[own] == [sum(range(24)) + 1_000, 24, 0]
        assert days[24] == [sum(range(24, 48)), 24, 0]
        assert sum(some[1] for some in found.values()) == 100

    def test_days_that_threads_make_at_once_have_the_same_sums(self, store: Store) -> None:
        counts = counts_in(store)
        hours = [KEY._replace(hour=hour) for hour in range(48)]
        counts.add(Entry("a", 1), [(key, tally(1)) for key in hours])

        run(lambda _: counts.make_days(48))

        assert sums(counts) == {KEY._replace(hour=hour, n_hours=24): [24, 0, 0] for hour in (0, 24)}

    def test_counts_that_are_old_are_deleted(self, store: Store) -> None:
        counts = counts_in(store)
        keys = [KEY._replace(hour=hour) for hour in (10, 11)]
        counts.add(Entry("a", 1), [(key, tally(1)) for key in keys])

        counts.forget(11)

        assert sums(counts) == {keys[1]: [1, 0, 0]}

    def test_the_last_hour_of_each_model_is_known(self, store: Store) -> None:
        counts = counts_in(store)
        day = KEY._replace(model="old", hour=48, n_hours=24)
        keys = [KEY, KEY._replace(hour=900), day]
        counts.add(Entry("a", 1), [(key, tally(1)) for key in keys])

        assert counts.last_hours() == {"churn": 1_000, "old": 71}

    def test_there_is_a_place_for_counts(self, store: Store) -> None:
        assert counts_in(store).is_there()


def counts_in(store: Store) -> CountStore:
    """What the store keeps counts in."""
    counts = counts_of(store)
    assert counts is not None
    return counts


def tally(*counts: int, n_refused: int = 0) -> Tally:
    """The counts of one row."""
    return Tally(LAYOUT, np.array([*counts, 0, 0][:3], np.int64), 1, 1, n_refused)


def sums(counts: CountStore, model: str = "churn") -> dict[Key, list[int]]:
    """What is in the store, by key."""
    found, _ = counts.read(model, 0, 2_000)
    return {
        key: sum(one.counts for one in tallies).tolist()  # type: ignore[union-attr] # of arrays
        for key, tallies in found.items()
    }


def run(work: Callable[[int], object]) -> None:
    """Run it in some threads at once."""
    with ThreadPoolExecutor(N_THREADS) as threads:
        list(threads.map(work, range(N_THREADS)))
