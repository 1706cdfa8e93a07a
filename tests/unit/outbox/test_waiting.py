"""Whether anything waits is told without opening the outboxes, and never too late."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.errors import StoreError
from podium.outbox.flush import flush
from podium.outbox.mark import open_mark, read_progress
from podium.outbox.outbox import Outbox
from podium.outbox.outboxed import OutboxedStore
from podium.outbox.segment import packed
from podium.outbox.segment_writer import SegmentWriter
from podium.outbox.shipper import Shipper
from podium.outbox.waiting import Waiting
from podium.records.stores.memory import MemoryStore
from podium.testing.stores.samples import ids, sample

LONG_AGO_S = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def outbox(folder: Path) -> Iterator[Outbox]:
    made = Outbox(folder)
    yield made
    made.close()


@pytest.fixture
def waiting(folder: Path) -> Iterator[Waiting]:
    made = Waiting(folder)
    yield made
    made.close()


def settle(folder: Path) -> None:
    """As if nothing had been made there for a while."""
    for one in (folder, *folder.iterdir()):
        if one.is_dir():
            os.utime(one, times=(time.time() - LONG_AGO_S,) * 2)


def ship(folder: Path, store: MemoryStore) -> None:
    shipper = Shipper(folder, store)
    shipper.drain(5)
    shipper.close()


def test_nothing_waits_where_there_is_no_outbox(folder, waiting):
    assert not waiting.has_waiting()


def test_an_outbox_without_records_makes_nobody_wait(outbox, waiting):
    assert not waiting.has_waiting()


@pytest.mark.parametrize("is_settled", [True, False])
def test_records_wait_until_the_store_has_them(folder, outbox, waiting, is_settled):
    store = MemoryStore()
    for n in range(5):
        if is_settled:
            settle(folder)
        assert not waiting.has_waiting()
        outbox.append([sample(n)])

        assert waiting.has_waiting()

        ship(folder, store)


def test_what_was_flushed_waits_no_more_though_it_is_not_shipped(folder, outbox, waiting):
    store = MemoryStore()
    outbox.append([sample(1), sample(2)])

    assert flush(folder, store, waiting)

    assert len(ids(store)) == 2
    assert not waiting.has_waiting()
    outbox.append([sample(3)])
    assert waiting.has_waiting()


class CountingStore(MemoryStore):
    """Counts the records that it is given."""

    def __init__(self):
        super().__init__()
        self.n_given = 0

    def insert(self, records):
        self.n_given += len(records)
        return super().insert(records)


def test_a_flush_that_runs_out_of_time_is_continued_by_the_next(folder, waiting):
    store, outboxes = CountingStore(), [Outbox(folder, rows_max=10_000) for _ in range(2)]
    for number, outbox in enumerate(outboxes):
        for at in range(0, 3_000, 500):
            outbox.append([sample(10_000 * number + at + n) for n in range(500)])

    n_calls = 1
    while not flush(folder, store, waiting, seconds=0):
        n_calls += 1

    assert len(ids(store)) == store.n_given == 6_000
    assert n_calls > 2
    for outbox in outboxes:
        outbox.close()


def test_a_reader_may_insist_on_everything(folder):
    outbox = Outbox(folder, rows_max=10_000)
    for at in range(0, 3_000, 500):
        outbox.append([sample(at + n) for n in range(500)])
    outbox.close()
    store = OutboxedStore(MemoryStore(), folder, ships=False)

    store.flush()

    assert len(ids(store.store)) == 3_000
    store.close()


def test_an_outbox_created_after_the_first_check_is_seen(folder, outbox, waiting):
    settle(folder)
    assert not waiting.has_waiting()
    later = Outbox(folder)
    later.append([sample(1)])

    assert waiting.has_waiting()

    later.close()


@pytest.mark.slow
def test_a_segment_begun_after_the_first_look_is_seen(folder, waiting):
    store = MemoryStore()
    outbox = Outbox(folder, segment_bytes=1_000)
    settle(folder)
    assert not waiting.has_waiting()
    for n in range(200):
        outbox.append([sample(n)])

        assert flush(folder, store, waiting)
        assert len(ids(store)) == n + 1
        settle(folder)

    assert len(list(outbox.folder.glob("*.db"))) > 1
    outbox.close()


def test_what_a_dead_worker_left_is_looked_up_itself(folder, waiting):
    outbox = Outbox(folder)
    outbox.append([sample(1)])
    (path,) = outbox.folder.glob("*.db")
    outbox.close()
    # As after a loss of power: the records are on the disk, the note isn't.
    os.truncate(path.with_suffix(".shipped"), 0)

    assert waiting.has_waiting()
    assert flush(folder, store := MemoryStore(), waiting)
    assert len(ids(store)) == 1
    assert not waiting.has_waiting()


def test_a_worker_of_an_older_version_is_looked_up_each_time(folder, outbox, waiting):
    (path,) = outbox.folder.glob("*.db")
    outbox.append([sample(1)])
    os.truncate(path.with_suffix(".shipped"), 20)

    assert waiting.has_waiting()


def committed(fd: int) -> int | None:
    """The last batch that was noted."""
    noted = read_progress(fd)[1]
    return None if noted is None else noted.seq


def test_half_a_note_counts_as_none(outbox):
    (path,) = outbox.folder.glob("*.db")
    outbox.append([sample(1)])
    fd = open_mark(path)
    assert committed(fd) == 1

    os.pwrite(fd, b"\x07", 64)

    assert committed(fd) is None
    os.close(fd)


def test_a_batch_is_noted_when_it_is_committed(tmp_path):
    path = tmp_path / "1.db"
    writer = SegmentWriter(path, is_synced=False)
    fd = open_mark(path)
    writer.append([packed([sample(1)])])
    assert committed(fd) == 1

    writer.finish()  # the next commit fails
    with pytest.raises(StoreError):
        writer.append([packed([sample(2)])])

    assert committed(fd) == 1
    os.close(fd)
    writer.close()


def test_a_segment_that_was_shipped_and_deleted_makes_nobody_wait(folder, waiting):
    outbox = Outbox(folder)
    outbox.append([sample(1)])
    assert waiting.has_waiting()
    outbox.close()
    ship(folder, MemoryStore())

    waiting.has_waiting()  # finds out that the folder is gone

    assert not waiting.has_waiting()


def test_the_files_are_let_go(outbox, waiting):
    before = len(list(Path("/dev/fd").iterdir()))
    assert not waiting.has_waiting()
    assert len(list(Path("/dev/fd").iterdir())) > before

    waiting.close()

    assert len(list(Path("/dev/fd").iterdir())) == before
