"""What was counted of a model, measured against its training data."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from msgspec.structs import asdict

from podium.bundle.baseline import Histogram, Period
from podium.monitoring.counts import Counted, Counts, Kind, is_ordered, slots_of, trained
from podium.monitoring.drift import WINDOWS_A_YEAR, Drift, Level, drift_of, thresholds_of
from podium.monitoring.layout import LATENCY
from podium.monitoring.windows import Sums


class Measured(Drift, frozen=True, kw_only=True):
    """A field, or a part of the outputs, compared with the training data.

    Attributes:
        name: of the field, the output or the class; "" for scores.
        level: of the drift.
        trained_mean: of the training rows, and `trained_deviation` their standard deviation.
        slots: what is counted where, in words.
        trained: how often the training rows have each.
        counts: how often the rows had each.
        n_missing: rows without a value.
        n_unseen: rows with a category that training didn't have.
        n_outside: rows with a number below or above all of training.
        n_refused: values that were refused; these rows have no prediction.
        is_constant: whether all values are in one slot, which isn't so in training.
    """

    kind: Kind
    name: str
    level: Level
    trained_mean: float | None
    trained_deviation: float | None
    slots: tuple[str, ...]
    trained: tuple[int, ...]
    counts: tuple[int, ...]
    n_missing: int
    n_unseen: int
    n_outside: int
    n_refused: int
    is_constant: bool


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """An hour, a day or a week, as far as it is within the report.

    Attributes:
        time_us: when it began, in microseconds since 1970.
        n_hours: how long it is. Hours that are old were added up to days.
        n_rows: answered rows.
        n_counted: those of them whose values were counted.
        n_refused: refused rows.
        latencies: how many requests took up to each of `Report.latency_bounds_us`, without those
            before, and longer.
        psi: by the report's order of what was measured; 0 where nothing was counted.
        p_value: the same of the probabilities.
        level: the same of the levels.
    """

    time_us: int
    n_hours: int
    n_rows: int
    n_counted: int
    n_refused: int
    latencies: tuple[int, ...]
    psi: tuple[float, ...]
    p_value: tuple[float, ...]
    level: tuple[Level, ...]


class VersionRows(msgspec.Struct, frozen=True, kw_only=True):
    """How much a version answered in the time of the report.

    Attributes:
        version: its name; "" where the version isn't there any more.
        role: `shadow` for what it predicted beside another version.
    """

    version: str
    digest: str
    role: str
    n_rows: int
    n_refused: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one version of a model saw and predicted.

    Attributes:
        since_us: the beginning of the first window, in microseconds since 1970.
        until_us: now.
        n_rows: answered rows.
        n_counted: those of them whose values were counted; fewer where there were very many.
        n_refused: rows that were refused.
        has_baseline: whether there is training data to compare with.
        measured: fields, predictions, scores and probabilities, those that drifted most first.
        windows: in order of time; those without a row are left out.
        versions: all of the model's, with how much each answered.
    """

    model: str
    version: str
    digest: str
    role: str
    window: Period
    since_us: int
    until_us: int
    n_rows: int
    n_counted: int
    n_refused: int
    has_baseline: bool
    latency_bounds_us: tuple[int, ...]
    measured: tuple[Measured, ...]
    windows: tuple[Window, ...]
    versions: tuple[VersionRows, ...]

    @property
    def level(self) -> Level:
        """The highest level of all that was measured."""
        levels = {one.level for one in self.measured}
        return "red" if "red" in levels else "amber" if "amber" in levels else "none"


def n_tests_of(histograms: Mapping[Counted, Histogram]) -> int:
    """How many comparisons with training are made in a year, where each window is looked at."""
    return max(1, len(histograms)) * WINDOWS_A_YEAR


def measured(
    what: Counted, histogram: Histogram, sums: Sums, n_tests: int, period: Period = "day"
) -> Measured:
    """What was counted, compared with training.

    Args:
        period: which parts of training tell what is usual.
    """
    slots = slots_of(histogram)
    counts = counts_of(what, histogram, sums)
    drift = drift_of(histogram, counts)
    ordered = is_ordered(histogram)
    refused = sums.counts.get(Counted("refused", what.name)) if what.kind == "field" else None
    return Measured(
        **asdict(drift),
        kind=what.kind,
        name=what.name,
        level=drift.level_for(n_tests, *thresholds_of(histogram, period, drift.n_rows)),
        trained_mean=histogram.mean,
        trained_deviation=histogram.deviation,
        slots=slots,
        trained=tuple(trained(histogram).tolist()),
        counts=tuple(counts.tolist()),
        n_missing=int(counts[0]),
        n_unseen=0 if ordered else int(counts[-1]),
        n_outside=int(counts[1] + counts[-1]) if ordered else 0,
        n_refused=0 if refused is None else int(refused[0]),
        is_constant=_n_used(counts) == 1 and _n_used(trained(histogram)) > 1,
    )


def counts_of(what: Counted, histogram: Histogram, sums: Sums) -> Counts:
    """The counts of a histogram's slots."""
    counts, n_slots = sums.counts.get(what), len(trained(histogram))
    if counts is None or len(counts) != n_slots:
        return np.zeros(n_slots, np.int64)
    return counts


def latencies_of(sums: Sums) -> tuple[int, ...]:
    """How many requests took how long."""
    counts = sums.counts.get(LATENCY)
    return () if counts is None else tuple(counts.tolist())


def _n_used(counts: Counts) -> int:
    """How many slots have values, without the missing ones."""
    return int((counts[1:] > 0).sum())
