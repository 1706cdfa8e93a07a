"""An outbox keeps what it acknowledges, tells what it can't keep, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from podium.errors import StoreError
from podium.outbox.disk import Disk
from podium.outbox.outbox import Durability, Outbox
from podium.outbox.outboxed import OutboxedStore
from podium.outbox.shipper import Shipper
from podium.records.stores.memory import MemoryStore
from podium.testing.stores.samples import ids, sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


def shipped(folder: Path) -> list[str]:
    store = MemoryStore()
    shipper = Shipper(folder, store)
    shipper.drain(10)
    shipper.close()
    return ids(store)


def n_files_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_many_threads_append_at_once_and_each_record_is_stored_once(
    folder: Path, durability: Durability
) -> None:
    outbox = Outbox(folder, durability=durability, segment_bytes=20_000)

    def append(first: int) -> None:
        for number in range(first, first + 50):
            outbox.append([sample(number)])

    threads = [threading.Thread(target=append, args=(1_000 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.close()

    found = shipped(folder)
    assert len(found) == len(set(found)) == 200


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_every_caller_is_notified_once(folder: Path, durability: Durability) -> None:
    outbox = Outbox(folder, durability=durability)
    told: list[tuple[int, StoreError | None]] = []

    for number in range(60):
        # Half a character is no text: it can't be written down.
        actor = "\ud800" if number % 3 == 0 else "somebody"
        outbox.append_later(
            [sample(number, actor=actor)],
            lambda error, number=number: told.append((number, error)),  # type: ignore[misc]
        )
    outbox.close()

    assert sorted(number for number, _ in told) == list(range(60))
    assert {number for number, error in told if error is not None} == set(range(0, 60, 3))
    assert sorted(shipped(folder)) == sorted(sample(n).id for n in range(60) if n % 3)


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_a_closed_outbox_refuses_records(folder: Path, durability: Durability) -> None:
    outbox = Outbox(folder, durability=durability)
    outbox.append([sample(1)])
    outbox.close()
    outbox.close()
    told: list[StoreError | None] = []

    with pytest.raises(StoreError):
        outbox.append([sample(2)])
    outbox.append_later([sample(3)], told.append)

    assert isinstance(told[0], StoreError)
    assert outbox.n_waiting == 1
    assert shipped(folder) == [sample(1).id]


class NoDisk(Disk):
    def create(self, path: Path) -> int:
        raise OSError(errno.EIO, "no disk")


def test_an_outbox_that_cannot_be_created_leaves_nothing_behind(folder: Path) -> None:
    with pytest.raises(StoreError):
        Outbox(folder, disk=NoDisk())
    before = n_files_open()

    for _ in range(5):
        with pytest.raises(StoreError):
            Outbox(folder, disk=NoDisk())

    assert n_files_open() == before
    assert shipped(folder) == []
    assert list(folder.glob("*/")) == []


def test_files_are_for_their_owner_only(folder: Path) -> None:
    outbox = Outbox(folder)
    outbox.append([sample(1)])

    modes = {path.stat().st_mode & 0o777 for path in outbox.folder.iterdir()}

    assert modes == {0o600}
    assert outbox.folder.stat().st_mode & 0o777 == 0o700
    outbox.close()


def test_a_full_outbox_refuses_until_some_of_it_was_shipped(folder: Path) -> None:
    outbox = Outbox(folder, rows_max=3)
    outbox.append([sample(1), sample(2)])
    store = MemoryStore()
    shipper = Shipper(folder, store)

    with pytest.raises(StoreError, match="2 records are already waiting"):
        outbox.append([sample(3), sample(4)])
    assert outbox.failure is not None
    shipper.ship()
    time.sleep(0.06)  # how many wait is looked up now and then
    outbox.append([sample(3), sample(4)])

    assert outbox.failure is None
    shipper.ship()
    assert len(ids(store)) == 4
    shipper.close()
    outbox.close()


@pytest.mark.slow
def test_many_rows_wait_while_the_outbox_is_crowded_until_it_was_shipped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podium.outbox.outbox.PATIENT_S", 90.0)
    outbox = Outbox(folder, rows_max=10)
    outbox.append([sample(n) for n in range(9)])
    store = MemoryStore()
    shipper = Shipper(folder, store)
    waited: list[bool] = []

    def wait() -> None:
        outbox.wait_for_room(1_000_000)  # up to 90 s
        waited.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join(0.2)
    assert not waited
    shipper.ship()
    thread.join(60)

    assert waited
    outbox.wait_for_room(50_000)  # there is room: nobody waits
    shipper.close()
    outbox.close()


@pytest.mark.slow
def test_many_rows_wait_no_longer_than_a_slow_store_takes_for_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podium.outbox.outbox.PATIENT_S", 90.0)
    outbox = Outbox(folder, rows_max=10)
    outbox.append([sample(n) for n in range(9)])

    began_s = time.monotonic()
    outbox.wait_for_room(1_000)
    took_s = time.monotonic() - began_s

    assert 0.1 <= took_s < 60
    outbox.close()


def test_a_closed_store_creates_no_new_outbox(folder: Path) -> None:
    store = OutboxedStore(MemoryStore(), folder)
    store.insert([sample(1)])
    store.close()

    with pytest.raises(StoreError, match="closed"):
        store.insert([sample(2)])

    assert list(folder.glob("*/")) == []


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # threads of the test's own
def test_a_process_that_was_forked_has_an_outbox_of_its_own(folder: Path) -> None:
    inner = MemoryStore()
    store = OutboxedStore(inner, folder, ships=False)
    store.insert([sample(1)])

    pid = os.fork()
    if not pid:
        try:
            store.insert([sample(2)])
        finally:
            os._exit(0)
    os.waitpid(pid, 0)

    assert len(list(folder.glob("*/lock"))) == 2
    assert len(ids(store)) == 2
    store.close()


@pytest.mark.parametrize("durability", ["normal", "full", "off"])
def test_many_records_are_stored_together_or_not_at_all(
    folder: Path, durability: Durability
) -> None:
    outbox = Outbox(folder, durability=durability, rows_max=4_000)

    outbox.append(sample(number) for number in range(2_500))
    with pytest.raises(StoreError):
        outbox.append(
            sample(number, actor="\ud800" if number == 4_999 else "")
            for number in range(2_500, 5_000)
        )
    outbox.close()

    assert sorted(shipped(folder)) == sorted(sample(n).id for n in range(2_500))
