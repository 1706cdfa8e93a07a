"""What is known of rows within a radius: their mean, and no answer where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from podium.errors import BundleError, ModelError
from podium.program.operations import Numbers, Shapes, Within

ROWS = np.array([[0.0, 0.0], [3.0, 4.0], [30.0, 40.0]])
KNOWN = np.array([[1.0], [2.0], [10.0]])


def predictions(within, *rows):
    shapes = Shapes(2)
    shapes.add(Numbers((0, 1)).check(shapes))
    shapes.add(within.check(shapes))
    with np.errstate(all="ignore"):  # as programs do
        return within.prepare(shapes)([], [np.array(rows, np.float64)]).tolist()


@pytest.mark.parametrize("by_product", [True, False])
def test_rows_at_exactly_the_radius_are_within(by_product):
    near = Within(0, ROWS, KNOWN, 5.0, by_product=by_product)

    assert predictions(near, [0, 0], [3, 4], [30, 40.5]) == [[1.5], [1.5], [10.0]]


def test_near_rows_count_more_and_equal_ones_alone():
    weighed = Within(0, ROWS, KNOWN, 50.0, by_distance=True)

    assert predictions(weighed, [3, 4]) == [[2.0]]
    assert predictions(weighed, [1.5, 2]) == [
        [pytest.approx((1 / 2.5 + 2 / 2.5 + 10 / 47.5) / (2 / 2.5 + 1 / 47.5))]
    ]


def test_a_row_without_neighbours_gets_the_default_or_is_refused():
    assert predictions(Within(0, ROWS, KNOWN, 1.0, otherwise=np.array([7.0])), [9, 9]) == [[7.0]]
    with pytest.raises(ModelError, match="near enough"):
        predictions(Within(0, ROWS, KNOWN, 1.0), [9, 9])


def test_many_rows_are_taken_in_parts():
    kept = np.zeros((70_000, 2))

    assert predictions(Within(0, kept, np.ones((70_000, 1)), 1.0), *[[0, 0]] * 10) == [[1.0]] * 10


@pytest.mark.parametrize(
    "within",
    [
        Within(0, ROWS[:, :1], KNOWN, 1.0),
        Within(0, ROWS, KNOWN[:2], 1.0),
        Within(0, ROWS[:0], KNOWN[:0], 1.0),
        Within(0, ROWS, KNOWN, 1.0, "minkowski", 0.0),
        Within(0, ROWS, KNOWN, 1.0, "manhattan", by_product=True),
        Within(0, ROWS, KNOWN, 1.0, otherwise=np.ones(2)),
    ],
    ids=range(6),
)
def test_a_plan_that_contradicts_itself_is_refused(within):
    with pytest.raises(BundleError):
        predictions(within, [0, 0])
