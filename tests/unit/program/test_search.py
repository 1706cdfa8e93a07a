"""The nearest rows are the same in C and in numpy, and nothing makes the C read elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import BallTree, KDTree

from podium.errors import BundleError
from podium.program.operations import Nodes
from podium.program.operations.neighbors import distances
from podium.program.operations.neighbors.distances import built, measured
from podium.program.operations.neighbors.search import SearchIndex, searcher

needs_c = pytest.mark.skipif(distances.kernel is None, reason="the extension isn't built here")
METRICS = {
    "euclidean": ("euclidean", 2.0),
    "manhattan": ("manhattan", 2.0),
    "chebyshev": ("chebyshev", 2.0),
    "minkowski": ("minkowski", 3.0),
}


def grid(random, n_rows, width=3):
    """Rows of small whole numbers: many are equally near."""
    return random.integers(0, 3, (n_rows, width)).astype(float)


def nodes_of(rows, kind, metric, power):
    options = {"p": power} if metric == "minkowski" else {}
    tree = kind(rows, leaf_size=5, metric=metric, **options)
    _, order, nodes, bounds = (np.asarray(part) for part in tree.get_arrays())
    return tree, Nodes(
        order.astype(np.int32),
        nodes["idx_start"].astype(np.int32),
        nodes["idx_end"].astype(np.int32),
        nodes["is_leaf"].astype(np.uint8),
        np.ascontiguousarray(bounds[0]),
        np.ascontiguousarray(bounds[1]) if kind is KDTree else None,
        None if kind is KDTree else nodes["radius"].astype(float),
    )


def index_of(rows, n_nearest=4, metric="euclidean", power=2.0, *, by_product=False, nodes=None):
    known = np.arange(float(len(rows)))[:, None]
    return SearchIndex(rows, known, n_nearest, metric, power, by_product, nodes)


@needs_c
@pytest.mark.parametrize("kind", [KDTree, BallTree, None])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n_nearest", [1, 4, 90])
def test_both_find_the_same_of_equally_near_rows(monkeypatch, kind, metric, n_nearest):
    random = np.random.default_rng(0)
    rows, asked = grid(random, 90), grid(random, 50)
    name, power = METRICS[metric]
    tree, nodes = (None, None) if kind is None else nodes_of(rows, kind, name, power)
    where = index_of(rows, n_nearest, name, power, nodes=nodes)

    in_c = searcher(where)(asked)
    monkeypatch.setattr(distances, "kernel", None)
    in_numpy = searcher(where)(asked)

    found = np.sort(in_c.places, axis=1)
    assert (found == np.sort(in_numpy.places, axis=1)).all()
    np.testing.assert_allclose(
        np.sort(in_c.distances, axis=1), np.sort(in_numpy.distances, axis=1), rtol=1e-13
    )
    if tree is not None:
        theirs = tree.query(asked, n_nearest, return_distance=False)
        assert (found == np.sort(theirs, axis=1)).all()


@needs_c
@pytest.mark.parametrize("n_rows", [0, 1, 7, 3_000])
def test_both_find_the_same_by_products(monkeypatch, n_rows):
    random = np.random.default_rng(1)
    rows, asked = grid(random, 200), random.normal(size=(n_rows, 3))

    in_c = searcher(index_of(rows, by_product=True))(asked)
    monkeypatch.setattr(distances, "kernel", None)
    in_numpy = searcher(index_of(rows, by_product=True))(asked)

    assert (np.sort(in_c.places, axis=1) == np.sort(in_numpy.places, axis=1)).all()
    assert (np.sort(in_c.distances, axis=1) == np.sort(in_numpy.distances, axis=1)).all()


@needs_c
@pytest.mark.parametrize("metric", ["square", *METRICS])
@pytest.mark.parametrize("n_kept", [0, 1, 8, 21])
def test_both_measure_the_same(monkeypatch, metric, n_kept):
    random = np.random.default_rng(2)
    rows, asked = random.normal(size=(n_kept, 5)), np.asfortranarray(random.normal(size=(33, 5)))

    in_c = measured(rows, metric, 3.0)(asked)
    monkeypatch.setattr(distances, "kernel", None)
    in_numpy = measured(rows, metric, 3.0)(asked)

    np.testing.assert_allclose(in_c, in_numpy, rtol=1e-13)


@needs_c
def test_rows_of_another_width_and_arrays_of_another_size_are_refused():
    rows = built(np.zeros((4, 3)), "square", 2.0)
    places = np.zeros((2, 2), np.int32)

    for wrong in (np.zeros((2, 2)), np.zeros(3), np.zeros((2, 3), np.float32), None):
        with pytest.raises((TypeError, ValueError)):
            distances.kernel.nearest(rows, wrong, np.zeros((2, 2)), places)
        with pytest.raises((TypeError, ValueError)):
            distances.kernel.measure(rows, wrong, np.zeros((2, 4)))
    for far in (np.zeros((2, 5)), np.zeros((2, 0)), np.zeros((1, 2)), np.zeros(2)):
        with pytest.raises(ValueError, match="found"):
            distances.kernel.nearest(rows, np.zeros((2, 3)), far, places)
    for far, found in ((np.zeros((2, 2)), np.zeros((2, 1), np.int32)), (places, places)):
        with pytest.raises(ValueError, match="wrong type or shape"):
            distances.kernel.nearest(rows, np.zeros((2, 3)), far, found)
    with pytest.raises(ValueError, match="wrong type or shape"):
        distances.kernel.measure(rows, np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="wrong type or shape"):
        distances.kernel.smallest(np.zeros((2, 4)), np.zeros(1), np.zeros(4), far, places)
    with pytest.raises(ValueError, match="PyCapsule"):
        distances.kernel.measure(None, np.zeros((2, 3)), np.zeros((2, 4)))


@needs_c
@pytest.mark.parametrize(
    "changes",
    [
        {"order": np.array([0, 1, 2, 4], np.int32)},
        {"order": np.array([0, 1, 2, -1], np.int32)},
        {"order": np.arange(3, dtype=np.int32)},
        {"starts": np.array([0, -1, 2], np.int32)},
        {"starts": np.array([0, 3, 2], np.int32)},
        {"ends": np.array([4, 2, 5], np.int32)},
        {"ends": np.array([4, 2], np.int32)},
        {"is_leaf": np.array([0, 0, 1], np.uint8)},
        {"low": np.zeros((2, 2))},
        {"high": np.zeros((3, 1))},
        {"high": None},
        {"radii": np.zeros(3)},
    ],
    ids=str,
)
def test_nodes_that_do_not_fit_are_refused_in_c_too(changes):
    arrays = {
        "order": np.array([2, 0, 1, 3], np.int32),
        "starts": np.array([0, 0, 2], np.int32),
        "ends": np.array([4, 2, 4], np.int32),
        "is_leaf": np.array([0, 1, 1], np.uint8),
        "low": np.zeros((3, 2)),
        "high": np.ones((3, 2)),
    }
    built(np.zeros((4, 2)), "square", 2.0, Nodes(**arrays))

    with pytest.raises(BundleError):
        built(np.zeros((4, 2)), "square", 2.0, Nodes(**(arrays | changes)))
