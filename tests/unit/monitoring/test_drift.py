"""Drift: the measures against their definitions, and alarms against chance."""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from podium.bundle.baseline import histogram_of
from podium.monitoring import drift as drift_module
from podium.monitoring.counts import count_field, trained
from podium.monitoring.drift import ROWS_MIN, WINDOWS_A_YEAR, chi_square_tail, drift_of
from podium.signature import Category, Field

NUMBER = Field(name="x", missing="accept")
LABEL = Field(
    name="plan", type="category", categories=tuple(map(Category, "abcd")), missing="accept"
)
N_COLUMNS = 20
N_TESTS = N_COLUMNS * WINDOWS_A_YEAR


def normal(random: np.random.Generator, n: int) -> np.ndarray:
    return random.normal(size=n)


def lognormal(random: np.random.Generator, n: int) -> np.ndarray:
    return random.lognormal(0.0, 2.0, n)


def counts(random: np.random.Generator, n: int) -> np.ndarray:
    return random.poisson(3.0, n).astype(float)


def labels(random: np.random.Generator, n: int) -> np.ndarray:
    return random.choice(np.array(["a", "b", "c", "d"], object), n, p=[0.6, 0.2, 0.15, 0.05])


@pytest.mark.parametrize("degrees", [1, 2, 3, 19, 22, 50, 400])
@pytest.mark.parametrize("x", [0.0, 0.1, 3.0, 50.0, 500.0, 20_000.0])
def test_the_tail_of_chi_square_is_that_of_scipy(x, degrees):
    assert chi_square_tail(x, degrees) == pytest.approx(stats.chi2.sf(x, degrees), rel=1e-9)


@pytest.mark.parametrize(
    ("found", "marked", "drawn", "all_"), [(0, 5, 10, 100), (3, 5, 10, 100), (50, 60, 900, 10_900)]
)
def test_the_exact_tail_is_that_of_scipy(found, marked, drawn, all_):
    tail = drift_module._hypergeometric_tail(found, marked, drawn, all_)

    assert tail == pytest.approx(stats.hypergeom.sf(found - 1, all_, marked, drawn), rel=1e-7)


def test_the_measures_are_what_their_names_say():
    random = np.random.default_rng(0)
    histogram = histogram_of(NUMBER, normal(random, 4_000))
    column = random.normal(0.3, 1.2, 3_000)
    now = count_field(histogram, NUMBER, column)

    found = drift_of(histogram, now)

    p, q = trained(histogram) / 4_000, now / 3_000
    assert found.n_rows == 3_000
    assert found.jensen_shannon == pytest.approx(jensenshannon(p, q, base=2) ** 2)
    assert found.hellinger == pytest.approx(np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2))
    assert found.total_variation == pytest.approx(np.abs(p - q).sum() / 2)
    assert found.kolmogorov_smirnov == pytest.approx(np.abs(np.cumsum(p) - np.cumsum(q)).max())
    used = (p > 0) & (q > 0)
    raw = ((q[used] - p[used]) * np.log(q[used] / p[used])).sum()
    assert found.psi == pytest.approx(raw, abs=0.04)  # less its bias, and with smoothing


def test_wasserstein_is_how_far_values_moved_in_their_unit():
    column = normal(np.random.default_rng(0), 20_000)
    histogram = histogram_of(NUMBER, column)

    found = drift_of(histogram, count_field(histogram, NUMBER, column + 0.25))

    assert found.wasserstein == pytest.approx(0.25, abs=0.05)


def test_mean_and_deviation_are_those_of_the_values_as_far_as_bins_tell():
    column = normal(np.random.default_rng(0), 20_000)
    histogram = histogram_of(NUMBER, column)

    same = drift_of(histogram, count_field(histogram, NUMBER, column))
    moved = drift_of(histogram, count_field(histogram, NUMBER, 0.8 * column + 0.25))

    assert (same.mean, same.deviation) == pytest.approx((column.mean(), column.std()))
    assert moved.mean == pytest.approx(0.25, abs=0.05)
    assert moved.deviation == pytest.approx(0.8, abs=0.05)


def test_labels_have_no_order():
    random = np.random.default_rng(0)
    histogram = histogram_of(LABEL, labels(random, 1_000))

    found = drift_of(histogram, count_field(histogram, LABEL, labels(random, 1_000)))

    assert found.kolmogorov_smirnov is None
    assert found.wasserstein is None
    assert found.mean is None
    assert found.deviation is None


def test_the_index_has_no_bias_where_nothing_changed():
    random = np.random.default_rng(0)
    histogram = histogram_of(NUMBER, normal(random, 5_000))

    found = [
        drift_of(histogram, count_field(histogram, NUMBER, normal(random, 1_000))).psi
        for _ in range(300)
    ]

    assert abs(np.mean(found)) < 0.002


@pytest.mark.slow
@pytest.mark.parametrize("draw", [normal, lognormal, counts, labels])
def test_stable_windows_raise_no_alarm(draw):
    """At most one in 1,000 windows of 20 columns; PODIUM_SOAK looks at all of them."""
    random = np.random.default_rng(1)
    n_windows, sizes = (
        (1_000, (200, 1_000, 5_000, 20_000))
        if "PODIUM_SOAK" in os.environ
        else (
            50,
            (200, 1_000),
        )
    )
    field = LABEL if draw is labels else NUMBER
    histogram = histogram_of(field, draw(random, 10_000))

    for n in sizes:
        alarms = sum(
            any(
                drift_of(histogram, count_field(histogram, field, draw(random, n))).level_for(
                    N_TESTS
                )
                != "none"
                for _ in range(N_COLUMNS)
            )
            for _ in range(n_windows)
        )
        assert alarms <= n_windows / 1_000, n


MOVED = {
    "half a deviation": lambda random, n: random.normal(0.5, 1.0, n),
    "half as wide again": lambda random, n: random.normal(0.0, 1.5, n),
    "5 % missing": lambda random, n: np.where(random.random(n) < 0.05, np.nan, normal(random, n)),
}


@pytest.mark.parametrize("kind", MOVED)
def test_what_moved_is_found(kind):
    random = np.random.default_rng(2)
    histogram = histogram_of(NUMBER, normal(random, 10_000))

    found = [
        drift_of(histogram, count_field(histogram, NUMBER, MOVED[kind](random, 1_000)))
        for _ in range(100)
    ]

    assert sum(one.level_for(N_TESTS) != "none" for one in found) >= 95


def test_a_share_that_rose_by_ten_points_is_found():
    random = np.random.default_rng(3)
    histogram = histogram_of(LABEL, labels(random, 10_000))
    shares = [0.5, 0.3, 0.15, 0.05]

    found = [
        drift_of(
            histogram,
            count_field(
                histogram,
                LABEL,
                random.choice(np.array(["a", "b", "c", "d"], object), 1_000, p=shares),
            ),
        )
        for _ in range(100)
    ]

    assert sum(one.level_for(N_TESTS) != "none" for one in found) >= 95


def test_few_rows_raise_no_alarm_and_none_at_all_neither():
    histogram = histogram_of(NUMBER, normal(np.random.default_rng(0), 1_000))

    few = drift_of(histogram, count_field(histogram, NUMBER, np.full(ROWS_MIN - 1, 99.0)))
    none = drift_of(histogram, count_field(histogram, NUMBER, np.array([])))

    assert few.level_for(1) == none.level_for(1) == "none"
    assert few.psi > 1
    assert (
        drift_of(histogram, count_field(histogram, NUMBER, np.full(ROWS_MIN, 99.0))).level_for(1)
        == "red"
    )
