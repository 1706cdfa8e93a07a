"""What monitoring counts, as rows of integers, and the protocol of what keeps them.

A row of counts belongs to one version, role and hour, or day. Sums of integers are exact in every
order: whoever adds what, the sum is the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Role = Literal["primary", "shadow"]
HOURS_A_DAY = 24


class Key(NamedTuple):
    """Which rows were counted.

    Attributes:
        digest: of the version that answered.
        hour: the first one, in hours since 1970, UTC.
        n_hours: 1, or 24 for a day.
    """

    model: str
    digest: str
    role: Role
    hour: int
    n_hours: int = 1

    @property
    def day(self) -> Key:
        """The day in which the hour lies."""
        return self._replace(hour=self.hour - self.hour % HOURS_A_DAY, n_hours=HOURS_A_DAY)


@dataclass
class Tally:
    """What was counted of some rows.

    Attributes:
        layout: what stands where in `counts`, as text.
        n_rows: answered rows.
        n_counted: those of them whose values were counted: above a rate, only a sample is.
        n_refused: rows with a value that the signature refuses.
        counts: shape (n_slots,).
    """

    layout: str
    counts: NDArray[np.int64]
    n_rows: int = 0
    n_counted: int = 0
    n_refused: int = 0

    def add(self, other: Tally) -> None:
        """Add what was counted of others rows, in the same layout."""
        assert other.layout == self.layout
        self.counts = self.counts + other.counts
        self.n_rows += other.n_rows
        self.n_counted += other.n_counted
        self.n_refused += other.n_refused

    @property
    def numbers(self) -> tuple[int, int, int, bytes]:
        """As a row of a table has them."""
        packed = zlib.compress(self.counts.astype("<i8").tobytes(), 1)
        return self.n_rows, self.n_counted, self.n_refused, packed


def tally_of(layout: str, numbers: Sequence[Any]) -> Tally:
    """The tally of a row of a table.

    Args:
        numbers: as `Tally.numbers` has them.

    Raises:
        zlib.error: the counts are damaged.
        ValueError: likewise.
    """
    n_rows, n_counted, n_refused, packed = numbers
    counts = np.frombuffer(zlib.decompress(packed), "<i8").astype(np.int64)
    return Tally(layout, counts, n_rows, n_counted, n_refused)


Tallies: TypeAlias = Sequence[tuple[Key, Tally]]
Found: TypeAlias = dict[Key, list[Tally]]


def added(found: Found, *others: tuple[Key, Sequence[Tally]]) -> Found:
    """What was found, with others: those of one layout are one tally."""
    for key, tallies in others:
        known = {one.layout: one for one in found.setdefault(key, [])}
        for tally in tallies:
            if tally.layout in known:
                known[tally.layout].add(tally)
            else:
                found[key].append(tally)
    return found


class Entry(NamedTuple):
    """Names some counts that are added together, so that a store adds them once.

    Attributes:
        source: who adds them: one that never has two unfinished entries.
        number: greater than that of each earlier entry of this source.
    """

    source: str
    number: int


class CountStore(Protocol):
    """Keeps counts for all servers that use one database. Called from threads.

    Every method raises StoreError if the database fails. `podium.testing.CountsContract` tests what
    each method must guarantee.
    """

    def is_there(self) -> bool:
        """Whether counts can be kept; else the database has no tables for them, nor makes any."""
        ...

    def add(self, entry: Entry, tallies: Tallies) -> None:
        """Add counts to those that are there: all of them, or none.

        An entry that was added before changes nothing, so that it may be repeated if nobody knows.
        """
        ...

    def read(
        self, model: str, since_hour: int, until_hour: int, source: str = ""
    ) -> tuple[Found, int]:
        """The counts of a model, by version, role and time, and the last entry of a source in them.

        Both are of the same moment. A day counts where it begins. The number of the entry is 0
        where there are no counts, or nothing of this source.

        Args:
            until_hour: the hour after the last one.
        """
        ...

    def last_hours(self) -> dict[str, int]:
        """The last hour in which something of each model was counted; of a day its last one."""
        ...

    def make_days(self, before_hour: int) -> int:
        """Add up the hours of each day before this hour; returns how many hours were replaced."""
        ...

    def forget(self, before_hour: int) -> None:
        """Delete what was counted before this hour."""
        ...
