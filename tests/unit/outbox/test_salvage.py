"""Damaged files of the outbox: what can be read is rescued, and what is lost is counted."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from podium.outbox.outbox import Outbox
from podium.outbox.shipper import DAMAGED_NAME, Shipper
from podium.records.store import RecordQuery
from podium.records.stores.memory import MemoryStore
from podium.testing.stores.samples import sample

N_RECORDS = 300


def overwritten(path: Path, first: float, last: float) -> None:
    """Garbage in a part of a file."""
    content = bytearray(path.read_bytes())
    part = slice(int(len(content) * first), int(len(content) * last))
    content[part] = random.Random(0).randbytes(part.stop - part.start)
    path.write_bytes(content)


def cut(segment: Path) -> None:
    content = segment.read_bytes()
    segment.write_bytes(content[: len(content) // 2])


DAMAGE: dict[str, tuple[Callable[[Path], None], int]] = {
    "its head": (lambda one: overwritten(one, 0, 5e-4), N_RECORDS - 1),
    "its head, and no note beside it": (
        lambda one: (overwritten(one, 0, 1e-4), one.with_suffix(".shipped").unlink())[0],
        N_RECORDS,
    ),
    "more of it, and no note beside it": (
        lambda one: (overwritten(one, 0, 5e-4), one.with_suffix(".shipped").unlink())[0],
        0,
    ),
    "its middle": (lambda one: overwritten(one, 0.5, 0.51), N_RECORDS * 9 // 10),
    "its middle, and no note beside it": (
        lambda one: (overwritten(one, 0.5, 0.51), one.with_suffix(".shipped").unlink())[0],
        N_RECORDS * 9 // 10,
    ),
    "its end": (lambda one: overwritten(one, 0.99, 1), N_RECORDS * 9 // 10),
    "a half that was cut": (cut, N_RECORDS * 4 // 10),
    "everything": (lambda one: one.write_bytes(b"no segment" * 1_000), 0),
    "nothing is left": (lambda one: one.write_bytes(b""), 0),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_of_a_damaged_outbox_all_that_can_be_read_is_rescued_and_the_rest_counted(
    tmp_path, caplog, what
):
    damage, least = DAMAGE[what]
    folder, store = tmp_path / "outbox", MemoryStore()
    outbox = Outbox(folder)
    for number in range(N_RECORDS):
        outbox.append([sample(number)])
    segment = outbox._current.path
    outbox.close()
    damage(segment)

    stop = threading.Event()
    stop.set()
    with caplog.at_level(logging.ERROR, "podium"):
        shipper = Shipper(folder, store)
        shipper.drain(10)
    status = shipper._status
    shipper.close()
    records = store.page(RecordQuery(), limit=1_000).records

    print(f"{what}: {len(records)} rescued, {status.n_lost} lost")
    assert len(records) >= least
    if "no note" not in what:  # without it, nobody knows how many there were
        assert len(records) + status.n_lost == N_RECORDS
    assert status.n_damaged == 1
    assert f"{status.n_lost} are lost" in caplog.text
    assert str(segment) in caplog.text
    kept = folder / DAMAGED_NAME
    assert any(one.name.endswith(segment.name) for one in kept.iterdir())
    assert all(record.model == sample(0).model for record in records)


def test_a_whole_outbox_is_no_damaged_one(tmp_path, caplog):
    folder, store = tmp_path / "outbox", MemoryStore()
    outbox = Outbox(folder, segment_bytes=10_000)
    for number in range(N_RECORDS):
        outbox.append([sample(number)])
    outbox.close()

    shipper = Shipper(folder, store)
    shipper.drain(10)
    shipper.close()

    assert len(store.page(RecordQuery(), limit=1_000).records) == N_RECORDS
    assert shipper._status.n_damaged == 0
    assert not (folder / DAMAGED_NAME).exists()


def test_a_worker_goes_on_in_another_file_where_the_one_it_writes_is_damaged(tmp_path):
    folder, store = tmp_path / "outbox", MemoryStore()
    outbox = Outbox(folder)
    for number in range(N_RECORDS):
        outbox.append([sample(number)])
    first = outbox._current.path
    overwritten(first, 0.3, 0.3 + 1e-4)

    shipper = Shipper(folder, store)
    for _ in range(2):  # up to the damage, and then upon it
        shipper._run_once(0.0)
    outbox.probe()
    outbox.append([sample(N_RECORDS)])
    for _ in range(5):
        shipper._run_once(0.0)
    shipper.close()
    records = store.page(RecordQuery(), limit=1_000).records

    assert outbox._current.path != first
    outbox.close()
    assert len(records) == N_RECORDS
    assert shipper._status.n_lost == 1
