"""Hostile embeddings and topics are refused; rows without a place, too."""

from __future__ import annotations

import numpy as np
import pytest

from podium.errors import BundleError, ModelError
from podium.program.operations import Barycenter, Geodesic, Shape, Shapes, Topics

ROWS = np.arange(8.0).reshape(4, 2)


def shapes_of(width):
    shapes = Shapes(0)
    shapes.add(Shape(width))
    return shapes


@pytest.mark.parametrize(
    "operation",
    [
        Geodesic(0, ROWS, np.zeros((3, 4)), 2),
        Geodesic(0, ROWS, np.zeros((4, 4)), 5),
        Barycenter(0, ROWS, np.zeros((4, 1)), 2, regularization=0.0),
        Barycenter(0, ROWS[:, :1], np.zeros((4, 1)), 2),
        Barycenter(0, np.empty((2, 0)), np.zeros((2, 1)), 1, "given"),
        Topics(0, np.ones((2, 3)), 0.5, 10, 0.1),
        Topics(0, np.ones((0, 2)), 0.5, 10, 0.1),
        Topics(0, np.ones(2), 0.5, 10, 0.1),
    ],
    ids=lambda one: type(one).__name__,
)
def test_an_operation_that_does_not_match_its_rows_is_refused(operation):
    with pytest.raises(BundleError, match="the plan isn't valid"):
        operation.check(shapes_of(2))


def test_a_row_without_unique_weights_is_refused():
    shapes = shapes_of(2)
    operation = Barycenter(0, np.ones((4, 2)), np.zeros((4, 1)), 2, regularization=1e-300)
    operation.check(shapes)

    with pytest.raises(ModelError, match="no place for this row"):
        operation.prepare(shapes)([], [np.zeros((1, 2))])
