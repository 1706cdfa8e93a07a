"""Differences between two means, and how far each may be from the true one.

All differences are `b - a`. Of losses, a negative one says that `b` is better.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

# The share of intervals that may miss the truth: of a sequence, over all looks together.
ALPHA = 0.05
# At about 8 times as many rows a sequence is tightest.
TUNING_ROWS = 100.0


class Interval(NamedTuple):
    """What a number may be, at 95 % confidence."""

    low: float
    high: float


class Estimate(NamedTuple):
    """An estimated difference.

    Attributes:
        variance: of the estimate, not of a row.
        n: how much it rests on: pairs; of two samples, half the harmonic mean of their sizes, which
            grows as the information in them does.
    """

    difference: float
    variance: float
    n: float


Groups: TypeAlias = NDArray[np.int64] | None


def summed(values: NDArray[np.float64], groups: Groups) -> NDArray[np.float64]:
    """The sum of each group's values; the values themselves, where every row is a group."""
    return values if groups is None else np.bincount(groups, values).astype(np.float64)


def paired(
    a: NDArray[np.float64], b: NDArray[np.float64], groups: Groups = None
) -> Estimate | None:
    """The mean difference of two versions that answered the same rows; None of fewer than 2 rows.

    Where hardly any rows differ yet, the plain variance is too small, and the next row that differs
    would decide: one more row is counted in, as far from 0 as the farthest.

    Args:
        a: the loss of each row by one version, shape (n_rows,), finite.
        b: by the other, in the same order.
        groups: of rows that belong together, such as those of one person, from 0 on: their sums vary,
            and not each row by itself.

    Source: of groups: Liang, Zeger (1986), Biometrika 73(1), 13-22.
    """
    n = len(a)
    if n < 2:
        return None
    difference = b - a
    centred = summed(difference - difference.mean(), groups)
    squares = float(centred @ centred) + float(np.abs(summed(difference, groups)).max()) ** 2
    return Estimate(float(difference.mean()), squares / n**2, float(len(centred)))


def independent(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    groups_a: Groups = None,
    groups_b: Groups = None,
) -> Estimate | None:
    """The difference of the means of two samples; None where one has fewer than 2 rows.

    A small sample may hold none of the rare errors: by its own variance it would be perfect beyond
    doubt. So the variance is never less than that of both samples taken as one.

    Args:
        a: losses of one version on rows of its own, shape (n_a,), finite.
        b: losses of the other, shape (n_b,).
        groups_a: of rows that belong together, as `paired` has them, and `groups_b` likewise.
    """
    if min(len(a), len(b)) < 2:
        return None
    sides = ((a, groups_a), (b, groups_b))
    apart = sum(_squares(one, one.mean(), groups) / len(one) ** 2 for one, groups in sides)
    mean = np.concatenate([a, b]).mean()
    together = sum(_squares(one, mean, groups) for one, groups in sides) / (len(a) + len(b))
    together *= 1 / len(a) + 1 / len(b)
    n_groups = [len(summed(one, groups)) for one, groups in sides]
    n = 1 / sum(1 / one for one in n_groups)
    return Estimate(float(b.mean() - a.mean()), max(apart, together), n)


def _squares(values: NDArray[np.float64], mean: float, groups: Groups) -> float:
    """The sum of squares around a mean."""
    centred = summed(values - mean, groups)
    return float(centred @ centred)


def proportions(a: tuple[int, int], b: tuple[int, int]) -> Estimate:
    """The difference of two shares, as `independent` estimates it.

    Args:
        a: how many there were, one or more, and how many of them count; `b` likewise.
    """
    (n_a, k_a), (n_b, k_b) = a, b
    share_a, share_b, share = k_a / n_a, k_b / n_b, (k_a + k_b) / (n_a + n_b)
    n = 1 / (1 / n_a + 1 / n_b)
    apart = share_a * (1 - share_a) / n_a + share_b * (1 - share_b) / n_b
    return Estimate(share_b - share_a, max(apart, share * (1 - share) / n), n)


def confidence_sequence(estimate: Estimate, alpha: float = ALPHA) -> Interval:
    """The interval that holds the true difference at all looks together, but for a share of alpha.

    So it may be looked at after each row, and the first look at which it excludes 0 may end the
    comparison. It is asymptotic: some hundred rows make it as good as its word.

    Source: Howard, Ramdas, McAuliffe, Sekhon (2021), Time-uniform, nonparametric, nonasymptotic
    confidence sequences, Annals of Statistics 49(2), 1055-1080: the two-sided normal mixture; with
    estimated variances as in Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), Time-uniform
    central limit theory and asymptotic confidence sequences, Annals of Statistics 52(6), 2613-2640.
    """
    return _around(estimate, float(sequence_width(estimate.n, alpha)))


def sequence_width(n: float | NDArray[np.float64], alpha: float = ALPHA) -> NDArray[np.float64]:
    """Half the width of a sequence after n rows, in standard errors of the estimate."""
    share = TUNING_ROWS / np.asarray(n, np.float64)
    return np.sqrt((1 + share) * (np.log1p(1 / share) + 2 * math.log(1 / alpha)))


def interval(estimate: Estimate, n_estimates: int = 1) -> Interval:
    """The normal interval of one of several estimates, which are looked at once, all together."""
    return _around(estimate, NormalDist().inv_cdf(1 - ALPHA / 2 / n_estimates))


def _around(estimate: Estimate, width: float) -> Interval:
    half = width * math.sqrt(estimate.variance)
    return Interval(estimate.difference - half, estimate.difference + half)
