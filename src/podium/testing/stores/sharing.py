"""The contract for threads that share a store."""

# ruff: noqa: D102 - tests: they assert, and their names are sentences

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec

from podium.records.history import HISTORY_MAX, earlier_statements
from podium.records.store import InsertResult, Store
from podium.testing.stores.samples import Settling, feedback, ids, ids_of, sample

N_THREADS = 8


class Sharing(Settling):
    """Several threads at once, and closing."""

    def test_threads_that_insert_the_same_records_keep_each_once(self, store: Store) -> None:
        batches = [[sample(n) for n in range(start, start + 30)] for start in range(0, 120, 10)]

        with ThreadPoolExecutor(N_THREADS) as threads:
            results = list(threads.map(store.insert, batches))
        self.settle(store)

        assert not any(result.failed for result in results)
        assert sum(result.inserted + result.duplicates for result in results) == 12 * 30
        if store.features.duplicate_policy == "count":
            assert sum(result.inserted for result in results) == 140
        assert ids(store) == ids_of(*range(139, -1, -1))

    def test_threads_that_read_see_whole_pages_while_others_write(self, store: Store) -> None:
        self.fill(store, *(sample(n) for n in range(50)))

        with ThreadPoolExecutor(N_THREADS) as threads:
            reading = [threads.submit(ids, store, limit=20) for _ in range(6)]
            writing = [threads.submit(store.insert, [sample(100 + n)]) for n in range(40)]
            telling = [threads.submit(store.set_feedback, sample(n).id, feedback()) for n in (1, 2)]
            deleting = threads.submit(store.delete, [sample(n) for n in range(200, 300)])

        for result in (one.result() for one in reading):
            assert result == sorted(set(result), reverse=True)
            assert set(result) >= set(ids_of(*range(50)))
        assert all(one.result() == InsertResult(inserted=1) for one in writing)
        assert all(one.result() is True for one in telling)
        assert deleting.result() == 0

    def test_threads_that_delete_together_count_each_record_once(self, store: Store) -> None:
        self.fill(store, *(sample(n) for n in range(700)))

        with ThreadPoolExecutor(N_THREADS) as threads:
            records = [sample(n) for n in range(600)]
            orders = (records, records[::-1], records[300:] + records[:300], records)
            deleting = [threads.submit(store.delete, order) for order in orders]
        self.settle(store)

        assert sum(one.result() for one in deleting) == 600
        assert ids(store) == ids_of(*range(699, 599, -1))

    def test_threads_that_correct_a_record_lose_no_earlier_truth(self, store: Store) -> None:
        self.fill(store, sample(1))
        truths = [float(n) for n in range(HISTORY_MAX)]

        with ThreadPoolExecutor(N_THREADS) as threads:
            some = [feedback(truth) for truth in truths]
            assert all(threads.map(partial(store.set_feedback, sample(1).id), some))
        self.settle(store)

        record = store.get(sample(1).id)
        assert record is not None
        assert record.feedback is not None
        said = [one.truth for one in earlier_statements(record.feedback)]
        assert sorted([*said, msgspec.json.decode(record.feedback.truth)]) == truths

    def test_closing_twice_does_no_harm(self, store: Store) -> None:
        store.close()
        store.close()
