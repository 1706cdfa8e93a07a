"""Distances and nearest rows are those of scikit-learn, and plans that don't fit are refused."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from podium.errors import BundleError
from podium.program.operations import Distance, Nearest, Nodes, Shape, Shapes

NAMES = {"square": "sqeuclidean", "manhattan": "cityblock"}


def shapes(width):
    filled = Shapes(0)
    filled.add(Shape(width))
    return filled


@pytest.mark.parametrize("metric", ["square", "euclidean", "manhattan", "chebyshev", "minkowski"])
@pytest.mark.parametrize("n_rows", [0, 1, 9, 9_000])
def test_a_distance_is_what_it_is_called(metric, n_rows):
    random = np.random.default_rng(0)
    x, rows = random.normal(size=(n_rows, 4)) + 1e6, random.normal(size=(7, 4)) + 1e6
    operation = Distance(0, rows, metric, 3.0)

    assert operation.check(shapes(4)) == Shape(7)
    ours = operation.prepare(shapes(4))((), [x])

    options = {"p": 3.0} if metric == "minkowski" else {}
    theirs = cdist(x, rows, NAMES.get(metric, metric), **options)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def nodes(**changes):
    arrays = {
        "order": np.array([2, 0, 1, 3], np.int32),
        "starts": np.array([0, 0, 2], np.int32),
        "ends": np.array([4, 2, 4], np.int32),
        "is_leaf": np.array([0, 1, 1], np.uint8),
        "low": np.zeros((3, 2)),
        "high": np.ones((3, 2)),
    }
    return Nodes(**(arrays | changes))


def nearest(**changes):
    return Nearest(
        0, np.zeros((4, 2)), np.arange(4.0).reshape(4, 1), **({"n_nearest": 2} | changes)
    )


def test_of_equally_near_rows_the_ones_of_the_nearer_node_count():
    low, high = np.array([[0, 0], [5, 5], [0, 0.0]]), np.array([[9, 9], [9, 9], [1, 1.0]])
    x = np.zeros((1, 2))

    first = nearest().prepare(shapes(2))((), [x])
    second = nearest(nodes=nodes(low=low, high=high)).prepare(shapes(2))((), [x])

    assert first.tolist() == [[0.5]]  # the rows 0 and 1
    assert second.tolist() == [[2.0]]  # the rows 1 and 3


@pytest.mark.parametrize(
    "changes",
    [
        {"n_nearest": 0},
        {"n_nearest": 5},
        {"n_nearest": -1},
        {"power": 0.0},
        {"power": float("nan")},
        {"known": np.zeros((3, 1))},
        {"known": np.zeros(4)},
        {"rows": np.zeros((4, 3))},
        {"reach": np.zeros(3)},
        {"metric": "manhattan", "by_product": True},
        {"metric": "manhattan", "as_sparse": True},
        {"metric": "given"},
        {"metric": "given", "rows": np.zeros((3, 0)), "known": np.zeros((3, 1))},
        {"nodes": nodes(order=np.array([0, 0, 1, 3], np.int32))},
        {"nodes": nodes(order=np.array([0, 1, 2, 9], np.int32))},
        {"nodes": nodes(starts=np.array([0, -1, 2], np.int32))},
        {"nodes": nodes(ends=np.array([4, 2, 5], np.int32))},
        {"nodes": nodes(ends=np.array([4, 2], np.int32))},
        {"nodes": nodes(is_leaf=np.array([0, 0, 1], np.uint8))},
        {"nodes": nodes(low=np.zeros((3, 1)))},
        {"nodes": nodes(high=np.zeros((2, 2)))},
        {"nodes": nodes(high=None)},
        {"nodes": nodes(radii=np.zeros(3))},
        {"nodes": nodes(high=None, radii=np.zeros(2))},
        {"nodes": nodes(starts=np.zeros(0, np.int32))},
    ],
    ids=str,
)
def test_rows_and_nodes_that_do_not_fit_are_refused(changes):
    with pytest.raises(BundleError):
        msgspec.structs.replace(nearest(), **changes).check(shapes(2))


@pytest.mark.parametrize("rows", [np.zeros((3, 5)), np.zeros(4), np.zeros((1, 2, 4))], ids=str)
def test_distances_to_rows_of_another_width_are_refused(rows):
    with pytest.raises(BundleError):
        Distance(0, rows).check(shapes(4))
