"""Operations that transform each column by itself: bins, powers, quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from podium.errors import ModelError
from podium.program.arrays import Floats, Indices
from podium.program.operations.numbers.normal import quantile_of
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


class Bin(Operation, frozen=True, tag="bin"):
    """The number of each column's edges below the value; NaN lies above all.

    Attributes:
        edges: column after column, each ascending.
        starts: where those of each column begin in `edges`, and where the last ones end.
        or_equal: whether an edge counts for an equal number, too.
    """

    x: Register
    edges: Floats
    starts: Indices
    or_equal: bool = False

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        shape, starts = shapes.matrix(self.x), self.starts
        require_vector(starts, shape.width + 1, "the starts of the edges")
        require(self.edges.ndim == 1, "the edges aren't a vector")
        ends = starts[0] == 0 and starts[-1] == len(self.edges)
        require(bool(ends) and bool((np.diff(starts) >= 0).all()), "the edges don't fit")
        return shape

    def prepare(self, shapes: Shapes) -> Step:
        """A search in each column."""
        x, side = self.x, "right" if self.or_equal else "left"
        dtype = np.float32 if shapes.matrix(x).is_single else np.float64
        edges = [self.edges[a:b] for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)]

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            out = np.empty(numbers.shape, dtype)
            for j, some in enumerate(edges):
                out[:, j] = some.searchsorted(numbers[:, j], side)  # type: ignore[call-overload]
            return out

        return run


class Power(Operation, frozen=True, tag="power"):
    """Power transforms that make a column look normal: Box-Cox, or Yeo-Johnson.

    Attributes:
        powers: one for each column.
        method: the first refuses numbers that aren't positive.
    """

    x: Register
    powers: Floats
    method: Literal["box_cox", "yeo_johnson"]

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        shape = shapes.matrix(self.x)
        require_vector(self.powers, shape.width, "the powers")
        return shape

    def prepare(self, shapes: Shapes) -> Step:
        """Column by column if powers are special, otherwise all at once."""
        x, is_single = self.x, shapes.matrix(self.x).is_single
        powers = self.powers.astype(np.float32 if is_single else np.float64)
        function = _box_cox if self.method == "box_cox" else _yeo_johnson
        return lambda _, values: function(values[x], powers)


def _box_cox(x: Array, powers: Array) -> Array:
    if (x <= 0).any():
        raise ModelError("the model accepts only positive numbers here")
    return _raised(np.log(x), powers, np.abs(powers) < 1e-19)


def _yeo_johnson(x: Array, powers: Array) -> Array:
    above, eps = x >= 0, np.finfo(x.dtype).eps
    up = _raised(np.log1p(np.where(above, x, 0)), powers, np.abs(powers) < eps)
    rest = 2 - powers
    down = _raised(np.log1p(np.where(above, 0, -x)), rest, np.abs(rest) <= eps)
    return np.where(above, up, -down)


def _raised(logs: Array, powers: Array, is_log: Array) -> Array:
    """(exp(logs) ** power - 1) / power, which is the logarithm at a power of 0."""
    if is_log.any():
        return np.where(is_log, logs, np.expm1(powers * logs) / np.where(is_log, 1, powers))
    raised: Array = np.expm1(powers * logs)
    raised /= powers
    return raised


# Numbers this close to a bound of the training data count as on it (scikit-learn's
# BOUNDS_THRESHOLD).
_NEAR = 1e-7
_LOWEST, _HIGHEST = quantile_of(np.array([_NEAR - np.spacing(1), 1 - (_NEAR - np.spacing(1))]))


class Quantile(Operation, frozen=True, tag="quantile"):
    """The share of the training data below each number, or that share's normal quantile.

    Attributes:
        quantiles: of the training data, one column for each column, ascending.
        shares: that belong to their rows, ascending.
        is_normal: whether to return the normal quantile.
    """

    x: Register
    quantiles: Floats
    shares: Floats
    is_normal: bool = False

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        shape, n_shares = shapes.matrix(self.x), len(self.shares)
        require(n_shares > 0, "there are no quantiles")
        require_vector(self.shares, n_shares, "the shares")
        fits = self.quantiles.shape == (n_shares, shape.width)
        require(fits, f"quantiles of shape {self.quantiles.shape} don't fit")
        return shape

    def prepare(self, shapes: Shapes) -> Step:
        """Two searches in each column: the mean of both decides between equal quantiles."""
        x, up = self.x, self.shares.astype(np.float64)
        down, is_normal = np.ascontiguousarray(-up[::-1]), self.is_normal
        dtype = np.float32 if shapes.matrix(x).is_single else np.float64
        columns = [
            (np.ascontiguousarray(c), np.ascontiguousarray(-c[::-1]))
            for c in self.quantiles.astype(np.float64).T
        ]

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            out = np.empty(numbers.shape, dtype)
            for j, (knots, reversed_knots) in enumerate(columns):
                column = numbers[:, j]
                shares = np.interp(column, knots, up)
                shares -= np.interp(-column, reversed_knots, down)
                shares *= 0.5
                shares[_reaches(column, knots[-1], is_normal)] = 1
                shares[_reaches(-column, -knots[0], is_normal)] = 0
                out[:, j] = shares
            if is_normal:
                normal = quantile_of(out.astype(np.float64, copy=False))
                return np.clip(normal, _LOWEST, _HIGHEST).astype(dtype, copy=False)
            return out

        return run


def _reaches(column: Array, bound: Any, is_normal: bool) -> Array:
    """Whether numbers count as on a bound, or beyond it."""
    reached: Array = column + _NEAR > bound if is_normal else column == bound
    return reached
