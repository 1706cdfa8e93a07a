"""Which of several equally near rows scikit-learn keeps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from podium.program.operations.neighbors.distances import MetricName
from podium.program.operations.neighbors.nodes import Nodes
from podium.table import Array


class ExactSearch:
    """Searches for one row as scikit-learn does, number by number."""

    def __init__(
        self, rows: Array, nodes: Nodes | None, n_nearest: int, metric: MetricName, power: float
    ) -> None:
        self.rows, self.nodes, self.n_nearest = rows, nodes, n_nearest
        self.metric, self.power = metric, power

    def measure(self, row: Array) -> Array:
        """Distances whose terms are added from the first column to the last."""
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
        """The nearest rows, kept in a heap as scikit-learn does."""
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
        """Leaves that may contain a nearer row, the nearer child of a node first."""
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
        """The top of the heap."""
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
