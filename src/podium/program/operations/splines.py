"""Columns as the splines between their knots."""

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
    """Each column as the splines of its knots; a missing number is in none of them.

    Attributes:
        knots: a row a column, ascending.
        degree: of the splines.
        beyond: the ends the outermost splines go on, stay as they are there (or go on straight,
            where slopes are given), begin anew, or the number is refused.
        slopes: at the lower and at the upper end, of each column's splines.
    """

    x: Register
    knots: Floats
    degree: int
    beyond: Literal["continue", "stay", "periodic", "refuse"]
    slopes: Floats | None = None

    @property
    def n_splines(self) -> int:
        """How many columns each column becomes."""
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
            require(self.beyond == "stay", "slopes are given that nobody uses")
            require(self.slopes.shape == (2, width, n_splines), "the slopes don't fit")
        return Shape(width * n_splines)

    def prepare(self, _shapes: Shapes) -> Step:
        """de Boor's recursion, in the order in which scipy adds."""
        x, degree, n_splines = self.x, self.degree, self.n_splines
        knots, slopes = self.knots.astype(np.float64), self.slopes
        last = knots.shape[1] - degree - 1
        low, high = knots[:, degree], knots[:, last]
        columns = np.arange(len(knots))
        period = high - low

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x].astype(np.float64, copy=False)
            inside = np.where(np.isnan(numbers), low, numbers)
            if self.beyond == "refuse" and ((inside < low) | (inside > high)).any():
                raise ModelError("the model takes no values beyond its knots")
            if self.beyond == "periodic":
                inside = np.where(period > 0, low + (inside - low) % period, 0.0)
            elif self.beyond == "stay":
                inside = np.minimum(np.maximum(inside, low), high)
            at = _intervals(inside, knots, degree, last - 1)
            heights = _heights(inside, knots, columns, at, degree)
            out = np.zeros((*numbers.shape, n_splines))
            rows = np.arange(len(numbers))[:, None]
            for j, height in enumerate(heights):
                out[rows, columns, (at - degree + j) % n_splines] += height
            if slopes is not None:
                out += np.minimum(numbers - low, 0)[:, :, None] * slopes[0]
                out += np.maximum(numbers - high, 0)[:, :, None] * slopes[1]
            out[np.isnan(numbers)] = 0
            return out.reshape(len(numbers), -1)

        return run


def _intervals(x: Array, knots: Array, first: int, last: int) -> Array:
    """Between which knots each number lies; beyond the ends, the outermost ones."""
    at = np.empty(x.shape, np.intp)
    for j, some in enumerate(knots):
        at[:, j] = some.searchsorted(x[:, j], "right")
    return np.clip(at - 1, first, last)


def _heights(x: Array, knots: Array, columns: Array, at: Array, degree: int) -> list[Array]:
    """The splines that aren't zero at each number."""
    heights: list[Array] = [np.ones(x.shape)]
    for j in range(1, degree + 1):
        before, heights = heights, [np.zeros(x.shape) for _ in range(j + 1)]
        for n in range(1, j + 1):
            right, left = knots[columns, at + n], knots[columns, at + n - j]
            is_empty = right == left
            share = np.where(is_empty, 0.0, before[n - 1] / np.where(is_empty, 1.0, right - left))
            heights[n - 1] = heights[n - 1] + share * (right - x)
            heights[n] = share * (x - left)
    return heights
