"""The search for the nearest rows: in C if it was built, otherwise in numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from podium.program.blocks import multiplier
from podium.program.operations.neighbors import distances as measuring
from podium.program.operations.neighbors.distances import MetricName, built, measured
from podium.program.operations.neighbors.nodes import Nodes
from podium.program.operations.neighbors.partitions import PartitionSearch, nearest_columns
from podium.program.operations.neighbors.ties import ExactSearch
from podium.table import Array

# `given`: the rows are distances already.
SearchName: TypeAlias = MetricName | Literal["given"]

# Distances closer than this are measured again, column by column.
_NEAR = 1e-11
_FEW = 12
# This many distances at a time stay in the cache.
_BUFFERED_MAX = 262_144


class SearchIndex(NamedTuple):
    """The rows to search, and the way to search them.

    Attributes:
        rows: of the model.
        known: the target of each row, if the search may use it: the order of rows with equal
            targets doesn't matter.
        n_nearest: how many rows to find.
        metric: of the distance.
        power: of `minkowski`.
        by_product: whether squared distances are computed as |x|² - 2 x.y + |y|², to round as the
            original.
        nodes: the tree that the original searches.
        as_sparse: whether the original searches sparse rows.
    """

    rows: Array
    known: Array
    n_nearest: int
    metric: SearchName
    power: float
    by_product: bool
    nodes: Nodes | None
    as_sparse: bool = False


class Neighbors(NamedTuple):
    """The nearest rows of each row.

    Attributes:
        places: indices of rows of the model.
        distances: before the root is taken.
    """

    places: Array
    distances: Array


Search: TypeAlias = Callable[[Array], Neighbors]


def searcher(index: SearchIndex) -> Search:
    """A function that finds the nearest rows, and among equally near ones those of scikit-learn.

    Raises:
        BundleError: the nodes don't belong to the rows.
    """
    kernel = measuring.kernel
    if index.metric == "given":
        return lambda numbers: Neighbors(*nearest_columns(numbers, index.n_nearest))
    if index.as_sparse:
        by_partition = PartitionSearch(index.rows, index.n_nearest)
        return lambda numbers: Neighbors(*by_partition(numbers))
    if kernel is None:
        return _parted(NumpySearch(index), index)
    if index.by_product:
        return _parted(_by_product(index, kernel.smallest), index)
    rows, search = built(index.rows, index.metric, index.power, index.nodes), kernel.nearest
    k = index.n_nearest

    def run(numbers: Array) -> Neighbors:
        places = np.empty((len(numbers), k), np.int32)
        distances = np.empty((len(numbers), k))
        search(rows, np.ascontiguousarray(numbers), distances, places)
        return Neighbors(places, distances)

    return run


def _by_product(index: SearchIndex, smallest: Callable[..., None]) -> Search:
    """One product, and one heap for each row."""
    multiply, k = Products(index.rows), index.n_nearest

    def run(numbers: Array) -> Neighbors:
        places = np.empty((len(numbers), k), np.int32)
        distances = np.empty((len(numbers), k))
        smallest(multiply(numbers), lengths(numbers), multiply.lengths, distances, places)
        return Neighbors(places, distances)

    return run


def _parted(search: Search, index: SearchIndex) -> Search:
    """The same, some rows at a time."""
    at_once = max(1, _BUFFERED_MAX // len(index.rows))

    def run(numbers: Array) -> Neighbors:
        if len(numbers) <= at_once:
            return search(numbers)
        parts = [search(numbers[at : at + at_once]) for at in range(0, len(numbers), at_once)]
        return Neighbors(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    return run


class Products:
    """A function that returns -2 x.y for each pair of rows."""

    def __init__(self, rows: Array) -> None:
        # Doubling is exact.
        self._multiply = multiplier(-2.0 * rows.T)
        self.lengths = lengths(rows)

    def __call__(self, x: Array) -> Array:
        """A column for each training row."""
        return self._multiply(x)


def lengths(x: Array) -> Array:
    """The squared norm of each row."""
    x = np.ascontiguousarray(x)
    squares: Array = np.matmul(x[:, None, :], x[:, :, None])
    return squares.ravel()


class NumpySearch:
    """The search in numpy: the smallest of all distances, and a second look at ties."""

    def __init__(self, index: SearchIndex) -> None:
        self.rows, self.known, self.n_nearest = index.rows, index.known, index.n_nearest
        self.by_product = index.by_product
        assert index.metric != "given"  # there is nothing to measure
        self.metric, self.power = index.metric, index.power
        self.exact = ExactSearch(
            index.rows, index.nodes, index.n_nearest, index.metric, index.power
        )
        metric: MetricName = "square" if index.metric == "euclidean" else index.metric
        self.distances = (
            squares(self.rows) if index.by_product else measured(self.rows, metric, index.power)
        )

    def measure(self, numbers: Array) -> Array:
        """Distances before the root is taken."""
        distances = self.distances(numbers)
        return distances**self.power if self.metric == "minkowski" else distances

    def __call__(self, numbers: Array) -> Neighbors:
        """The nearest rows of each of these."""
        distances, k = self.measure(numbers), self.n_nearest
        if k == len(self.rows):
            return Neighbors(np.broadcast_to(np.arange(k), distances.shape), distances)
        nearest = _smallest(distances, k + 1)
        far = np.take_along_axis(distances, nearest, axis=1)
        self._look_again(numbers, distances, nearest, far)
        nearest = nearest[:, :k]
        return Neighbors(nearest, np.take_along_axis(distances, nearest, axis=1))

    def _look_again(self, numbers: Array, distances: Array, nearest: Array, far: Array) -> None:
        """Replace the nearest rows if others are as near and have other targets.

        Args:
            nearest: the rows, and in the last column the next one.
            far: their distances.
        """
        inner, following = far[:, :-1].max(axis=1), far[:, -1]
        slack = np.zeros(len(inner)) if self.by_product else inner * _NEAR + 1e-300
        for row in np.flatnonzero(following <= inner + slack):
            if not self._is_same(np.abs(distances[row] - inner[row]) <= slack[row]):
                exact = distances[row] if self.by_product else self.exact.measure(numbers[row])
                nearest[row, :-1] = self.exact.search(numbers[row], exact)

    def _is_same(self, rows: Array) -> bool:
        """Whether all these rows have the same target."""
        targets = self.known[rows]
        return bool((targets == targets[0]).all())


def squares(rows: Array) -> Callable[[Array], Array]:
    """A function that returns squared distances, by one product."""
    multiply = Products(rows)

    def run(x: Array) -> Array:
        products = multiply(x)
        products += lengths(x)[:, None]
        products += multiply.lengths
        squared: Array = np.maximum(products, 0.0, out=products)
        return squared

    return run


def _smallest(distances: Array, k: int) -> Array:
    """The indices of each row's k smallest numbers; the last column is the largest of them."""
    if k > _FEW or len(distances) == 1:
        places: Array = np.argpartition(distances, k - 1, axis=1)[:, :k]
        return places
    # For a few, passes over all are three times as fast as a partition.
    rows, nearest = np.arange(len(distances)), np.empty((len(distances), k), np.intp)
    numbers = np.empty((len(distances), k))
    for place in range(k):
        nearest[:, place] = distances.argmin(axis=1)
        numbers[:, place] = distances[rows, nearest[:, place]]
        distances[rows, nearest[:, place]] = np.inf
    for place in reversed(range(k)):
        distances[rows, nearest[:, place]] = numbers[:, place]
    return nearest
