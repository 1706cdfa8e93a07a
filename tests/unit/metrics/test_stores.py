"""What metrics tell of the store, whichever way it keeps records."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from podium.errors import StoreError
from podium.metrics.metrics import Metrics
from podium.metrics.stores import watch_recorder
from podium.outbox.outboxed import OutboxedStore
from podium.outbox.recorder import StoreRecorder
from podium.records.record import Ids, Record
from podium.records.store import InsertResult
from podium.records.stores.memory import MemoryStore


def some_records(n_records: int) -> list[Record]:
    ids = Ids()
    return [
        Record(
            id=ids.new(1_000_000),
            time_us=1_000_000,
            model="churn",
            version="1",
            inputs=b"{}",
            outputs=b"{}",
            outcome="yes",
        )
        for _ in range(n_records)
    ]


class FailingStore(MemoryStore):
    """Takes nothing, and tells when that was known to whoever ships."""

    def __init__(self) -> None:
        super().__init__()
        self.failed_twice = threading.Event()
        self._n_calls = 0

    def insert(self, records: Sequence[Record]) -> InsertResult:
        self._n_calls += 1
        if self._n_calls > 1:
            self.failed_twice.set()
        raise StoreError("the database is away")


def test_an_outbox_reports_how_much_waits_and_since_when(tmp_path: Path, read):
    failing = FailingStore()
    store = OutboxedStore(failing, tmp_path)
    metrics = Metrics()
    watch_recorder(metrics, store)
    store.insert(some_records(3))
    assert failing.failed_twice.wait(30)  # the first failure is written down before the second

    value = read(metrics.snapshot())
    assert value("podium_outbox_rows") == 3
    assert value("podium_store_errors_total") >= 1
    assert value("podium_outbox_age_seconds") > 1_000_000
    assert value("podium_records_dropped_total") == 0
    store.close()


class RefusingStore(MemoryStore):
    """Can hold no record, and tells how often it was asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Semaphore(0)

    def insert(self, records: Sequence[Record]) -> InsertResult:
        self.asked.release()
        return InsertResult(inserted=0, failed={one.id: "too odd" for one in records})


def test_records_that_no_store_can_hold_are_reported(tmp_path: Path, read):
    refusing = RefusingStore()
    store = OutboxedStore(refusing, tmp_path)
    metrics = Metrics()
    watch_recorder(metrics, store)
    for record in some_records(2):  # the first is written down before the second is tried
        store.insert([record])
        assert refusing.asked.acquire(timeout=30)

    assert read(metrics.snapshot())("podium_records_set_aside_total") >= 1
    store.close()


def test_an_outbox_in_which_nothing_waits_has_no_age(tmp_path: Path, read):
    store = OutboxedStore(MemoryStore(), tmp_path, ships=False)
    metrics = Metrics()
    watch_recorder(metrics, store)

    assert read(metrics.snapshot())("podium_outbox_age_seconds") == 0
    store.close()


def test_an_outbox_without_durability_reports_what_it_dropped(read, tmp_path):
    store = OutboxedStore(MemoryStore(), tmp_path, durability="off", rows_max=2, ships=False)
    metrics = Metrics()
    watch_recorder(metrics, store)
    store.insert(some_records(3))
    store.outbox.settle()

    assert read(metrics.snapshot())("podium_records_dropped_total") == 3
    store.close()


def test_a_store_without_an_outbox_has_no_metrics_of_one():
    metrics = Metrics()
    watch_recorder(metrics, StoreRecorder(MemoryStore()))

    told = metrics.snapshot()
    assert not [one for one in told.current if "outbox" in one[0]]
