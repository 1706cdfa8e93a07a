"""The list of days that have records, without which nobody would know a store's partitions."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from podium.records.store import Order
from podium.records.stores.places import day_of

# A process lists each day once, from yesterday on. Days that ended more than two days ago leave the
# list when their last record is deleted: the clocks of servers differ by less than the day between.
LISTED_ONCE_DAYS = 1
FORGOTTEN_DAYS = 3
_DAY_US = 86_400_000_000


class Days(ABC):
    """The days that have records, each of which has a mark that changes with each listing.

    Invariant: a record whose insert returned is in a day that is listed. An old day is listed after
    each of its inserts, and is removed only if nobody listed it since it was seen to be empty.
    """

    def __init__(self) -> None:
        self._listed: set[str] = set()

    def keep(self, days: AbstractSet[str]) -> None:
        """List these days; their records were inserted."""
        recent = _today(-LISTED_ONCE_DAYS)
        for day in sorted(days - self._listed):
            self.list_day(day)
        self._listed = {day for day in self._listed | days if day >= recent}

    def forget(self, days: AbstractSet[str]) -> None:
        """Remove those of these days that are over for long, and have no records left."""
        oldest_kept = _today(-FORGOTTEN_DAYS)
        for day in sorted(day for day in days if day < oldest_kept):
            mark = self.mark_of(day)
            if mark is not None and not self.has_records(day):
                self.remove(day, mark)

    @abstractmethod
    def between(self, since_us: int, until_us: int, *, order: Order) -> Iterable[str]:
        """The days of a range of times, its ends included, in the order of pages."""

    @abstractmethod
    def list_day(self, day: str) -> None:
        """List a day, with another mark than before."""

    @abstractmethod
    def mark_of(self, day: str) -> Any:
        """The mark of a day; None if it isn't listed."""

    @abstractmethod
    def has_records(self, day: str) -> bool:
        """Whether there is a record of this day."""

    @abstractmethod
    def remove(self, day: str, mark: Any) -> None:
        """Remove a day from the list, if it still has this mark."""


def _today(days: int) -> str:
    return day_of(time.time_ns() // 1_000 + days * _DAY_US)
