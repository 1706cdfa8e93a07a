"""How far counted values have moved from those of training, and whether that can be chance.

An alarm needs both: an effect that is large enough to matter, and a probability that is too small
for chance. Either alone raises false alarms: chance moves small samples far, and a large sample
makes any difference significant.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.bundle.baseline import Histogram, Period
from podium.bundle.spread import population_stability
from podium.monitoring.counts import Counts, is_ordered, trained

Level = Literal["none", "amber", "red"]
# Of the population stability index, less what chance adds to it.
AMBER, RED = 0.02, 0.1
ROWS_MIN = 200
# Parts of training are few, and the next one may lie a little farther.
_BEYOND_TRAINING = 1.25
# One a year and model, when every hour, day and week is looked at.
WINDOWS_A_YEAR = 365 * 24 + 365 + 52
# Slots with fewer rows than this are expected to have are tested together, or the statistic isn't
# distributed as chi-square.
_EXPECTED_MIN = 5.0
# Later terms of a tail add nothing that counts.
_TERMS_MAX = 10_000


class Thresholds(NamedTuple):
    """Of the population stability index."""

    amber: float = AMBER
    red: float = RED


class Drift(msgspec.Struct, frozen=True):
    """A comparison of some values with those of training.

    Attributes:
        n_rows: how many values there are, with the missing ones.
        psi: population stability index, without the bias (B - 1)(1/n + 1/m) that chance gives it;
            it may be negative.
        jensen_shannon: divergence in bits, 0 to 1.
        hellinger: distance, 0 to 1.
        total_variation: distance, 0 to 1: the share of the values that would have to change.
        kolmogorov_smirnov: greatest difference of the cumulative shares at the edges of bins, 0 to
            1; None for labels.
        wasserstein: mean distance that values moved, in their unit, as far as bins tell; None for
            labels.
        p_value: of Pearson's chi-square test that both come from one distribution.
        mean: of the values, as far as bins tell: that of training, moved by what moved between the
            middles of bins; None for labels.
        deviation: their standard deviation, likewise.
    """

    n_rows: int
    psi: float
    jensen_shannon: float
    hellinger: float
    total_variation: float
    kolmogorov_smirnov: float | None
    wasserstein: float | None
    p_value: float
    mean: float | None = None
    deviation: float | None = None

    def level_for(self, n_tests: int, amber: float = AMBER, red: float = RED) -> Level:
        """Whether this is an alarm: amber for a moderate change, red for a large one.

        Args:
            n_tests: how many such comparisons are made in a year; one of them may be a false alarm.
            amber: the index of a moderate change, and `red` that of a large one.
        """
        if self.n_rows < ROWS_MIN or self.psi < amber or self.p_value * n_tests >= 1.0:
            return "none"
        return "red" if self.psi >= red else "amber"


def thresholds_of(histogram: Histogram, period: Period, n_rows: int) -> Thresholds:
    """The usual ones, or a quarter beyond what the farthest such part of training shows.

    Args:
        n_rows: that are compared.
    """
    psi = _BEYOND_TRAINING * histogram.spread_of(period).psi_of(n_rows)
    return Thresholds(max(AMBER, psi), max(RED, 2 * psi))


def drift_of(histogram: Histogram, counts: Counts) -> Drift:
    """Compare counted values with the training rows.

    Args:
        counts: of the histogram's slots, shape (n_slots,).
    """
    before = trained(histogram)
    used = (before + counts) > 0
    n, m = int(counts.sum()), int(before.sum())
    if not n or not m:
        return Drift(n, 0.0, 0.0, 0.0, 0.0, None, None, 1.0)
    p, q = before[used] / m, counts[used] / n
    ks = wasserstein = mean = deviation = None
    if is_ordered(histogram):
        ks, wasserstein = _of_ordered(histogram, before, counts)
        mean, deviation = _mean_and_deviation(histogram, before, counts)
    return Drift(
        n_rows=n,
        psi=float(population_stability(before[used], counts[used])),
        jensen_shannon=_jensen_shannon(p, q),
        hellinger=math.sqrt(max(0.0, 1.0 - float(np.sqrt(p * q).sum()))),
        total_variation=float(np.abs(p - q).sum()) / 2,
        kolmogorov_smirnov=ks,
        wasserstein=wasserstein,
        p_value=_p_value(before[used], counts[used]),
        mean=mean,
        deviation=deviation,
    )


def chi_square_tail(x: float, degrees: int) -> float:
    """The probability that a chi-square variable of so many degrees of freedom exceeds x.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.4.4 and 26.4.5.
    """
    if x <= 0.0 or degrees < 1:
        return 1.0
    half = x / 2
    # Terms half**k / Gamma(k + 1) * exp(-half), whose logarithms neither overflow nor vanish.
    start = 0.5 if degrees % 2 else 0.0
    powers = np.arange(start, degrees / 2 - 0.5)
    logs = [k * math.log(half) - math.lgamma(k + 1) - half for k in powers.tolist()]
    tail = math.erfc(math.sqrt(half)) if degrees % 2 else 0.0
    return min(1.0, tail + sum(math.exp(log) for log in logs))


def more_than_chance(some_before: int, n_before: int, some: int, n: int) -> float:
    """The probability that at least `some` of n rows have what `some_before` of n_before had.

    Fisher's exact test, one-sided.
    """
    return _hypergeometric_tail(some, some_before + some, n, n_before + n)


def _jensen_shannon(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    middle = (p + q) / 2
    return (_divergence(p, middle) + _divergence(q, middle)) / 2


def _divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())


def _p_value(before: Counts, now: Counts) -> float:
    """Pearson's chi-square test of two samples; slots with few rows have an exact test together.

    A value that training didn't have moves the exact one. Of the two the smaller counts, twice.
    """
    m, n = int(before.sum()), int(now.sum())
    rare = (before + now) * (min(m, n) / (m + n)) < _EXPECTED_MIN
    exact = _hypergeometric_tail(int(now[rare].sum()), int((before + now)[rare].sum()), n, m + n)
    if rare.any():
        before, now = _with_rest(before, rare), _with_rest(now, rare)
    both = before + now
    difference = math.sqrt(n / m) * before - math.sqrt(m / n) * now
    pearson = chi_square_tail(float((difference**2 / both).sum()), len(both) - 1)
    return min(1.0, 2 * min(pearson, exact)) if rare.any() else pearson


def _with_rest(counts: Counts, rare: NDArray[np.bool_]) -> Counts:
    """The counts of slots that aren't rare; all as one where every slot is."""
    kept = counts[~rare]
    return kept if len(kept) else counts.sum(keepdims=True)


def _hypergeometric_tail(found: int, n_marked: int, n_drawn: int, n_all: int) -> float:
    """The probability that at least so many of n_drawn from n_all are among the n_marked."""
    least, most = max(0, n_marked + n_drawn - n_all), min(n_marked, n_drawn)
    if found <= least:
        return 1.0
    ways = _log_ways(n_all, n_drawn)
    logs = [
        _log_ways(n_marked, k) + _log_ways(n_all - n_marked, n_drawn - k) - ways
        for k in range(found, min(most, found + _TERMS_MAX) + 1)
    ]
    return min(1.0, sum(math.exp(log) for log in logs))


def _log_ways(n: int, k: int) -> float:
    """The logarithm of the number of ways to choose k of n."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _of_ordered(histogram: Histogram, before: Counts, now: Counts) -> tuple[float, float]:
    """Kolmogorov-Smirnov and Wasserstein, of the values that aren't missing."""
    m, n = int(before[1:].sum()), int(now[1:].sum())
    if not m or not n:
        return 0.0, 0.0
    edges = np.array(histogram.cuts or histogram.edges)
    # At each edge: what lies below it. Beyond the outer edges nobody knows how far.
    apart = np.abs(np.cumsum(before[1:-1]) / m - np.cumsum(now[1:-1]) / n)
    inner = (apart[:-1] + apart[1:]) / 2
    return float(apart.max()), float((inner * np.diff(edges)).sum())


def _mean_and_deviation(
    histogram: Histogram, before: Counts, now: Counts
) -> tuple[float | None, float | None]:
    """Of the values that aren't missing; those beyond the outer edges count as if they were there."""
    m, n = int(before[1:].sum()), int(now[1:].sum())
    if histogram.mean is None or histogram.deviation is None or not m or not n:
        return None, None
    places = _middles(histogram)
    means, squares = [], []
    for counts in (before[1:], now[1:]):
        means.append(float(counts @ places) / float(counts.sum()))
        squares.append(float(counts @ (places - means[-1]) ** 2) / float(counts.sum()))
    wider = math.sqrt(squares[1] / squares[0]) if squares[0] else 1.0
    return histogram.mean + means[1] - means[0], histogram.deviation * wider


def _middles(histogram: Histogram) -> NDArray[np.float64]:
    """The mean of the training values in each bin, as far as both of its kinds of bins tell."""
    cuts = np.array(histogram.cuts or histogram.edges)
    known = [(histogram.edges, histogram.counts), (histogram.cuts, histogram.cut_counts)]
    edges = np.unique(np.concatenate([np.array(some) for some, _ in known]))
    shares = np.mean(
        [
            np.diff(np.interp(edges, some, np.cumsum((0, *counts)) / sum(counts)))
            for some, counts in known
            if counts
        ],
        axis=0,
    )
    middles = (edges[:-1] + edges[1:]) / 2
    bins = np.clip(np.searchsorted(cuts, middles, side="right") - 1, 0, len(cuts) - 2)
    weights = np.bincount(bins, shares, len(cuts) - 1)
    sums = np.bincount(bins, shares * middles, len(cuts) - 1)
    halves = (cuts[:-1] + cuts[1:]) / 2
    inner = np.divide(sums, weights, out=halves, where=weights > 0)
    return np.concatenate([cuts[:1], inner, cuts[-1:]])
