"""Reading and deleting behind an outbox, as if every record were already in the store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from podium.errors import StoreError
from podium.outbox.outboxes import ends, moving, opened
from podium.outbox.refused import store_refused
from podium.outbox.segment import SegmentDeleted, SegmentReader
from podium.outbox.shipper import SHIPPED_ROWS
from podium.outbox.waiting import Waiting
from podium.records.store import Store

# What a reader waits at most for what others have recorded.
FLUSH_S = 2.0


def flush(folder: Path, store: Store, waiting: Waiting, *, seconds: float = FLUSH_S) -> bool:
    """Insert the waiting records of every outbox into the store; returns whether all are inserted.

    It only reads: the shipper finds the same records, and the store recognizes them. What one call
    doesn't get to, the next one continues with.

    Args:
        waiting: tells whether there is anything, and from where on; it is updated.

    Raises:
        StoreError: the store accepts none now, or some can't be read now.
    """
    if not waiting.has_waiting():
        return True
    until_s = time.monotonic() + seconds
    with moving(folder):
        for path, end in ends(folder, waiting.stored_seq).items():
            with suppress(SegmentDeleted), opened(path) as reader:
                stored = _flushed(reader, waiting.stored_seq(path), end, store, until_s)
                waiting.note_stored(path, stored)
                if stored < end:
                    return False
    return True


@contextmanager
def settled(folder: Path, store: Store, *, seconds: float = 10.0) -> Iterator[None]:
    """In this context everything committed before is in the store for good, and nothing moves.

    So deleted records don't reappear. Records that a reader has put into the store remain in the
    outbox until they are marked as shipped.

    Raises:
        StoreError: the store accepts none now, or too many wait: try again.
    """
    until_s = time.monotonic() + seconds
    with moving(folder, is_shared=False):
        for path, end in ends(folder).items():
            with suppress(SegmentDeleted), opened(path) as reader:
                _move(folder, reader, end, store, until_s)
        yield


def _move(folder: Path, reader: SegmentReader, end: int, store: Store, until_s: float) -> None:
    while reader.mark.seq < end and (batches := list(reader.batches(SHIPPED_ROWS))):
        if time.monotonic() > until_s:
            raise StoreError("too many records wait for the store", hint="try again later")
        records = [record for batch in batches for record in batch.records]
        if failed := store.insert(records).failed:
            store_refused(folder, records, failed)
        reader.advance(batches)


def _flushed(reader: SegmentReader, stored_seq: int, end: int, store: Store, until_s: float) -> int:
    """Insert what follows a batch of a segment; returns the last batch that is in the store."""
    after = max(reader.mark.seq, stored_seq)
    while after < end:
        batches = list(reader.batches(SHIPPED_ROWS, after))
        if not batches:
            return end
        store.insert([record for batch in batches for record in batch.records])
        after = batches[-1].seq
        if time.monotonic() > until_s:
            break
    return after
