"""Totals of records: how many, their predictions, and how they are spread over time."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from podium.records.record import Record
from podium.signature.labels import shown_label
from podium.web.charts import WIDTH
from podium.web.numbers import moment_text, number_text, percent_text, with_unit
from podium.web.record_columns import short

LABELS_MAX = 8
_HEIGHT, _GAP = 100, 1.5
BARS_MAX = 60
_SECOND_US = 1_000_000
# The lengths of time that one bar may stand for, in seconds, and their names.
_STEPS = (
    (1, "1 second"),
    (10, "10 seconds"),
    (60, "1 minute"),
    (600, "10 minutes"),
    (3_600, "1 hour"),
    (21_600, "6 hours"),
    (86_400, "1 day"),
    (604_800, "1 week"),
    (2_629_800, "1 month"),
    (31_557_600, "1 year"),
    (315_576_000, "10 years"),
    (3_155_760_000, "100 years"),
)


class Share(NamedTuple):
    """How many records have one label.

    Attributes:
        width: of its bar, of 100.
    """

    label: str
    n_records: int
    percent: str
    width: str


@dataclass(frozen=True, slots=True)
class TimeChart:
    """Records over time, in the units of an SVG of `WIDTH` by 100.

    Attributes:
        path: of all bars.
        step: the time that a bar stands for, in words.
        most: the records of the highest bar, and `busiest` when it begins.
    """

    path: str
    step: str
    most: int
    busiest: str
    start: str
    end: str

    @property
    def caption(self) -> str:
        """What it shows, in a sentence."""
        n = f"{self.most:,} {'record' if self.most == 1 else 'records'}"
        return f"Each bar covers {self.step}; the highest has {n}, from {self.busiest} UTC."


@dataclass(slots=True)
class Totals:
    """Counts and sums of records, one after the other."""

    n_records: int = 0
    n_feedback: int = 0
    n_numbers: int = 0
    mean: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    times_us: list[int] = field(default_factory=list)
    _squares: float = 0.0
    _labels: Counter[str] = field(default_factory=Counter)

    def add(self, record: Record) -> None:
        """Count a record."""
        self.n_records += 1
        self.n_feedback += record.feedback is not None
        self.times_us.append(record.time_us)
        number = record.outcome_number
        if number is None or not math.isfinite(number):
            self._labels[record.outcome] += 1
            return
        # The running mean and squares of Welford (1962), Technometrics 4(3), 419-420.
        self.n_numbers += 1
        before = number - self.mean
        self.mean += before / self.n_numbers
        self._squares += before * (number - self.mean)
        self.minimum, self.maximum = min(self.minimum, number), max(self.maximum, number)

    def facts(self, unit: str = "") -> list[tuple[str, str]]:
        """The counts, and the mean of the predictions that are numbers."""
        rows = [("Records", f"{self.n_records:,}")]
        if self.n_numbers:
            values = {"Mean": self.mean, "Least": self.minimum, "Greatest": self.maximum}
            rows += [
                (label, with_unit(number_text(value), unit)) for label, value in values.items()
            ]
            if self.n_numbers > 1:
                deviation = math.sqrt(self._squares / (self.n_numbers - 1))
                rows.append(("Standard deviation", with_unit(number_text(deviation), unit)))
        if self.n_records:
            share = percent_text(self.n_feedback / self.n_records)
            rows.append(("With feedback", f"{self.n_feedback:,} ({share})"))
        return rows

    @property
    def shares(self) -> list[Share]:
        """The labels by their counts; the rare ones are one line."""
        total = sum(self._labels.values())
        counts = self._labels.most_common()
        top, rest = counts[:LABELS_MAX], counts[LABELS_MAX:]
        if rest:
            n_others = sum(n for _, n in rest)
            top.append((f"{len(rest):,} others", n_others))
        return [
            Share(short(shown_label(label)), n, percent_text(n / total), f"{100 * n / total:.2f}")
            for label, n in top
        ]

    @property
    def chart(self) -> TimeChart | None:
        """The records over time; None for fewer than two moments."""
        return chart_of(self.times_us)


def chart_of(times_us: list[int]) -> TimeChart | None:
    """A histogram of times, in microseconds since 1970; None if there is nothing to compare."""
    if len(times_us) < 2:
        return None
    first, last = min(times_us), max(times_us)
    span_s = (last - first) / _SECOND_US
    step_s, name = next(
        (one for one in _STEPS if span_s / one[0] < BARS_MAX),
        (span_s / BARS_MAX + 1, "one part of the time"),
    )
    step_us = int(step_s * _SECOND_US)
    start = first // step_us
    counts = Counter(time // step_us - start for time in times_us)
    n_bars = last // step_us - start + 1
    if n_bars < 2:
        return None
    most, width = max(counts.values()), WIDTH / n_bars
    gap = min(_GAP, width / 3)
    path = "".join(
        f"M{place * width:.1f} {_HEIGHT}v-{max(_HEIGHT * n / most, 2):.1f}"
        f"h{width - gap:.1f}V{_HEIGHT}z"
        for place, n in sorted(counts.items())
    )
    busiest = min(place for place, n in counts.items() if n == most)
    moments = (max((start + busiest) * step_us, 0), first, last)
    length = len("2024-05-31 14:00:00" if step_s < 60 else "2024-05-31 14:00")
    return TimeChart(path, name, most, *(moment_text(one)[:length] for one in moments))
