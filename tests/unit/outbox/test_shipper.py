"""A shipper moves every record of every outbox to the store, and deletes no file too early."""

from __future__ import annotations

import itertools
import os
import resource
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from podium.errors import StoreError
from podium.outbox.flush import flush, settled
from podium.outbox.frames import Packed
from podium.outbox.outbox import Outbox
from podium.outbox.refused import REFUSED_NAME
from podium.outbox.segment import packed
from podium.outbox.segment_reader import open_segment
from podium.outbox.segment_writer import SegmentWriter
from podium.outbox.shipper import Shipper
from podium.outbox.status import status_of
from podium.outbox.waiting import Waiting
from podium.records.record import Record
from podium.records.store import InsertResult
from podium.records.stores.memory import MemoryStore
from podium.testing.stores.samples import ids, ids_of, sample


class MoodyStore(MemoryStore):
    """A store that fails while it is told to."""

    is_down = False

    def insert(self, records: Sequence[Record]) -> InsertResult:
        if self.is_down:
            raise StoreError("the store is down")
        return super().insert(records)

    def page_ids(self) -> list[str]:
        """In no order, and quickly."""
        return list(self._records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def store() -> MoodyStore:
    return MoodyStore()


@pytest.fixture
def shipper(folder: Path, store: MoodyStore) -> Iterator[Shipper]:
    shipper = Shipper(folder, store)
    yield shipper
    shipper.close()


@contextmanager
def no_more_files_than(n_left: int) -> Iterator[None]:
    """Let this process open so many files more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    fds = {int(one.name) for one in Path("/proc/self/fd").iterdir()}
    free = (fd for fd in itertools.count() if fd not in fds)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (next(itertools.islice(free, n_left, None)), limits[1])
    )
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*/*"))


@pytest.mark.slow
def test_a_segment_that_is_still_written_outlives_the_next_one_being_made(
    folder: Path, store: MoodyStore, shipper: Shipper
) -> None:
    outbox = Outbox(folder, segment_bytes=20_000)

    for number in range(400):
        outbox.append([sample(number)])
        # Twice: the second finds nothing more, and so may think that a segment is done.
        shipper.ship()
        shipper.ship()
    n_files = len(files(folder))
    outbox.close()
    shipper.drain(10)

    assert ids(store) == ids_of(*reversed(range(400)))
    assert n_files <= 5  # two segments of two files, and the lock: shipped ones are deleted
    assert files(folder) == []


@pytest.mark.parametrize("n_left", range(6))
def test_a_file_that_cannot_be_read_for_a_while_is_shipped_later(
    folder: Path, store: MoodyStore, shipper: Shipper, n_left: int
) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(1)])
    outbox.close()

    with no_more_files_than(n_left), suppress(StoreError):
        shipper.ship_alone()
    n_files = len(files(folder))
    shipper.drain(10)

    assert n_files
    assert ids(store) == ids_of(1)
    assert files(folder) == []


def test_what_waits_is_counted_however_different_the_requests_are(
    folder: Path, shipper: Shipper
) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(number) for number in range(2_000)])
    for number in range(2_000, 2_010):
        outbox.append([sample(number)])

    assert shipper.ship() == 2_000
    assert shipper._n_waiting == outbox.n_waiting == 10
    outbox.close()


def test_a_store_that_fails_gets_everything_once_it_is_back(
    folder: Path, store: MoodyStore, shipper: Shipper
) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(1), sample(2)])
    store.is_down = True

    with pytest.raises(StoreError):
        shipper.ship()
    outbox.append([sample(3)])
    n_waiting = outbox.n_waiting
    store.is_down = False
    shipper.ship()
    outbox.close()

    assert n_waiting == 3
    assert ids(store) == ids_of(3, 2, 1)


def test_a_store_that_raises_what_it_likes_ends_no_shipping(
    folder: Path, store: MoodyStore, shipper: Shipper, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(1)])
    store.insert = lambda _: 1 // 0  # type: ignore[method-assign,assignment]

    wait_s = shipper._run_once(0.0)

    assert 0 < wait_s < 1
    assert status_of(folder).error == "the store raised ZeroDivisionError"
    assert "store_raised ZeroDivisionError" in caplog.text
    outbox.close()


def test_shipping_reports_its_status_and_retries_less_and_less_often(
    folder: Path, store: MoodyStore, shipper: Shipper
) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(1)])
    store.is_down = True

    waits = [shipper._run_once(0.0)]
    for _ in range(8):
        waits.append(shipper._run_once(waits[-1]))
    told = status_of(folder)
    store.is_down = False
    shipper._run_once(0.0)
    outbox.close()

    assert (told.n_errors, told.error) == (1, "the store is down")  # written once, not each time
    assert told.oldest_s == sample(1).time_us / 1e6
    assert told.failing_since_s
    assert waits[0] <= 0.1
    assert max(waits) <= 1
    assert sum(waits[-3:]) > 2 * sum(waits[:3])
    assert status_of(folder).failing_since_s == 0
    assert ids(store) == ids_of(1)


def test_what_no_store_can_hold_is_set_aside_and_blocks_nothing(
    folder: Path, store: MoodyStore, shipper: Shipper
) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(1), sample(2, actor="a\x00b"), sample(3)])

    shipper._run_once(0.0)
    told = status_of(folder)
    outbox.close()
    refused = [
        msgspec.json.decode(line) for line in (folder / REFUSED_NAME).read_bytes().splitlines()
    ]

    assert ids(store) == ids_of(3, 1)
    assert told.n_refused == 1
    assert [one["record"]["id"] for one in refused] == ids_of(2)
    assert "NUL" in refused[0]["why"]


def test_a_damaged_segment_is_set_aside_with_all_that_can_be_read_shipped(
    folder: Path, store: MoodyStore, shipper: Shipper
) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(1)])
    outbox._current.append([Packed(1, b"\xff")])
    outbox.append([sample(3)])
    outbox.close()
    (dead,) = folder.glob("*/lock")
    other = Outbox(folder)
    other.append([sample(4)])
    other.close()

    for _ in range(4):
        shipper._run_once(0.0)

    assert ids(store) == ids_of(4, 3, 1)
    assert f"{dead.parent.name}-00000001.db" in files(folder)
    assert shipper._status.n_damaged == 1
    assert not dead.exists()


def test_a_segment_whose_worker_was_killed_while_creating_it_is_removed(
    folder: Path, store: MoodyStore, shipper: Shipper
) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(1)])
    (outbox.folder / "00000002.db").touch()  # what is there when it is killed at once
    outbox.close()

    shipper.drain(10)
    shipper.ship()

    assert ids(store) == ids_of(1)
    assert files(folder) == []


def test_a_segment_seen_during_its_creation_is_read_afterwards(folder: Path) -> None:
    folder.mkdir()
    (folder / "00000001.db").touch()
    reader = open_segment(folder / "00000001.db")
    assert reader.end == 0

    writer = SegmentWriter(folder / "00000001.db", is_synced=False)
    writer.append([packed([sample(1)])])

    assert reader.end == 1
    assert [batch.records for batch in reader.batches(10)] == [[sample(1)]]
    reader.close()
    writer.close()


def test_a_mark_that_was_torn_costs_a_second_look_and_nothing_else(
    folder: Path, store: MoodyStore, shipper: Shipper
) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(1)])
    shipper.ship()
    shipper.close()
    (mark,) = folder.glob("*/*.shipped")
    content = mark.read_bytes()
    mark.write_bytes(b"\xff" * 6 + content[6:])
    outbox.append([sample(2)])

    later = Shipper(folder, store)
    later.ship()
    later.close()
    outbox.close()

    assert ids(store) == ids_of(2, 1)


def test_segments_that_were_dropped_are_let_go_of(
    folder: Path, store: MoodyStore, shipper: Shipper
) -> None:
    outbox = Outbox(folder, rows_max=10, when_full="drop")
    store.is_down = True

    for number in range(40):
        outbox.append([sample(number)])
        with pytest.raises(StoreError):
            shipper.ship()
    store.is_down = False
    shipper.ship()
    n_dropped = outbox.n_dropped
    outbox.close()

    assert len(ids(store)) == 40 - n_dropped
    assert 0 < n_dropped < 40
    assert len(shipper._readers) <= 2


def test_remains_of_outboxes_are_removed_when_they_are_old(
    folder: Path, store: MoodyStore, shipper: Shipper
) -> None:
    for name, age_s in ((".new", 0), (".old", 120)):
        (folder / name).mkdir(parents=True)
        (folder / name / "lock").touch()
        os.utime(folder / name, times=(time.time() - age_s,) * 2)

    shipper.drain(1)

    assert [path.name for path in folder.glob(".*")] == [".new"]


def test_only_one_ships_at_a_time(folder: Path, store: MoodyStore, shipper: Shipper) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(1)])
    other = Shipper(folder, store)
    assert other.ship_alone() == 1
    outbox.append([sample(2)])

    assert shipper.ship_alone() == 0
    other.close()
    assert shipper.ship_alone() == 1
    outbox.close()


@pytest.mark.slow
def test_flush_ends_under_a_steady_stream(folder: Path, store: MoodyStore) -> None:
    outbox = Outbox(folder)
    waiting = Waiting(folder)
    stop = threading.Event()
    n_appended = 0

    def append() -> None:
        nonlocal n_appended
        while not stop.is_set():
            outbox.append([sample(n_appended)])
            n_appended += 1

    stream = threading.Thread(target=append)
    stream.start()
    try:
        for _ in range(20):
            n_before = n_appended
            assert flush(folder, store, waiting, seconds=5)
            assert len(store.page_ids()) >= n_before
    finally:
        stop.set()
        stream.join()
        outbox.close()
        waiting.close()


def test_delete_ends_under_a_steady_stream(folder: Path, store: MoodyStore) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(n) for n in range(50)])
    stop = threading.Event()

    def append() -> None:
        number = 1_000
        while not stop.is_set():
            outbox.append([sample(number)])
            number += 1

    stream = threading.Thread(target=append)
    stream.start()
    try:
        with settled(folder, store, seconds=5):
            n_deleted = store.delete([sample(n) for n in range(50)])
    finally:
        stop.set()
        stream.join()
        outbox.close()

    assert n_deleted == 50


def test_old_records_are_deleted_and_those_of_the_last_days_stay(
    folder: Path, store: MoodyStore
) -> None:
    now_us = int(time.time() * 1e6)
    day_us = 86_400_000_000
    store.insert([sample(n, time_us=now_us - n * day_us) for n in range(6)])
    shipper = Shipper(folder, store, keep_days=3)

    shipper._run_once(0.0)
    left = sorted(store.page_ids())
    store.insert([sample(9, time_us=now_us - 9 * day_us)])
    shipper._run_once(0.0)  # not each time: once an hour
    shipper.close()

    assert left == sorted(sample(n).id for n in range(3))
    assert sample(9).id in store.page_ids()
