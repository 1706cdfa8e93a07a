"""Places in a space that was made of training rows, from those of the nearest of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from podium.errors import ModelError
from podium.program.operations.neighbors.nearest import Nearest, root_of
from podium.program.operations.neighbors.search import SearchIndex, searcher
from podium.program.operations.operation import Shape, Shapes, Step, require
from podium.table import Array


class Geodesic(Nearest, frozen=True, tag="geodesic"):
    """The shortest way to each target by one of the nearest training rows.

    `known` holds the ways from each training row.
    """

    def prepare(self, _shapes: Shapes) -> Step:
        """A search, and one pass over the ways of the rows that it found."""
        ways = self.known.astype(np.float64)

        def shortest(_: Array, near: Array, far: Array) -> Array:
            return np.asarray((ways[near] + far[:, None]).min(axis=0))

        return _step(self, shortest)


class Barycenter(Nearest, frozen=True, tag="barycenter"):
    """The targets of the nearest training rows, weighted so that the rows themselves make the row.

    Attributes:
        regularization: as a share of the squared distances: it makes the weights unique.
    """

    regularization: float = 1e-3

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the targets."""
        require(self.regularization > 0, "the weights aren't unique")
        require(self.metric != "given", "distances don't make a row")
        return super().check(shapes)

    def prepare(self, _shapes: Shapes) -> Step:
        """A search, and a system of as many equations as rows that it found."""
        known, rows = self.known.astype(np.float64), self.rows.astype(np.float64)
        share, one = self.regularization, np.ones(self.n_nearest)

        def weighted(row: Array, near: Array, _: Array) -> Array:
            away = rows[near] - row
            gram = away.dot(away.T)
            trace = np.trace(gram)
            gram[np.diag_indices_from(gram)] += share * trace if trace > 0 else share
            try:
                weights = np.linalg.solve(gram, one)
            except np.linalg.LinAlgError:
                raise ModelError("the model finds no place for this row") from None
            return np.asarray(known[near].T.dot(weights / weights.sum()))

        return _step(self, weighted)


def _step(nearest: Nearest, place: Callable[[Array, Array, Array], Array]) -> Step:
    """Applies a function to each row, the nearest training rows, and the distances to them."""
    x, width = nearest.x, nearest.known.shape[1]
    search = searcher(
        SearchIndex(
            nearest.rows.astype(np.float64),
            nearest.known.astype(np.float64),
            nearest.n_nearest,
            nearest.metric,
            nearest.power,
            nearest.by_product,
            nearest.nodes,
        )
    )

    def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
        numbers = values[x].astype(np.float64, copy=False)
        near, far = search(numbers)
        far = root_of(far, nearest.metric, nearest.power)
        out = np.empty((len(numbers), width))
        for at, row in enumerate(numbers):
            out[at] = place(row, near[at], far[at])
        return out

    return run
