"""How far rows are from the rows that a model keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from podium.program.arrays import Floats
from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
)
from podium.table import Array

MetricName: TypeAlias = Literal["square", "euclidean", "manhattan", "chebyshev", "minkowski"]

# Differences of so many numbers are held at a time: what the second cache takes.
HELD_MAX = 32_768


class Distance(Operation, frozen=True, tag="distance"):
    """A column for each row that is kept: how far it is from the row.

    Differences are taken before they are squared, so that near rows aren't lost in rounding.

    Attributes:
        rows: that are kept.
        metric: `square` is the square of the euclidean distance.
        power: of the differences, for `minkowski`.
    """

    may_warn: ClassVar[bool] = True

    x: Register
    rows: Floats
    metric: MetricName = "euclidean"
    power: float = 2.0

    def check(self, shapes: Shapes) -> Shape:
        """As wide as there are rows kept."""
        width = shapes.matrix(self.x).width
        fits = self.rows.ndim == 2 and self.rows.shape[1] == width
        require(fits, f"rows of shape {self.rows.shape} aren't {width} columns wide")
        require(self.power > 0, f"no distance has the power {self.power}")
        return Shape(len(self.rows))

    def prepare(self, _shapes: Shapes) -> Step:
        """A row at a time, or some where they are short."""
        x, measure = self.x, measured(self.rows, self.metric, self.power)
        return lambda _, values: measure(values[x])


def measured(rows: Floats, metric: MetricName, power: float = 2.0) -> Callable[[Array], Array]:
    """The function that returns the distances of each of its rows to each of these."""
    kept, norm = rows.astype(np.float64), _NORMS[metric]
    at_once = max(1, HELD_MAX // max(1, kept.size))

    def run(x: Array) -> Array:
        if len(x) == 1:
            return norm(x.astype(np.float64, copy=False) - kept, power)[None]
        numbers = x.astype(np.float64, copy=False)[:, None, :]
        out = np.empty((len(x), len(kept)))
        for at in range(0, len(x), at_once):
            out[at : at + at_once] = norm(numbers[at : at + at_once] - kept, power)
        return out

    return run


def _square(away: Array, _power: float) -> Array:
    squares: Array = np.einsum("...j,...j->...", away, away)
    return squares


def _euclidean(away: Array, power: float) -> Array:
    distances: Array = np.sqrt(_square(away, power))
    return distances


def _manhattan(away: Array, _power: float) -> Array:
    distances: Array = np.abs(away).sum(axis=-1)
    return distances


def _chebyshev(away: Array, _power: float) -> Array:
    distances: Array = np.abs(away).max(axis=-1, initial=0.0)
    return distances


def _minkowski(away: Array, power: float) -> Array:
    distances: Array = (np.abs(away) ** power).sum(axis=-1) ** (1 / power)
    return distances


_NORMS: Mapping[MetricName, Callable[[Array, float], Array]] = {
    "square": _square,
    "euclidean": _euclidean,
    "manhattan": _manhattan,
    "chebyshev": _chebyshev,
    "minkowski": _minkowski,
}
