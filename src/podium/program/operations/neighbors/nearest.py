"""Predictions from the nearest training rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from podium.program.arrays import Floats
from podium.program.operations.neighbors.nodes import Nodes
from podium.program.operations.neighbors.search import SearchIndex, SearchName, searcher
from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
    require_rows,
    require_vector,
)
from podium.table import Array


class Nearest(Operation, frozen=True, tag="nearest"):
    """The mean target of the nearest training rows.

    Among equally near rows, those count that scikit-learn's search keeps.

    Attributes:
        rows: of the model.
        known: the targets, one row for each of them.
        n_nearest: how many count.
        metric: of the distance; `given` if a row holds the distances to the rows of the model, of
            which only the number is known then.
        power: of the differences, for `minkowski`.
        by_distance: whether nearer ones count more, by 1 / distance; a distance of 0 excludes all
            others.
        by_product: whether squared distances are computed as |x|² - 2 x.y + |y|², to round as the
            original.
        nodes: the tree that the original searches; without it, it scans the rows in order.
        reach: the least that the distance to each row counts for: with it, a last column holds the
            mean distance.
        as_sparse: whether the original's rows are sparse: it adds up and breaks ties in other ways.
    """

    may_warn: ClassVar[bool] = True

    x: Register
    rows: Floats
    known: Floats
    n_nearest: int
    metric: SearchName = "euclidean"
    power: float = 2.0
    by_distance: bool = False
    by_product: bool = False
    nodes: Nodes | None = None
    reach: Floats | None = None
    as_sparse: bool = False

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the targets."""
        width, rows = shapes.matrix(self.x).width, self.rows
        is_given = self.metric == "given"
        require_rows(rows, 0 if is_given else width)
        require(not is_given or len(rows) == width, f"{width} distances are given")
        require(not is_given or self.nodes is None, "distances have no tree")
        has_targets = self.known.ndim == 2 and len(self.known) == len(rows)
        require(has_targets, "what is known isn't of the rows")
        require(0 < self.n_nearest <= len(rows), f"there are no {self.n_nearest} rows")
        require(self.power > 0, f"no distance has the power {self.power}")
        is_square = self.metric in ("square", "euclidean")
        require(is_square or not self.by_product, "only squares are made of products")
        require_vector(self.reach, len(rows), "the reach")
        require(self.by_product or not self.as_sparse, "sparse rows are multiplied")
        if self.nodes is not None:
            self.nodes.check(len(rows), width)
        return Shape(self.known.shape[1] + (self.reach is not None))

    def n_buffered(self, _shapes: Shapes) -> int:
        """The targets of the nearest rows, their distances, and their weights."""
        return self.n_nearest * (int(self.known.shape[1]) + 4)

    def prepare(self, _shapes: Shapes) -> Step:
        """A search, and the mean of the targets that it found."""
        x, run = self.x, _Predictor(self)
        return lambda _, values: run(values[x].astype(np.float64, copy=False))


class _Predictor:
    """The search and its constants."""

    def __init__(self, nearest: Nearest) -> None:
        self.known = nearest.known.astype(np.float64)
        self.reach = nearest.reach
        self.by_distance = nearest.by_distance
        self.metric, self.power = nearest.metric, nearest.power
        reach = [] if nearest.reach is None else [nearest.reach[:, None]]
        self.search = searcher(
            SearchIndex(
                nearest.rows.astype(np.float64),
                np.concatenate([self.known, *reach], axis=1),
                nearest.n_nearest,
                nearest.metric,
                nearest.power,
                nearest.by_product,
                nearest.nodes,
                nearest.as_sparse,
            )
        )

    def __call__(self, numbers: Array) -> Array:
        nearest, far = self.search(numbers)
        targets = self.known[nearest]
        if not self.by_distance and self.reach is None:
            mean: Array = targets.mean(axis=1)
            return mean
        far = root_of(far, self.metric, self.power)
        if self.reach is not None:
            away = np.maximum(far, self.reach[nearest]).mean(axis=1, keepdims=True)
            return np.concatenate([targets.mean(axis=1), away], axis=1)
        weights = 1.0 / far
        same = np.isinf(weights)
        weights = np.where(same.any(axis=1, keepdims=True), same.astype(np.float64), weights)
        share: Array = np.einsum("ij,ijk->ik", weights, targets)
        share /= weights.sum(axis=1, keepdims=True)
        return share


def root_of(distances: Array, metric: SearchName, power: float) -> Array:
    """The distances themselves, of those that a search returns."""
    if metric == "euclidean":
        drawn: Array = np.sqrt(distances)
        return drawn
    return distances ** (1 / power) if metric == "minkowski" else distances
