"""The bootstrap: as wide as theory has it, the same each time, and quick with many rows."""

from __future__ import annotations

import numpy as np
import pytest

from podium.comparison.bootstrap import paired_interval
from podium.comparison.estimates import interval, paired


def same(means):
    return means


@pytest.mark.slow
@pytest.mark.parametrize("n", [300, 4_000, 20_001, 300_000])
def test_its_width_is_that_of_the_normal_interval(n):
    rng = np.random.default_rng(1)
    a, b = rng.exponential(size=n), rng.exponential(size=n) * 1.1
    expected = interval(paired(a, b))

    low, high = paired_interval(a, b, same)

    width = expected.high - expected.low
    assert (low, high) == pytest.approx(expected, abs=0.1 * width)
    assert (low, high) == paired_interval(a, b, same)


def test_what_both_miss_together_does_not_widen_it():
    rng = np.random.default_rng(1)
    hard = 10 * rng.exponential(size=2_000)
    a, b = hard + rng.random(2_000), hard + rng.random(2_000)
    shuffled = rng.permutation(b)

    together, apart = (paired_interval(a, other, same) for other in (b, shuffled))

    assert together.high - together.low < (apart.high - apart.low) / 5


def test_roots_of_means_are_compared_as_such():
    a, b = np.full(100, 4.0), np.full(100, 9.0)

    assert paired_interval(a, b, np.sqrt) == (1, 1)


@pytest.mark.slow
def test_it_covers_the_true_difference_in_95_of_100_cases():
    rng = np.random.default_rng(2)
    n_covered = 0
    for _ in range(200):
        a, b = (rng.random((2, 200)) < ((0.3,), (0.4,))).astype(float)
        low, high = paired_interval(a, b, same)
        n_covered += low <= 0.1 <= high

    assert 180 <= n_covered <= 199
