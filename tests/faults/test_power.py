"""The store loses power after the outbox has forgotten what it shipped."""

from __future__ import annotations

import random
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from podium.errors import StoreError
from podium.outbox.outbox import Outbox
from podium.outbox.shipper import Shipper
from podium.records.open import open_store
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import ids, sample

sys.path.insert(0, str(Path(__file__).parent))
from asking import SCALE
from disks import VolatileDisk


def left_after_a_loss(folder: Path, seed: int, synchronous: str) -> tuple[int, int]:
    """How many records were answered, and how many are in the store when all is over."""
    chosen = random.Random(seed)
    disk = VolatileDisk(seed, writes_left=chosen.randrange(60, 500))
    store = SqliteStore(folder / "podium.db", synchronous=synchronous, vfs=disk.name)
    outbox, shipper = (
        Outbox(folder / "outbox", segment_bytes=8_000),
        Shipper(folder / "outbox", store),
    )
    n_answered = 0
    while not disk.is_off:
        outbox.append([sample(n_answered + n) for n in range(8)])
        n_answered += 8
        try:
            shipper.ship()
        except StoreError:
            disk.lose_power()
    outbox.close()
    shipper.close()
    with suppress(StoreError):  # there is no power
        store.close()
    disk.unregister()

    again = SqliteStore(folder / "podium.db")
    later = Shipper(folder / "outbox", again)
    later.drain(10)
    later.close()
    n_kept = len(set(ids(again)))
    again.close()
    return n_answered, n_kept


def test_what_the_outbox_has_forgotten_outlives_the_power_of_the_store(tmp_path):
    found = [left_after_a_loss(tmp_path / f"{seed}", seed, "FULL") for seed in range(25 * SCALE)]

    print(
        f"{len(found)} points, {sum(n for n, _ in found)} answered, {sum(n for _, n in found)} kept"
    )
    assert all(n_answered == n_kept for n_answered, n_kept in found)
    assert sum(n_answered for n_answered, _ in found) > 100 * len(found)


def test_a_store_that_does_not_wait_for_the_disk_would_lose_some(tmp_path):
    found = [left_after_a_loss(tmp_path / f"{seed}", seed, "NORMAL") for seed in range(8)]

    assert sum(n_answered - n_kept for n_answered, n_kept in found) > 0


@pytest.mark.parametrize("form", ["{path}", "sqlite:///{path}"])
def test_stores_that_are_opened_by_address_wait_for_the_disk(tmp_path, form):
    store = open_store(form.format(path=tmp_path / "podium.db"))

    assert store.features.durability == "power"
    store.close()
