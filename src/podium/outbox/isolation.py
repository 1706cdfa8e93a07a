"""Isolation of the records that make a store refuse a whole batch."""

from __future__ import annotations

from collections.abc import Sequence

from podium.bisection import Bisection
from podium.errors import StoreError
from podium.records.record import Record
from podium.records.store import InsertResult, Store


def insert_valid(store: Store, records: Sequence[Record]) -> InsertResult:
    """Insert the valid records of a batch that the store refused; the others are in `failed`.

    The batch is halved until each part is accepted or is a single record. If no record at all is
    accepted, the store itself fails; likewise if it gives a reason for a single record: a damaged
    file accepts records for some of its pages, and those that it refuses aren't to blame. A store
    that is nearly full, or slow, accepts a smaller part.

    Raises:
        StoreError: the store accepts none of them, or fails for a reason of its own.
    """
    # Twice from the whole batch down to a single record: two refused records are enough to tell.
    tries_left = 2 * len(records).bit_length() + 2
    good: list[Record] = []
    bad: list[Record] = []
    failed: dict[str, str] = {}
    n_inserted = n_duplicates = 0
    parts = Bisection(list(records))
    for some in parts:
        try:
            result = store.insert(some)
        except StoreError as error:
            tries_left -= 1
            if (error.reason and len(some) == 1) or (not tries_left and not good):
                raise
            bad += [] if parts.split(some) else some
        else:
            good += some
            n_inserted += result.inserted
            n_duplicates += result.duplicates
            failed |= result.failed
    if bad:
        # The store accepts a record that it accepted before, so the store itself didn't just fail.
        store.insert(good[:1] or bad)
    refused = {record.id: why for record in bad if (why := _reason(store, record)) is not None}
    n_inserted += len(bad) - len(refused)
    failed |= refused
    return InsertResult(inserted=n_inserted, duplicates=n_duplicates, failed=failed)


def _reason(store: Store, record: Record) -> str | None:
    """Why the store refuses a record; None if it accepts it now."""
    try:
        store.insert([record])
    except StoreError as error:
        if error.reason:
            raise
        return error.message
    return None
