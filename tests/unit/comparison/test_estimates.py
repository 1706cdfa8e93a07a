"""Estimates: rollouts of equal versions stay undecided, however often one looks; others don't."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from podium.comparison.estimates import (
    Estimate,
    confidence_sequence,
    independent,
    interval,
    paired,
    sequence_width,
)

N_ROLLOUTS, N_LOOKS = 1_000, 200
Draw = Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float64]]


def ties(share: float) -> Draw:
    """Differences of two errors that are equal but for a share of the rows."""
    chances = (share / 2, 1 - share, share / 2)
    return lambda rng, shape: rng.choice((-1.0, 0.0, 1.0), shape, p=chances)


def long_tails(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    return np.exp(1.5 * rng.normal(size=shape)) - np.exp(1.5 * rng.normal(size=shape))


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    return rng.normal(size=shape)


def shares_decided(draw: Draw, rows_per_look: int) -> tuple[float, float]:
    """Of rollouts of equal versions: those that a sequence decides, and those that a test does."""
    rng = np.random.default_rng(7)
    sums, squares, farthest = np.zeros((3, N_ROLLOUTS))
    by_sequence = by_test = np.zeros(N_ROLLOUTS, bool)
    n = 0
    for _ in range(N_LOOKS):
        rows = draw(rng, (N_ROLLOUTS, rows_per_look))
        n += rows_per_look
        sums += rows.sum(axis=1)
        squares += (rows**2).sum(axis=1)
        farthest = np.maximum(farthest, np.abs(rows).max(axis=1))
        if n < 200:
            continue
        centred = squares - sums**2 / n
        # As `paired` does it, which the next test holds it to.
        errors = np.abs(sums) / np.sqrt(np.maximum(centred + farthest**2, 1e-9))
        by_sequence = by_sequence | (errors > sequence_width(n))
        by_test = by_test | (errors > 1.96)
    return float(by_sequence.mean()), float(by_test.mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "rows_per_look"),
    [(normal, 50), (ties(0.2), 20), (ties(0.01), 20), (long_tails, 20)],
    ids=["normal", "few ties", "nearly all ties", "long tails"],
)
def test_of_equal_versions_that_are_looked_at_200_times_5_percent_are_decided_at_most(
    draw, rows_per_look
):
    by_sequence, by_test = shares_decided(draw, rows_per_look)

    assert by_sequence <= 0.05
    assert by_test > 0.15  # what the sequence is for


def test_an_estimate_of_pairs_is_what_the_simulation_counts():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 500))
    difference = b - a
    centred = float(((difference - difference.mean()) ** 2).sum())
    expected = (centred + float(np.abs(difference).max()) ** 2) / 500**2

    estimate = paired(a, b)

    assert estimate == pytest.approx((difference.mean(), expected, 500))


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.05])
@pytest.mark.parametrize("error_rate", [0.2, 0.01])
def test_equal_versions_on_rows_of_their_own_are_decided_in_5_percent_at_most(share, error_rate):
    rng = np.random.default_rng(3)
    decided = np.zeros(N_ROLLOUTS // 4, bool)
    for rollout in range(len(decided)):
        errors = (rng.random(8_000) < error_rate).astype(float)
        is_b = rng.random(8_000) < share
        for n in range(400, 8_001, 200):
            estimate = independent(errors[:n][~is_b[:n]], errors[:n][is_b[:n]])
            if estimate is not None:
                low, high = confidence_sequence(estimate)
                decided[rollout] |= low > 0 or high < 0

    assert decided.mean() <= 0.05


def test_a_small_sample_without_an_error_is_not_perfect():
    a, b = np.zeros(4_000), np.zeros(200)
    a[:20] = 1

    low, high = confidence_sequence(independent(a, b))

    assert low < 0 < high


@pytest.mark.parametrize("rates", [(0.30, 0.25), (0.25, 0.30)])
def test_a_true_difference_is_found_with_a_few_thousand_rows(rates):
    rng = np.random.default_rng(5)
    uniform = rng.random(4_000)  # the same rows are hard for both
    a, b = ((uniform < rate).astype(float) for rate in rates)
    apart = [(rng.random(12_000) < rate).astype(float) for rate in rates]

    for estimate in (paired(a, b), independent(*apart)):
        low, high = confidence_sequence(estimate)
        assert (low > 0) if rates[1] > rates[0] else (high < 0)


def test_versions_that_always_agree_are_equal_and_constant_losses_differ_at_once():
    agreeing = confidence_sequence(paired(np.zeros(300), np.zeros(300)))
    constant = confidence_sequence(paired(np.full(300, 2.0), np.full(300, 1.0)))

    assert agreeing == (0, 0)
    assert constant.high < 0


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_rows_give_no_estimate(n):
    assert paired(np.zeros(n), np.zeros(n)) is None
    assert independent(np.zeros(n), np.zeros(9)) is None


def test_the_sequence_is_wider_than_one_look_and_shrinks_with_the_rows():
    few, many = Estimate(1, 0.01, 200), Estimate(1, 0.0001, 20_000)

    for one in (few, many):
        assert confidence_sequence(one).low < interval(one).low
    assert confidence_sequence(many).low > confidence_sequence(few).low
    assert interval(few, 1_000).low < interval(few).low
