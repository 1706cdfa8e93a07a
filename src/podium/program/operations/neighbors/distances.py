"""Distances between rows and the stored rows of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np

from podium.errors import BundleError
from podium.program.arrays import Floats
from podium.program.operations.neighbors.nodes import Nodes, one_node
from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
    require_rows,
)
from podium.table import Array

try:
    from podium.program import _distances
except ImportError:  # there was no compiler when Podium was installed
    _distances = None  # type: ignore[assignment]

kernel = _distances
MetricName: TypeAlias = Literal["square", "euclidean", "manhattan", "chebyshev", "minkowski"]

# How many differences are held at a time: as many as fit into the second-level cache.
BUFFERED_MAX = 32_768


class Distance(Operation, frozen=True, tag="distance"):
    """The distance to each training row, one column each.

    Differences are taken before they are squared, so that small distances aren't lost to rounding.

    Attributes:
        rows: of the model.
        metric: `square` is the square of the euclidean distance.
        power: of the differences, for `minkowski`.
    """

    may_warn: ClassVar[bool] = True

    x: Register
    rows: Floats
    metric: MetricName = "euclidean"
    power: float = 2.0

    def check(self, shapes: Shapes) -> Shape:
        """One column for each training row."""
        width = shapes.matrix(self.x).width
        require_rows(self.rows, width)
        require(self.power > 0, f"no distance has the power {self.power}")
        return Shape(len(self.rows))

    def prepare(self, _shapes: Shapes) -> Step:
        """Row by row, or several at once if they are short."""
        x, measure = self.x, measured(self.rows, self.metric, self.power)
        return lambda _, values: measure(values[x])


def measured(rows: Floats, metric: MetricName, power: float = 2.0) -> Callable[[Array], Array]:
    """A function that returns the distances of its rows to each of these."""
    if kernel is None:
        return _in_numpy(rows, metric, power)
    built_rows, norm, measure = built(rows, metric, power), _NORMS[metric], kernel.measure
    n_rows = len(rows)

    def run(x: Array) -> Array:
        out = np.empty((len(x), n_rows))
        measure(built_rows, np.ascontiguousarray(x, np.float64), out)
        norm.finish(out, power)
        return out

    return run


def built(rows: Floats, metric: MetricName, power: float, nodes: Nodes | None = None) -> Any:
    """Rows prepared for the kernel in C.

    Raises:
        BundleError: the nodes don't belong to the rows.
    """
    assert kernel is not None
    nodes = nodes if nodes is not None else one_node(len(rows))
    none = np.zeros(0)
    arrays = (nodes.order, nodes.starts, nodes.ends, nodes.is_leaf, nodes.low)
    corners = (none if a is None else np.ascontiguousarray(a) for a in (nodes.high, nodes.radii))
    try:
        return kernel.build(
            np.ascontiguousarray(rows, np.float64), *arrays, *corners, _NUMBERS[metric], power
        )
    except ValueError as error:
        raise BundleError(f"the rows can't be searched: {error}") from error


def _in_numpy(rows: Floats, metric: MetricName, power: float) -> Callable[[Array], Array]:
    model_rows, norm = rows.astype(np.float64), _NORMS[metric]
    columns = list(np.ascontiguousarray(model_rows.T))
    at_once = max(2, BUFFERED_MAX // max(1, len(model_rows)))

    def run(x: Array) -> Array:
        if len(x) == 1:
            return norm.of_row(x.astype(np.float64, copy=False) - model_rows, power)[None]
        out = np.zeros((len(x), len(model_rows)))
        away = np.empty((min(at_once, len(x)), len(model_rows)))
        for at in range(0, len(x), at_once):
            some = x[at : at + at_once].astype(np.float64, order="F")
            part, differences = out[at : at + at_once], away[: len(some)]
            for mine, theirs in zip(some.T, columns, strict=True):
                np.subtract(mine[:, None], theirs, out=differences)
                norm.add(part, differences, power)
            norm.finish(part, power)
        return out

    return run


class _Norm(NamedTuple):
    """The norm of differences: of one row's at once, and of many rows' column by column."""

    of_row: Callable[[Array, float], Array]
    add: Callable[[Array, Array, float], None]
    finish: Callable[[Array, float], None]


def _unchanged(_total: Array, _power: float) -> None:
    """The sums are the distances."""


def _square(away: Array, _power: float) -> Array:
    squares: Array = np.einsum("ij,ij->i", away, away)
    return squares


def _add_square(total: Array, away: Array, _power: float) -> None:
    away *= away
    total += away


def _root(total: Array, _power: float) -> None:
    np.sqrt(total, out=total)


def _euclidean(away: Array, power: float) -> Array:
    distances: Array = np.sqrt(_square(away, power))
    return distances


def _manhattan(away: Array, _power: float) -> Array:
    distances: Array = np.abs(away).sum(axis=1)
    return distances


def _add_size(total: Array, away: Array, _power: float) -> None:
    total += np.abs(away, out=away)


def _chebyshev(away: Array, _power: float) -> Array:
    distances: Array = np.abs(away).max(axis=1, initial=0.0)
    return distances


def _raise_to_size(total: Array, away: Array, _power: float) -> None:
    np.maximum(total, np.abs(away, out=away), out=total)


def _minkowski(away: Array, power: float) -> Array:
    distances: Array = (np.abs(away) ** power).sum(axis=1) ** (1 / power)
    return distances


def _add_power(total: Array, away: Array, power: float) -> None:
    total += np.abs(away, out=away) ** power


def _power_root(total: Array, power: float) -> None:
    np.power(total, 1 / power, out=total)


# Their names in the kernel in C.
_NUMBERS: Mapping[MetricName, int] = {
    "square": 0,
    "euclidean": 0,
    "manhattan": 1,
    "chebyshev": 2,
    "minkowski": 3,
}
_NORMS: Mapping[MetricName, _Norm] = {
    "square": _Norm(_square, _add_square, _unchanged),
    "euclidean": _Norm(_euclidean, _add_square, _root),
    "manhattan": _Norm(_manhattan, _add_size, _unchanged),
    "chebyshev": _Norm(_chebyshev, _raise_to_size, _unchanged),
    "minkowski": _Norm(_minkowski, _add_power, _power_root),
}
