"""The outbox on disks that are full, broken or without power."""

from __future__ import annotations

import errno
import random
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from podium.errors import StoreError
from podium.outbox.outbox import Outbox
from podium.outbox.outboxed import OutboxedStore
from podium.outbox.shipper import Shipper
from podium.records.record import Record
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import ids, sample

sys.path.insert(0, str(Path(__file__).parent))
from asking import SCALE
from segment_disks import BrokenDisk, VolatileDisk


def shipped(folder: Path, path: Path) -> list[str]:
    """The ids that reach the store from what is in the folder."""
    store = SqliteStore(path)
    shipper = Shipper(folder, store)
    shipper.drain(10)
    shipper.close()
    found = ids(store)
    store.close()
    return found


class Promises:
    """Ids that were answered, noted by the thread that commits."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._lock = threading.Lock()

    def settle(self, records: list[Record], error: StoreError | None) -> None:
        if error is None:
            with self._lock:
                self.ids.extend(record.id for record in records)


def test_with_full_durability_a_power_failure_loses_no_recorded_prediction(tmp_path):
    n_points = 100 * SCALE
    n_answered = n_kept = n_dropped = 0

    for seed in range(n_points):
        chosen = random.Random(seed)
        disk = VolatileDisk(seed, writes_left=chosen.randrange(3, 25))
        folder = tmp_path / f"{seed}"
        outbox = Outbox(folder, durability="full", disk=disk, segment_bytes=20_000)
        promises = Promises()
        for number in range(40):
            records = [sample(1_000 * number + n) for n in range(chosen.randrange(1, 9))]
            outbox.append_later(records, partial(promises.settle, records))
            if chosen.random() < 0.5:
                time.sleep(chosen.uniform(0, 0.002))
        disk.lose_power()
        promised = list(promises.ids)
        outbox.close()
        kept = shipped(folder, tmp_path / f"{seed}.db")
        assert set(promised) <= set(kept), f"point {seed}"
        n_answered, n_kept = n_answered + len(promised), n_kept + len(kept)
        n_dropped += disk.n_dropped

    print(f"{n_points} points, {n_answered} answered, {n_kept} kept, {n_dropped} sectors dropped")
    assert n_answered > 10 * n_points
    assert n_dropped > n_points  # else nothing was at stake


def test_normal_durability_promises_less_or_this_test_would_prove_nothing(tmp_path):
    lost = 0

    for seed in range(20):
        folder, disk = tmp_path / f"{seed}", VolatileDisk(seed)
        outbox = Outbox(folder, disk=disk)
        for number in range(20):
            outbox.append([sample(number)])
        disk.lose_power()
        outbox.close()
        lost += 20 - len(shipped(folder, tmp_path / f"{seed}.db"))

    assert lost > 0


@pytest.mark.parametrize("durability", ["normal", "full"])
@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_acknowledges_nothing_and_loses_nothing(tmp_path, durability, reason):
    disk = BrokenDisk(reason)
    outbox = Outbox(tmp_path / "outbox", durability=durability, disk=disk)
    answered, refused, number = [], 0, 0

    for writes_left in [*range(12), sys.maxsize]:
        disk.writes_left = writes_left
        for _ in range(4):
            number += 1
            try:
                outbox.append([sample(number, inputs=b'{"a":"%s"}' % (b"x" * 9_000))])
            except StoreError:
                refused += 1
            else:
                answered.append(sample(number).id)
    disk.writes_left = sys.maxsize
    assert outbox.probe() is None
    outbox.append([sample(10_000)])
    outbox.close()
    kept = shipped(tmp_path / "outbox", tmp_path / "podium.db")

    print(f"{len(answered)} answered, {refused} refused, {len(kept)} kept")
    assert refused > 5
    assert {*answered, sample(10_000).id} <= set(kept)


def test_when_it_is_full_the_oldest_are_dropped_if_configured(tmp_path):
    outbox = Outbox(tmp_path / "outbox", rows_max=300, when_full="drop", segment_bytes=20_000)

    for number in range(2_000):
        outbox.append([sample(number)])
        if number % 100 == 0:
            time.sleep(0.06)  # how many wait is looked up now and then
    n_dropped = outbox.n_dropped
    outbox.close()
    kept = shipped(tmp_path / "outbox", tmp_path / "podium.db")

    assert n_dropped > 0
    assert len(kept) + n_dropped == 2_000
    assert sample(1_999).id in kept
    assert sample(0).id not in kept


def test_segments_follow_each_other_and_are_deleted_when_they_are_shipped(tmp_path):
    store = OutboxedStore(SqliteStore(tmp_path / "podium.db"), tmp_path / "outbox")
    store.outbox._segment_bytes = 50_000

    for number in range(3_000):
        store.insert([sample(number)])
    until_s = time.monotonic() + 60
    while store.outbox.n_waiting and time.monotonic() < until_s:
        time.sleep(0.05)
    left = segments(tmp_path / "outbox")
    while len(left) > 2 and time.monotonic() < until_s:
        time.sleep(0.05)
        left = segments(tmp_path / "outbox")
    found = len(ids(store))
    store.close()

    assert found == 3_000
    assert len(left) <= 2
    assert segments(tmp_path / "outbox") == []


def segments(folder: Path) -> list[Path]:
    return list(folder.glob("*/*.db"))


def test_two_processes_ship_the_same_outboxes_and_the_store_has_each_record_once(tmp_path):
    folder = tmp_path / "outbox"
    outboxes = [Outbox(folder) for _ in range(3)]
    for number in range(600):
        outboxes[number % 3].append([sample(number)])
    stores = [SqliteStore(tmp_path / "podium.db") for _ in range(2)]
    stop = threading.Event()
    threads = [
        threading.Thread(target=Shipper(folder, store).run, args=(stop,)) for store in stores
    ]
    for thread in threads:
        thread.start()
    for outbox in outboxes:
        outbox.close()
    until_s = time.monotonic() + 60
    while segments(folder) and time.monotonic() < until_s:
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()

    found = ids(stores[0])
    for store in stores:
        store.close()

    assert len(found) == len(set(found)) == 600
    assert segments(folder) == []
