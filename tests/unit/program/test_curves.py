"""Operations that bend columns: the hard numbers, and constants that don't fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from podium.errors import BundleError, ModelError
from podium.program.operations import (
    Bin,
    Normalize,
    Power,
    Product,
    Quantile,
    Shape,
    Shapes,
    Spline,
)
from podium.program.operations.numbers.normal import quantile_of

THREE = np.zeros(3)
KNOTS = np.tile(np.arange(8.0), (2, 1))


def whole(*numbers):
    return np.array(numbers, np.int32)


def shapes(*widths):
    filled = Shapes(0)
    for width in widths or (2,):
        filled.add(Shape(width))
    return filled


def answer(operation, *matrices):
    read = shapes(*(matrix.shape[1] for matrix in matrices))
    operation.check(read)
    return operation.prepare(read)((), list(matrices))


def test_normal_quantiles_are_those_of_scipy():
    shares = np.concatenate([np.linspace(0, 1, 9_999), 10.0 ** -np.arange(1.0, 300), [np.nan, 0.5]])

    np.testing.assert_allclose(quantile_of(shares), norm.ppf(shares), rtol=2e-15)


def test_an_edge_belongs_to_the_configured_bin():
    x = np.array([[1.0, 5.0], [2.0, 4.0], [0.0, np.nan]])
    edges, starts = np.array([1.0, 2.0, 5.0]), whole(0, 2, 3)

    assert answer(Bin(0, edges, starts), x).tolist() == [[0, 0], [1, 0], [0, 1]]
    assert answer(Bin(0, edges, starts, or_equal=True), x).tolist() == [[1, 1], [2, 0], [0, 1]]


def test_a_row_of_nothing_has_no_length():
    x = np.array([[0.0, 0.0], [3.0, -4.0]])

    assert answer(Normalize(0, "l2"), x).tolist() == [[0, 0], [0.6, -0.8]]
    assert answer(Normalize(0, "max"), x).tolist() == [[0, 0], [0.75, -1]]


def test_products_are_those_of_the_pairs():
    x, y = np.array([[2.0, 3.0]]), np.array([[5.0, 7.0, 11.0]])

    assert answer(Product((0, 1), whole(0, 1, 1), whole(2, 0, 1)), x, y).tolist() == [[22, 15, 21]]


def test_box_and_cox_take_no_zero():
    power = Power(0, np.array([0.0, 2.0]), "box_cox")

    np.testing.assert_allclose(answer(power, np.array([[np.e, 3.0]])), [[1.0, 4.0]])
    with pytest.raises(ModelError, match="positive"):
        answer(power, np.array([[1.0, 0.0]]))


def test_powers_of_zero_and_two_are_logarithms():
    power = Power(0, np.array([0.0, 2.0]), "yeo_johnson")

    found = answer(power, np.array([[1.0, -1.0], [np.nan, 1.0]]))

    np.testing.assert_allclose(found, [[np.log(2), -np.log(2)], [np.nan, 1.5]])


def test_a_number_beyond_the_knots_is_refused_where_the_model_does():
    spline = Spline(0, KNOTS, 3, "refuse")

    assert answer(spline, np.array([[3.0, np.nan]])).sum() == pytest.approx(1.0)
    with pytest.raises(ModelError, match="knots"):
        answer(spline, np.array([[2.99, 3.5]]))


@pytest.mark.parametrize(
    ("operation", "problem"),
    [
        (Bin(0, THREE, whole(0, 3)), "starts"),
        (Bin(0, THREE, whole(0, 4, 3)), "fit"),
        (Bin(0, THREE, whole(0, 1, 2)), "fit"),
        (Bin(0, np.zeros((3, 1)), whole(0, 1, 3)), "vector"),
        (Power(0, THREE, "box_cox"), "powers"),
        (Product((0, 0), whole(0, 1), whole(0)), "pair"),
        (Product((0, 0), whole(0, 2), whole(0, 1)), "doesn't exist"),
        (Product((0, 0), whole(0, 1), whole(0, -1)), "doesn't exist"),
        (Quantile(0, np.zeros((3, 3)), THREE), "quantiles"),
        (Quantile(0, np.zeros((2, 2)), THREE), "quantiles"),
        (Quantile(0, np.zeros((0, 2)), np.zeros(0)), "no quantiles"),
        (Quantile(0, np.zeros((3, 2)), np.zeros((3, 1))), "shares"),
        (Spline(0, KNOTS[0], 3, "stay"), "knots"),
        (Spline(0, KNOTS[:1], 3, "stay"), "knots"),
        (Spline(0, KNOTS, -1, "stay"), "degree"),
        (Spline(0, KNOTS, 65, "stay"), "degree"),
        (Spline(0, KNOTS, 4, "stay"), "too few"),
        (Spline(0, KNOTS[:, ::-1], 3, "stay"), "ascend"),
        (Spline(0, KNOTS * np.nan, 3, "stay"), "ascend"),
        (Spline(0, KNOTS, 3, "continue", np.zeros((2, 2, 4))), "not used"),
        (Spline(0, KNOTS, 3, "stay", np.zeros((2, 2, 3))), "slopes"),
    ],
)
def test_constants_that_do_not_fit_are_refused(operation, problem):
    with pytest.raises(BundleError, match=problem):
        operation.check(shapes(2))
