"""Reading and deleting behind an outbox: as if every record were in the store already."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from podium.errors import StoreError
from podium.records.outboxes import ends, is_shipped, moving, opened
from podium.records.segment import SegmentGone, SegmentReader
from podium.records.shipper import SHIPPED_ROWS, Shipper
from podium.records.store import Store
from podium.records.waiting import Waiting


def flush(folder: Path, store: Store, waiting: Waiting, *, seconds: float = 2.0) -> bool:
    """Put into the store what every outbox holds now, so that a reader sees it; whether all is.

    It reads only: the shipper finds the same records and the store knows them already.

    Args:
        waiting: knows whether there is anything; told what was found.

    Raises:
        StoreError: the store takes none now, or some can't be read now.
    """
    if not waiting.is_any():
        return True
    until_s = time.monotonic() + seconds
    with moving(folder):
        for path, end in ends(folder).items():
            with suppress(SegmentGone), opened(path) as reader:
                if not _flushed(reader, end, store, until_s):
                    return False
                waiting.moved(path, end)
    return True


def delete(folder: Path, store: Store, *, before_us: int, seconds: float = 10.0) -> int:
    """Delete the records before a moment, those that wait among them; returns how many.

    Raises:
        StoreError: the store takes none now, so that some would come after they were deleted.
    """
    until_s = time.monotonic() + seconds
    waiting = ends(folder)
    while waiting := {path: end for path, end in waiting.items() if not is_shipped(path, end)}:
        shipper = Shipper(folder, store)
        try:
            shipper.ship_alone()
        finally:
            shipper.close()
        if time.monotonic() > until_s:
            raise StoreError("records still wait for the store", hint="try again in a while")
        time.sleep(0.01)
    with moving(folder, is_shared=False):
        return store.delete(before_us=before_us)


def _flushed(reader: SegmentReader, end: int, store: Store, until_s: float) -> bool:
    after = reader.mark.seq
    while after < end:
        batches = list(reader.batches(SHIPPED_ROWS, after))
        if not batches:
            return True
        store.insert([record for batch in batches for record in batch.records])
        after = batches[-1].seq
        if time.monotonic() > until_s:
            return after >= end
    return True
