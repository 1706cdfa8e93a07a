"""Inserting records each by itself, for databases whose batches overwrite or are slow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from podium.records.record import Record
from podium.records.storable import refused_of
from podium.records.store import InsertResult
from podium.records.stores.days import Days
from podium.records.stores.places import day_of
from podium.records.stores.threads import Threads


def insert_each(
    records: Sequence[Record],
    insert: Callable[[Record], bool | str],
    *,
    threads: Threads,
    days: Days,
) -> InsertResult:
    """Insert records in threads, and list their days.

    Args:
        insert: returns whether it was inserted, or why the database can't store it.
    """
    failed = refused_of(records)
    good = [record for record in records if record.id not in failed]
    # The first one with an id is stored, as if they were inserted in their order.
    first = list({record.id: record for record in reversed(good)}.values())[::-1]
    results = threads.each(insert, first)
    refused = {
        record.id: result
        for record, result in zip(first, results, strict=True)
        if isinstance(result, str)
    }
    days.keep({day_of(record.time_us) for record in first if record.id not in refused})
    inserted = sum(result is True for result in results)
    n_valid = sum(record.id not in refused for record in good)
    return InsertResult(inserted=inserted, duplicates=n_valid - inserted, failed=failed | refused)
