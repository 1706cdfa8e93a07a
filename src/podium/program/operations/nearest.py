"""What is known of the rows nearest to a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import msgspec
import numpy as np

from podium.program.arrays import Bytes, Floats, Indices
from podium.program.operations.distances import MetricName, measured
from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
    require_vector,
)
from podium.table import Array

# Distances closer than this are measured again, column by column.
_NEAR = 1e-11
_NODES_MAX = 10_000_000
_FEW = 12


class Nodes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The tree of nodes in which rows are looked for: it decides between equally near ones.

    The children of node n are 2n + 1 and 2n + 2.

    Attributes:
        order: the rows, those of a node side by side.
        starts: where in `order` the rows of a node begin.
        ends: where they end.
        is_leaf: 1 where a node has no children.
        low: the lowest corner of each node, or its centre.
        high: the highest corner; without it nodes are balls.
        radii: of the balls.
    """

    order: Indices
    starts: Indices
    ends: Indices
    is_leaf: Bytes
    low: Floats
    high: Floats | None = None
    radii: Floats | None = None

    def check(self, n_rows: int, width: int) -> None:
        """Raises BundleError unless these are nodes of so many rows."""
        n_nodes = len(self.starts)
        require(0 < n_nodes <= _NODES_MAX, f"{n_nodes} nodes are no tree")
        for vector in (self.starts, self.ends, self.is_leaf):
            require_vector(vector, n_nodes, "a vector of nodes")
        require_vector(self.order, n_rows, "the order of the rows")
        require(bool((np.sort(self.order) == np.arange(n_rows)).all()), "a row is not in the order")
        inside = (self.starts >= 0) & (self.starts <= self.ends) & (self.ends <= n_rows)
        require(bool(inside.all()), "a node has rows that aren't there")
        forks = np.flatnonzero(self.is_leaf == 0)
        require(bool((2 * forks + 2 < n_nodes).all()), "a node has children that aren't there")
        require((self.high is None) != (self.radii is None), "nodes are either boxes or balls")
        corners = self.low if self.high is None else self.high
        fits = self.low.shape == corners.shape == (n_nodes, width)
        require(fits, "the corners of the nodes don't fit")
        require_vector(self.radii, n_nodes, "the radii")


class Nearest(Operation, frozen=True, tag="nearest"):
    """The mean of what is known of the nearest rows that a model keeps.

    Of equally near rows those count that scikit-learn's search keeps.

    Attributes:
        rows: that are kept.
        known: of each of them, a row a row.
        n_nearest: how many count.
        metric: of the distance.
        power: of the differences, for `minkowski`.
        by_distance: nearer ones count more, by 1 / distance; a distance of 0 leaves no others.
        by_product: squares of distances are |x|² - 2 x.y + |y|², as the original rounds them.
        nodes: in which the original looks; without them, it looks at one row after the other.
        reach: the least that the distance to each row counts for: with it, a last column holds
            the mean distance.
    """

    may_warn: ClassVar[bool] = True

    x: Register
    rows: Floats
    known: Floats
    n_nearest: int
    metric: MetricName = "euclidean"
    power: float = 2.0
    by_distance: bool = False
    by_product: bool = False
    nodes: Nodes | None = None
    reach: Floats | None = None

    def check(self, shapes: Shapes) -> Shape:
        """As wide as what is known."""
        width, rows = shapes.matrix(self.x).width, self.rows
        fits = rows.ndim == 2 and rows.shape[1] == width
        require(fits, f"rows of shape {rows.shape} aren't {width} columns wide")
        known = self.known.ndim == 2 and len(self.known) == len(rows)
        require(known, "what is known isn't of the rows")
        require(0 < self.n_nearest <= len(rows), f"there are no {self.n_nearest} rows")
        require(self.power > 0, f"no distance has the power {self.power}")
        is_square = self.metric in ("square", "euclidean")
        require(is_square or not self.by_product, "only squares are made of products")
        require_vector(self.reach, len(rows), "the reach")
        if self.nodes is not None:
            self.nodes.check(len(rows), width)
        return Shape(self.known.shape[1] + (self.reach is not None))

    def prepare(self, _shapes: Shapes) -> Step:
        """All distances of a row, the smallest of them, and a second look at equal ones."""
        x, search = self.x, _Search(self)
        return lambda _, values: search(values[x].astype(np.float64, copy=False))


class _Search:
    """The constants of a search, at hand."""

    def __init__(self, nearest: Nearest) -> None:
        self.rows = nearest.rows.astype(np.float64)
        self.known = nearest.known.astype(np.float64)
        self.reach = nearest.reach
        self.n_nearest = nearest.n_nearest
        self.by_distance = nearest.by_distance
        self.by_product = nearest.by_product
        self.metric, self.power = nearest.metric, nearest.power
        self.exact = _Exact(nearest, self.rows)
        metric: MetricName = "square" if nearest.metric == "euclidean" else nearest.metric
        by_product = nearest.by_product
        self.distances = (
            _multiplied(self.rows) if by_product else measured(self.rows, metric, nearest.power)
        )

    def measure(self, numbers: Array) -> Array:
        """Distances before the root is drawn of them."""
        distances = self.distances(numbers)
        return distances**self.power if self.metric == "minkowski" else distances

    def root(self, distances: Array) -> Array:
        """The distances themselves."""
        if self.metric == "euclidean":
            drawn: Array = np.sqrt(distances)
            return drawn
        return distances ** (1 / self.power) if self.metric == "minkowski" else distances

    def __call__(self, numbers: Array) -> Array:
        # Some rows at a time: their distances to all others stay in the cache.
        at_once = max(1, 262_144 // len(self.rows))
        parts = [self._some(numbers[at : at + at_once]) for at in range(0, len(numbers), at_once)]
        width = self.known.shape[1] + (self.reach is not None)
        return np.concatenate(parts) if parts else np.zeros((0, width))

    def _some(self, numbers: Array) -> Array:
        distances, k = self.measure(numbers), self.n_nearest
        if k == len(self.rows):
            return self._answer(distances, np.broadcast_to(np.arange(k), distances.shape))
        nearest = _smallest(distances, k + 1)
        far = np.take_along_axis(distances, nearest, axis=1)
        self._look_again(numbers, distances, nearest, far)
        return self._answer(distances, nearest[:, :k])

    def _look_again(self, numbers: Array, distances: Array, nearest: Array, far: Array) -> None:
        """Replace the nearest rows where others are as near, and something else is known of them.

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
        """Whether the same is known of all these rows."""
        known = self.known[rows]
        is_same = bool((known == known[0]).all())
        return is_same and (self.reach is None or len(set(self.reach[rows].tolist())) == 1)

    def _answer(self, distances: Array, nearest: Array) -> Array:
        known = self.known[nearest]
        if not self.by_distance and self.reach is None:
            mean: Array = known.mean(axis=1)
            return mean
        far = self.root(np.take_along_axis(distances, nearest, axis=1))
        if self.reach is not None:
            away = np.maximum(far, self.reach[nearest]).mean(axis=1, keepdims=True)
            return np.concatenate([known.mean(axis=1), away], axis=1)
        weights = 1.0 / far
        same = np.isinf(weights)
        weights = np.where(same.any(axis=1, keepdims=True), same.astype(np.float64), weights)
        share: Array = np.einsum("ij,ijk->ik", weights, known)
        share /= weights.sum(axis=1, keepdims=True)
        return share


def _smallest(distances: Array, k: int) -> Array:
    """The places of each row's k smallest numbers; the last column is the largest of them."""
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


def _multiplied(rows: Array) -> Callable[[Array], Array]:
    """The function that returns squares of distances, by one product."""
    columns = np.ascontiguousarray(rows.T)
    squares = np.array([row.dot(row) for row in rows])

    def run(x: Array) -> Array:
        # One row alone would be multiplied by another routine, which rounds otherwise.
        several = x if len(x) > 1 else np.concatenate([x, x])
        products = several.dot(columns)[: len(x)]
        products *= -2.0
        products += np.array([row.dot(row) for row in np.ascontiguousarray(x)])[:, None]
        products += squares
        squared: Array = np.maximum(products, 0.0, out=products)
        return squared

    return run


class _Exact:
    """One row's search as scikit-learn does it, number by number."""

    def __init__(self, nearest: Nearest, rows: Array) -> None:
        self.rows, self.nodes, self.n_nearest = rows, nearest.nodes, nearest.n_nearest
        self.metric, self.power = nearest.metric, nearest.power

    def measure(self, row: Array) -> Array:
        """Distances whose parts are added from the first column to the last."""
        return self._added(np.abs(row - self.rows))

    def _added(self, away: Array) -> Array:
        if self.metric == "chebyshev":
            most: Array = away.max(axis=1)
            return most
        if self.metric in ("square", "euclidean"):
            away = away * away
        elif self.metric == "minkowski":
            away = away**self.power
        total: Array = np.add.accumulate(away, axis=1)[:, -1]
        return total

    def search(self, row: Array, distances: Array) -> list[int]:
        """The nearest rows, of which a heap keeps those that came first, more or less."""
        heap = _Heap(self.n_nearest)
        numbers = distances.tolist()
        if self.nodes is None:
            for place, distance in enumerate(numbers):
                heap.push(distance, place)
            return heap.places
        nodes, bounds = self.nodes, self._bounds(row).tolist()
        for node in self._leaves(bounds, heap):
            for place in nodes.order[nodes.starts[node] : nodes.ends[node]].tolist():
                heap.push(numbers[place], place)
        return heap.places

    def _leaves(self, bounds: list[float], heap: _Heap) -> Iterator[int]:
        """Leaves that may hold a nearer row, the nearer child of a node first."""
        assert self.nodes is not None
        is_leaf = self.nodes.is_leaf
        waiting = [0]
        while waiting:
            node = waiting.pop()
            if bounds[node] > heap.largest:
                continue
            if is_leaf[node]:
                yield node
                continue
            left, right = 2 * node + 1, 2 * node + 2
            waiting += [right, left] if bounds[left] <= bounds[right] else [left, right]

    def _bounds(self, row: Array) -> Array:
        """The least distance between the row and each node."""
        nodes = self.nodes
        assert nodes is not None
        if nodes.radii is None:
            assert nodes.high is not None
            below, above = nodes.low - row, row - nodes.high
            return self._added(0.5 * ((below + np.abs(below)) + (above + np.abs(above))))
        far = self._added(np.abs(row - nodes.low))
        if self.metric == "euclidean":
            least: Array = np.maximum(0.0, np.sqrt(far) - nodes.radii)
            return least * least
        if self.metric == "minkowski":
            raised: Array = np.maximum(0.0, far ** (1 / self.power) - nodes.radii) ** self.power
            return raised
        return np.maximum(0.0, far - nodes.radii)


class _Heap:
    """The smallest numbers so far, the largest of them on top (scikit-learn's `heap_push`)."""

    def __init__(self, size: int) -> None:
        self.numbers = [np.inf] * size
        self.places = [0] * size
        self.size = size

    @property
    def largest(self) -> float:
        """The one on top."""
        return self.numbers[0]

    def push(self, number: float, place: int) -> None:
        """Replace the largest, unless it is no larger."""
        numbers, places = self.numbers, self.places
        if number >= numbers[0]:
            return
        at, child = 0, 1
        while child < self.size:
            if child + 1 < self.size and numbers[child] < numbers[child + 1]:
                child += 1
            if numbers[child] <= number:
                break
            numbers[at], places[at] = numbers[child], places[child]
            at, child = child, 2 * child + 1
        numbers[at], places[at] = number, place
