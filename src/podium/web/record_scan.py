"""Records that no store can look up by itself, found by reading a bounded number of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from podium.records.record import Record
from podium.records.store import PAGE_ROWS, Order, RecordQuery, Store
from podium.web.record_columns import Column, Row
from podium.web.record_conditions import Condition
from podium.web.record_totals import Totals

# What one request reads at most: some tenths of a second of work, whatever the store holds.
SCAN_ROWS = 20_000
SCAN_BYTES = 2**25


@dataclass(frozen=True, slots=True)
class Sorting:
    """An order of records: by time, or by the values of a column.

    Attributes:
        column: None sorts by time.
        is_descending: whether the greatest come first, or the newest.
    """

    column: Column | None = None
    is_descending: bool = True

    @property
    def order(self) -> Order:
        """The order in which the store is read."""
        return "newest" if self.column is not None or self.is_descending else "oldest"

    @property
    def parameters(self) -> dict[str, str]:
        """Its parameter in an address; none for the usual order."""
        if self.column is None and self.is_descending:
            return {}
        key = "time" if self.column is None else self.column.key
        return {"sort": f"-{key}" if self.is_descending else key}


@dataclass(frozen=True, slots=True)
class Scan:
    """The records among those that were read.

    Attributes:
        records: those that match, sorted.
        totals: of all of them.
        n_read: how many were read.
        last: the last one that was read.
        cursor: where to read on; None if everything was read.
    """

    records: tuple[Record, ...]
    totals: Totals
    n_read: int
    last: Record | None
    cursor: str | None


def scan(
    store: Store,
    query: RecordQuery,
    conditions: Sequence[Condition],
    *,
    sorting: Sorting,
    cursor: str | None = None,
    most: int = SCAN_ROWS,
) -> Scan:
    """Read the records of a query, and keep those that meet the conditions.

    Args:
        cursor: where to begin.
        most: the most records to read; at most SCAN_BYTES of inputs and outputs are read, too.

    Raises:
        BadCursor: the cursor is invalid.
        StoreError: the store fails.
    """
    found: list[Row] = []
    totals, n_read, n_bytes, last = Totals(), 0, 0, None
    while True:
        limit = min(PAGE_ROWS, most - n_read)
        page = store.page(query, limit=limit, cursor=cursor, order=sorting.order)
        for record in page.records:
            row = Row(record)
            n_bytes += len(record.inputs) + len(record.outputs)
            if all(one.fits(row) for one in conditions):
                totals.add(record)
                found.append(row)
        n_read += len(page.records)
        last = page.records[-1] if page.records else last
        cursor = page.cursor
        if cursor is None or n_read >= most or n_bytes >= SCAN_BYTES:
            break
    records = tuple(row.record for row in _sorted(found, sorting))
    return Scan(records, totals, n_read, last, cursor)


def _sorted(rows: list[Row], sorting: Sorting) -> list[Row]:
    """The rows by the values of a column, those without a value at the end."""
    column = sorting.column
    if column is None:
        return rows
    read = column.read
    given, others = [], []
    for row in rows:
        rank = _rank(read(row))
        if rank is None:
            others.append(row)
        else:
            given.append((rank, row))
    given.sort(key=itemgetter(0), reverse=sorting.is_descending)
    return [*(row for _, row in given), *others]


def _rank(value: Any) -> tuple[int, float, str] | None:
    """What orders values of any types: numbers before texts, texts without regard to case."""
    if value in (None, ""):
        return None
    if isinstance(value, (bool, int, float)):
        number = float(value) if abs(value) < 1e308 else math.copysign(math.inf, value)
        return (0, number, "")
    return (1, 0.0, str(value).casefold())
