"""The B-splines of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from podium.errors import ModelError
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


class Spline(Operation, frozen=True, tag="spline"):
    """Each column as the values of its B-splines; a missing number is in none of them.

    Attributes:
        knots: one row for each column, ascending.
        degree: of the splines.
        beyond: beyond the ends the outermost splines continue, stay constant (or continue linearly,
            if slopes are given), repeat, or the number is refused.
        slopes: at the lower and the upper end, of each column's splines.
    """

    x: Register
    knots: Floats
    degree: int
    beyond: Literal["continue", "stay", "periodic", "refuse"]
    slopes: Floats | None = None

    @property
    def n_splines(self) -> int:
        """The number of columns that each column becomes."""
        n_splines: int = self.knots.shape[1] - self.degree - 1
        return n_splines - self.degree if self.beyond == "periodic" else n_splines

    def check(self, shapes: Shapes) -> Shape:
        """All splines of the first column, then those of the next."""
        width = shapes.matrix(self.x).width
        require(self.knots.ndim == 2 and len(self.knots) == width, "the knots don't fit")
        require(0 <= self.degree <= 64, f"no splines of degree {self.degree} are known")
        n_knots, n_splines = self.knots.shape[1], self.n_splines
        require(n_knots >= 2 * self.degree + 2 and n_splines > 0, "there are too few knots")
        require(bool((np.diff(self.knots) >= 0).all()), "the knots don't ascend")
        if self.slopes is not None:
            require(self.beyond == "stay", "slopes are given but not used")
            require(self.slopes.shape == (2, width, n_splines), "the slopes don't fit")
        return Shape(width * n_splines)

    def n_buffered(self, shapes: Shapes) -> int:
        """The knots around each number, their distances, and the values."""
        return 8 * (self.degree + 1) * shapes.matrix(self.x).width

    def prepare(self, _shapes: Shapes) -> Step:
        """De Boor's recursion, in the order in which scipy adds."""
        x, degree, n_splines = self.x, self.degree, self.n_splines
        knots, slopes = self.knots.astype(np.float64), self.slopes
        last = knots.shape[1] - degree - 1
        low, high = knots[:, degree], knots[:, last]
        period = high - low
        heights = _Heights(knots, degree)
        # If periods overlap, a row has more than one value of a spline.
        is_sum = self.beyond == "periodic"

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x].astype(np.float64, copy=False)
            missing = np.isnan(numbers)
            is_missing = bool(missing.any())
            inside = np.where(missing, low, numbers) if is_missing else numbers
            if self.beyond == "refuse" and ((inside < low) | (inside > high)).any():
                raise ModelError("the model accepts no values beyond its knots")
            if self.beyond == "periodic":
                inside = np.where(period > 0, low + (inside - low) % period, 0.0)
            elif self.beyond == "stay":
                inside = np.minimum(np.maximum(inside, low), high)
            at = _intervals(inside, knots, degree, last - 1)
            out = np.zeros((*numbers.shape, n_splines))
            flat, begin = out.reshape(-1), np.arange(numbers.size).reshape(at.shape) * n_splines
            for j, height in enumerate(heights(inside, at)):
                first = at + (j - degree)
                if is_sum:
                    flat[begin + first % n_splines] += height
                else:
                    flat[begin + first] = height
            if slopes is not None:
                _continue(out, np.minimum(numbers - low, 0), slopes[0])
                _continue(out, np.maximum(numbers - high, 0), slopes[1])
            if is_missing:
                out[missing] = 0
            return out.reshape(len(numbers), -1)

        return run


def _continue(out: Array, away: Array, slopes: Array) -> None:
    """Add to the splines of numbers that lie beyond the knots."""
    rows = np.flatnonzero((away != 0).any(axis=1))
    if len(rows):
        out[rows] += away[rows, :, None] * slopes


def _intervals(x: Array, knots: Array, first: int, last: int) -> Array:
    """The interval of knots for each number; beyond the ends, the outermost one."""
    at = np.empty(x.shape, np.intp)
    for j, some in enumerate(knots):
        at[:, j] = some.searchsorted(x[:, j], "right")
    return np.clip(at - 1, first, last)


class _Heights:
    """The splines that aren't zero at each number: a function that returns them."""

    def __init__(self, knots: Array, degree: int) -> None:
        self.degree = degree
        self.flat = np.ascontiguousarray(knots).ravel()
        self.begin = np.arange(len(knots)) * knots.shape[1]
        self.may_be_empty = bool((np.diff(knots) == 0).any())

    def __call__(self, x: Array, at: Array) -> list[Array]:
        place = at + self.begin
        near = {n: self.flat.take(place + n) for n in range(1 - self.degree, self.degree + 1)}
        # The distance of the number from each knot around it.
        away = {n: knot - x if n > 0 else x - knot for n, knot in near.items()}
        heights: list[Array] = [np.ones(x.shape)]
        for j in range(1, self.degree + 1):
            before, heights = heights, [np.zeros(x.shape)]
            for n in range(1, j + 1):
                share = self._share(before[n - 1], near[n], near[n - j])
                heights[n - 1] += share * away[n]
                heights.append(share * away[n - j])
        return heights

    def _share(self, height: Array, right: Array, left: Array) -> Array:
        if not self.may_be_empty:
            share: Array = height / (right - left)
            return share
        is_empty = right == left
        return np.where(is_empty, 0.0, height / np.where(is_empty, 1.0, right - left))
