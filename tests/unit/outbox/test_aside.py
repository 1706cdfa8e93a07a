"""What is done aside doesn't keep the processor from anybody."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from podium.outbox.aside import Aside
from podium.outbox.outbox import Outbox
from podium.outbox.shipper import ASIDE_ROWS, Shipper
from podium.records.store import RecordQuery
from podium.records.stores.memory import MemoryStore
from podium.testing.stores.samples import ids_of, sample


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such threads")
def test_only_its_own_thread_steps_aside():
    aside = Aside()

    there = aside.do(os.sched_getscheduler, 0)
    aside.close()

    assert there == os.SCHED_IDLE
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_it_gives_what_the_work_returns_and_raises_what_it_raises():
    aside = Aside()

    assert aside.do(int, "12") == 12
    with pytest.raises(ValueError, match="invalid literal"):
        aside.do(int, "x")
    aside.close()


@pytest.mark.slow
def test_a_shipper_that_works_aside_moves_everything(tmp_path: Path):
    records = [sample(number) for number in range(3 * ASIDE_ROWS)]
    outbox = Outbox(tmp_path)
    for record in records:
        outbox.append([record])
    store, aside, stop = MemoryStore(), Aside(), threading.Event()
    shipper = Shipper(tmp_path, store, aside=aside)
    thread = threading.Thread(target=shipper.run, args=(stop,))

    thread.start()
    until_s = time.monotonic() + 60
    found: set[str] = set()
    while len(found) < len(records) and time.monotonic() < until_s:
        page = store.page(RecordQuery(), limit=len(records) + 1)
        found = {record.id for record in page.records}
    stop.set()
    thread.join()
    aside.close()
    outbox.close()

    assert found == set(ids_of(*range(len(records))))
