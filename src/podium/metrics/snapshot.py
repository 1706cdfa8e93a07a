"""A snapshot: all metrics of one worker at one moment, and how several are merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import add

import msgspec

from podium.metrics.families import BY_NAME, Merge, Series

_MERGE: dict[Merge, Callable[[list[float]], float]] = {"sum": sum, "max": max, "min": min}


class Counted(msgspec.Struct, frozen=True):
    """Metrics that only increase.

    Attributes:
        counters: by series.
        histograms: by series: the number in each bucket (without those below it), the last of which
            has no upper bound, and then the sum of all values.
    """

    counters: dict[Series, int] = {}
    histograms: dict[Series, list[int]] = {}


class Snapshot(msgspec.Struct, frozen=True):
    """All metrics of a worker.

    Attributes:
        taken_s: the time, by a clock that all processes of the machine share.
        counted: remains when the worker ends.
        current: holds while it lives.
    """

    taken_s: float
    counted: Counted
    current: dict[Series, float]


def total(parts: Iterable[Counted]) -> Counted:
    """The sum of several workers' counts."""
    counters: dict[Series, int] = {}
    histograms: dict[Series, list[int]] = {}
    for part in parts:
        for series, count in part.counters.items():
            counters[series] = counters.get(series, 0) + count
        for series, counts in part.histograms.items():
            current = histograms.get(series)
            histograms[series] = counts if current is None else list(map(add, current, counts))
    return Counted(counters, histograms)


def merged(parts: Iterable[Mapping[Series, float]]) -> dict[Series, float]:
    """The metrics of several workers, merged by family."""
    gathered: dict[Series, list[float]] = {}
    for part in parts:
        for series, value in part.items():
            gathered.setdefault(series, []).append(value)
    return {series: _MERGE[BY_NAME[series[0]].merge](some) for series, some in gathered.items()}
