"""Fills: by rows, by lines and by another matrix; constants that don't fit are refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.impute import KNNImputer

from podium.errors import BundleError
from podium.program.operations import Fill, FillLinear, FillNearest, Shape, Shapes

NAN = np.nan
ONE_STEP = {
    "fill": np.zeros(2),
    "columns": np.array([1], np.int32),
    "weights": np.array([[2.0, 0.0]]),
    "bias": np.ones(1),
    "low": np.zeros(1),
    "high": np.full(1, 9.0),
}


def shapes(*widths):
    filled = Shapes(0)
    for width in widths:
        filled.add(Shape(width))
    return filled


def answer(operation, *matrices):
    read = shapes(*(matrix.shape[1] for matrix in matrices))
    operation.check(read)
    with np.errstate(all="ignore"):  # as a program runs it
        return operation.prepare(read)((), list(matrices))


def test_only_what_is_missing_is_filled_from_the_other_matrix():
    x, y = np.array([[1.0, NAN], [NAN, NAN]]), np.array([[5.0, 6.0], [7.0, NAN]])

    np.testing.assert_array_equal(answer(Fill((0, 1)), x, y), [[1, 6], [7, NAN]])


def test_a_guess_stays_within_its_bounds():
    x = np.array([[1.0, NAN], [7.0, NAN], [-3.0, NAN], [4.0, 8.0], [NAN, NAN]])

    filled = answer(FillLinear(0, **ONE_STEP), x)

    assert filled.tolist() == [[1, 3], [7, 9], [-3, 0], [4, 8], [0, 1]]
    assert np.isnan(x[0, 1])


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_donors_are_those_of_the_imputer(weights):
    random = np.random.default_rng(1)
    # Whole numbers: a distance of nothing is 0, and not what rounding left of it.
    rows, x = (random.integers(-99, 99, (n, 4)).astype(float) for n in (40, 30))
    for matrix in (rows, x):
        matrix[random.random(matrix.shape) < 0.3] = NAN
    x[0] = NAN
    # A row of the training data itself: nothing is nearer.
    x[1] = rows[np.flatnonzero(~np.isnan(rows).any(axis=1))[0]]
    x[1, 2] = NAN
    imputer = KNNImputer(n_neighbors=3, weights=weights).fit(rows)

    ours = answer(FillNearest(0, rows, 3, weights == "distance"), x)

    np.testing.assert_allclose(ours, imputer.transform(x), rtol=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        {"fill": np.zeros(3)},
        {"columns": np.array([2], np.int32)},
        {"columns": np.array([-1], np.int32)},
        {"columns": np.zeros((1, 1), np.int32)},
        {"weights": np.zeros((1, 3))},
        {"bias": np.zeros(2)},
        {"low": np.zeros(0)},
        {"high": np.zeros((1, 1))},
    ],
    ids=str,
)
def test_lines_that_do_not_fit_are_refused(change):
    with pytest.raises(BundleError):
        FillLinear(0, **ONE_STEP | change).check(shapes(2))


@pytest.mark.parametrize(
    "operation",
    [
        Fill((0, 1)),
        FillNearest(0, np.zeros((3, 3)), 1),
        FillNearest(0, np.zeros(2), 1),
        FillNearest(0, np.zeros((3, 2)), 0),
    ],
)
def test_other_fills_that_do_not_fit_are_refused(operation):
    with pytest.raises(BundleError):
        operation.check(shapes(2, 3))
