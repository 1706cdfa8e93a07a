"""Records that no store can look up by itself, found by reading a bounded number of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

from podium.records.record import Record
from podium.records.store import PAGE_ROWS, Order, RecordQuery, Store
from podium.web.record_columns import Column, Row
from podium.web.record_conditions import Condition
from podium.web.record_totals import Totals

# What one request reads at most: some tenths of a second of work, whatever the store holds.
SCAN_ROWS = 20_000
SCAN_BYTES = 2**24
_HUGE = 1e308
Rank: TypeAlias = tuple[int, float, str]


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
    # Without the decoded rows: of 400 columns they need ten times the memory of the records.
    found: list[tuple[Rank | None, Record]] = []
    rank = _rank_by(sorting.column)
    totals, n_read, n_bytes, last = Totals(), 0, 0, None
    while True:
        limit = min(PAGE_ROWS, most - n_read)
        page = store.page(query, limit=limit, cursor=cursor, order=sorting.order)
        for record in page.records:
            row = Row(record)
            n_bytes += len(record.inputs) + len(record.outputs)
            if all(one.fits(row) for one in conditions):
                totals.add(record)
                found.append((rank(row), record))
        n_read += len(page.records)
        last = page.records[-1] if page.records else last
        cursor = page.cursor
        if cursor is None or n_read >= most or n_bytes >= SCAN_BYTES:
            break
    return Scan(_sorted(found, sorting), totals, n_read, last, cursor)


def _sorted(found: list[tuple[Rank | None, Record]], sorting: Sorting) -> tuple[Record, ...]:
    """The records by their ranks, those without a value at the end."""
    if sorting.column is None:
        return tuple(record for _, record in found)
    given = [(rank, record) for rank, record in found if rank is not None]
    given.sort(key=itemgetter(0), reverse=sorting.is_descending)
    others = (record for rank, record in found if rank is None)
    return (*(record for _, record in given), *others)


def _rank_by(column: Column | None) -> Callable[[Row], Rank | None]:
    """What orders rows by the values of a column, of any types: numbers before texts."""
    if column is None:
        return lambda _: None
    read = column.read

    def rank(row: Row) -> Rank | None:
        value = read(row)
        if value in (None, ""):
            return None
        if isinstance(value, (bool, int, float)):
            is_huge = abs(value) >= _HUGE
            return (0, math.copysign(math.inf, value) if is_huge else float(value), "")
        return (1, 0.0, str(value).casefold())

    return rank
