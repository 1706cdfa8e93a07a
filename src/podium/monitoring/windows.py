"""Windows of time, in which counts are looked at: hours, days and weeks, in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from podium.bundle.baseline import Period
from podium.monitoring.counts import Counted, Counts
from podium.monitoring.layout import places_of
from podium.records.counted import Tally

WINDOW_HOURS: Mapping[Period, int] = {"hour": 1, "day": 24, "week": 168}
# 1970 began on a Thursday; weeks begin on Mondays.
_MONDAY = 4 * 24


@dataclass
class Sums:
    """What was counted of a version in some time.

    Attributes:
        n_rows: answered rows.
        n_counted: those of them whose values were counted.
        n_refused: refused rows.
    """

    n_rows: int = 0
    n_counted: int = 0
    n_refused: int = 0
    counts: dict[Counted, Counts] = field(default_factory=dict)

    def add(self, tally: Tally) -> None:
        """Add the counts of an hour or a day.

        What another release of Podium counted in other slots is left out.
        """
        self.n_rows += tally.n_rows
        self.n_counted += tally.n_counted
        self.n_refused += tally.n_refused
        for what, place in places_of(tally.layout).items():
            counts = tally.counts[place]
            before = self.counts.get(what)
            if before is None:
                self.counts[what] = counts
            elif len(before) == len(counts):
                self.counts[what] = before + counts


def total(tallies: Iterable[Tally]) -> Sums:
    """The sum of what was counted."""
    sums = Sums()
    for one in tallies:
        sums.add(one)
    return sums


def start_of(hour: int, window: Period) -> int:
    """The first hour of the window in which an hour lies."""
    if window == "week":
        return (hour - _MONDAY) // 168 * 168 + _MONDAY
    return hour // WINDOW_HOURS[window] * WINDOW_HOURS[window]
