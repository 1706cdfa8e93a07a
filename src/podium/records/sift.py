"""Finding the records that a store refuses, where it refuses a whole batch because of them."""

from __future__ import annotations

from collections.abc import Sequence

from podium.errors import StoreError
from podium.records.record import Record
from podium.records.store import InsertResult, Store


def sift(store: Store, records: Sequence[Record]) -> InsertResult:
    """Insert what the store takes of a batch that it refused; what it doesn't is `failed`.

    Halves are tried, and halves of those that are refused. Where it takes nothing at all it is the
    store that fails, and not a record.

    Raises:
        StoreError: it takes none of them.
    """
    # Down to one record from the first half, and then to another: two ways are enough to tell.
    tries_left = 2 * len(records).bit_length() + 2
    good: list[Record] = []
    bad: list[Record] = []
    failed: dict[str, str] = {}
    n_inserted = n_duplicates = 0
    waiting = [list(records)]
    while waiting:
        some = waiting.pop()
        try:
            result = store.insert(some)
        except StoreError:
            tries_left -= 1
            if not tries_left and not good:
                raise
            middle = len(some) // 2
            bad += some if len(some) == 1 else []
            waiting += [some[middle:], some[:middle]] if middle else []
        else:
            good += some
            n_inserted += result.inserted
            n_duplicates += result.duplicates
            failed |= result.failed
    if bad:
        # It takes what it took before, so it isn't the store that failed just now.
        store.insert(good[:1] or bad)
    refused = {record.id: why for record in bad if (why := _why(store, record)) is not None}
    n_inserted += len(bad) - len(refused)
    failed |= refused
    return InsertResult(inserted=n_inserted, duplicates=n_duplicates, failed=failed)


def _why(store: Store, record: Record) -> str | None:
    """Why the store doesn't take a record; None when it does now."""
    try:
        store.insert([record])
    except StoreError as error:
        return error.message
    return None
