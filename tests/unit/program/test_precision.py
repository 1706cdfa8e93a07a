"""Numbers in single precision, and numbers that count as missing."""

from __future__ import annotations

import numpy as np
import pytest

from podium.errors import BundleError
from podium.program.operations import (
    Blank,
    Numbers,
    Operation,
    Scale,
    Shape,
    Shapes,
    Single,
    SingleSum,
)


def shapes_of(width, *, is_single=False):
    shapes = Shapes(width)
    shapes.add(Numbers(tuple(range(width)), is_single).check(shapes))
    return shapes


def test_numbers_are_rounded_to_single_precision():
    shapes = shapes_of(2)
    operation = Single(0)

    rounded = operation.prepare(shapes)([], [np.array([[0.1, 2**24 + 1]])])

    assert operation.check(shapes).is_single
    assert rounded.dtype == np.float32
    assert rounded.tolist() == [[np.float32(0.1), 2**24]]


@pytest.mark.parametrize("is_single", [False, True])
def test_numbers_within_the_bounds_become_missing(is_single):
    shapes = shapes_of(3, is_single=is_single)
    rows = np.array([[0.0, -1.5, 7.0], [-0.0, -1.25, 7.0], [1e-3, np.nan, 7.0]])
    rows = rows.astype(np.float32) if is_single else rows
    blank = Blank(0, np.array([0.0, -1.5, np.nan]), np.array([0.0, -1.25, np.nan]))

    left = blank.prepare(shapes)([], [rows])

    assert left.dtype == rows.dtype
    np.testing.assert_array_equal(
        np.isnan(left), [[True, True, False], [True, True, False], [False, True, False]]
    )


def test_bounds_must_fit_the_columns():
    with pytest.raises(BundleError):
        Blank(0, np.zeros(2), np.zeros(3)).check(shapes_of(3))


def test_an_operation_that_cannot_run_cannot_be_made():
    class Unfinished(Operation, frozen=True, tag="unfinished"):
        def check(self, shapes):
            return Shape(1)

    with pytest.raises(TypeError, match="prepare"):
        Unfinished()


def test_sums_of_single_precision_are_rounded_at_each_step():
    weights = np.array([[1e8], [1.0], [-1e8]], np.float32)
    rows = np.array([[1, 1, 1], [1, np.nan, 1], [0, 3, 0]], np.float32)
    total = SingleSum(0, weights, np.array([0.5], np.float32))
    shapes = shapes_of(3, is_single=True)
    shapes.add(total.check(shapes))

    assert total.prepare(shapes)([], [rows]).tolist() == [[0.0], [0.0], [3.5]]


@pytest.mark.parametrize(
    ("weights", "start"),
    [(np.ones(3), np.ones(1)), (np.ones((2, 1)), np.ones(1)), (np.ones((3, 1)), np.ones(2))],
)
def test_sums_that_do_not_fit_their_rows_are_refused(weights, start):
    shapes = shapes_of(3, is_single=True)

    with pytest.raises(BundleError):
        SingleSum(0, weights, start).check(shapes)


def test_a_scale_rounds_after_each_step_as_one_in_place_does():
    numbers = np.array([[0.1], [16_777_216.0], [3.0], [1e-3]], np.float32)
    subtract, divide = np.array([0.3]), np.array([0.7])
    shapes = shapes_of(1, is_single=True)

    found = Scale(0, subtract=subtract, divide=divide).prepare(shapes)([], [numbers])

    expected = numbers.copy()
    expected -= subtract
    expected /= divide
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    assert (found != (numbers - np.float32(0.3)) / np.float32(0.7)).any()
