"""The last minutes of each model: rows a second, latency and refusals, from the metrics.

A sample is taken every few seconds by whoever serves the live pages; a point is what happened
between two of them. Threads may call everything.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import add, sub

import msgspec

from podium.metrics.families import DURATION, LATENCY_BOUNDS_US, REQUESTS, ROWS
from podium.metrics.metrics import Metrics
from podium.metrics.snapshot import Counted

SAMPLE_S = 2.0
# Ten minutes of samples.
POINTS_MAX = 300
_N_BUCKETS = len(LATENCY_BOUNDS_US) + 1


class Point(msgspec.Struct, frozen=True, array_like=True):
    """What happened in the seconds before a moment.

    Attributes:
        time_s: the moment, in seconds since 1970.
        rows: predicted, a second.
        p50_ms: half of the successful requests took no longer, as far as buckets tell; None
            without any.
        p99_ms: the same of 99 %.
        turned_away: requests a second that got no predictions: refused, invalid or failed.
    """

    time_s: float
    rows: float
    p50_ms: float | None
    p99_ms: float | None
    turned_away: float


@dataclass
class Totals:
    """What a model, or a version of it, has done since the server started.

    Attributes:
        rows: predicted.
        requests: by outcome: ok, invalid, failed, refused.
        latencies: requests in each bucket of the durations, the last of which has no upper bound.
    """

    rows: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    latencies: list[int] = field(default_factory=lambda: [0] * _N_BUCKETS)

    @property
    def turned_away(self) -> int:
        """Requests that got no predictions."""
        return sum(n for outcome, n in self.requests.items() if outcome != "ok")


class Timeline:
    """Samples of the metrics of all models, and the points between them.

    Args:
        clock_s: seconds since 1970.
    """

    def __init__(self, metrics: Metrics, clock_s: Callable[[], float] = time.time) -> None:
        self._metrics = metrics
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._sampled_s = 0.0
        self._counted = Counted()
        self._points: dict[str, deque[Point]] = {}

    def sample(self) -> bool:
        """Take a sample, unless the last one is too fresh; returns whether there is a new point.

        Raises:
            StoreError: the metrics of the other workers can't be read.
        """
        with self._lock:
            now_s = self._clock_s()
            elapsed_s = now_s - self._sampled_s
            if 0 <= elapsed_s < SAMPLE_S / 2:
                return False
            counted = self._metrics.merged().counted
            is_first = not self._sampled_s or elapsed_s < 0  # or the clock was set back
            before, self._counted, self._sampled_s = self._counted, counted, now_s
            if is_first:
                return False
            earlier = _by_model(before)
            for model, totals in _by_model(counted).items():
                point = _point(now_s, elapsed_s, earlier.get(model, Totals()), totals)
                self._points.setdefault(model, deque(maxlen=POINTS_MAX)).append(point)
            return True

    def points(self, model: str) -> list[Point]:
        """The points of a model, oldest first."""
        with self._lock:
            return list(self._points.get(model, ()))

    def by_model(self) -> dict[str, Totals]:
        """What each model has done, as of the last sample, by its name."""
        with self._lock:
            counted = self._counted
        return _by_model(counted)

    def by_version(self, model: str) -> dict[str, Totals]:
        """What each version of a model has done, as of the last sample, by its name."""
        with self._lock:
            counted = self._counted
        found: dict[str, Totals] = {}
        for name, version, part in _parts(counted):
            if name == model:
                _add(found.setdefault(version, Totals()), part)
        return found


def _by_model(counted: Counted) -> dict[str, Totals]:
    found: dict[str, Totals] = {}
    for model, _, part in _parts(counted):
        _add(found.setdefault(model, Totals()), part)
    return found


def _parts(counted: Counted) -> Iterator[tuple[str, str, Totals]]:
    """Each counted number with its model and version, as totals that have it alone."""
    for (family, *labels), n in counted.counters.items():
        if family == REQUESTS.name:
            model, version, _lane, outcome = labels
            yield model, version, Totals(requests={outcome: n})
        elif family == ROWS.name:
            yield labels[0], labels[1], Totals(rows=n)
    for (family, *labels), counts in counted.histograms.items():
        if family == DURATION.name:
            yield labels[0], labels[1], Totals(latencies=counts[:_N_BUCKETS])


def _add(totals: Totals, part: Totals) -> None:
    totals.rows += part.rows
    for outcome, n in part.requests.items():
        totals.requests[outcome] = totals.requests.get(outcome, 0) + n
    totals.latencies = list(map(add, totals.latencies, part.latencies))


def _point(now_s: float, elapsed_s: float, before: Totals, after: Totals) -> Point:
    latencies = list(map(sub, after.latencies, before.latencies))
    return Point(
        round(now_s, 1),
        round(max(0, after.rows - before.rows) / elapsed_s, 1),
        quantile_ms(latencies, 0.5),
        quantile_ms(latencies, 0.99),
        round(max(0, after.turned_away - before.turned_away) / elapsed_s, 2),
    )


def quantile_ms(latencies: list[int], share: float) -> float | None:
    """A quantile of durations in buckets, in milliseconds; None without any.

    Within its bucket the quantile is interpolated; beyond the last bound it is that bound.
    """
    n, below = sum(latencies), 0
    if n <= 0:
        return None
    wanted = share * n
    for place, count in enumerate(latencies[:-1]):
        if below + count >= wanted:
            left = LATENCY_BOUNDS_US[place - 1] if place else 0
            width = LATENCY_BOUNDS_US[place] - left
            return round((left + width * (wanted - below) / count) / 1e3, 3)
        below += count
    return LATENCY_BOUNDS_US[-1] / 1e3
