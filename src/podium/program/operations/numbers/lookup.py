"""Operations that use a table: rows by class, the weighted median, interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from podium.program.arrays import Floats
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


class Lookup(Operation, frozen=True, tag="lookup"):
    """The row of a table for each row's class, or for the code in its only column.

    Attributes:
        table: one row for each class or code; a code beyond the ends takes the row there.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    table: Floats

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the table."""
        shape = shapes.any(self.x)
        require(self.table.ndim == 2 and len(self.table) > 0, "the table has no rows")
        if shape.is_index:
            fits = len(self.table) == shape.width
            require(fits, f"a table of shape {self.table.shape} doesn't fit {shape.width} classes")
        else:
            require(
                shape.width == 1, f"register {self.x} has {shape.width} columns, not one of codes"
            )
        return Shape(self.table.shape[1])

    def prepare(self, shapes: Shapes) -> Step:
        """One copy."""
        x, table, last = self.x, self.table.astype(np.float64), len(self.table) - 1.0

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            rows: Array = table.take(values[x], axis=0)
            return rows

        def run_codes(_: Sequence[Any], values: Sequence[Any]) -> Array:
            codes = np.fmax(np.fmin(values[x][:, 0], last), 0.0)  # of NaN the last one, too
            rows: Array = table.take(codes.astype(np.intp), axis=0)
            return rows

        return run if shapes.any(x).is_index else run_codes


class Median(Operation, frozen=True, tag="median"):
    """Each row's weighted median: the first of its sorted numbers with half of the weight below.

    Attributes:
        weights: one for each column, not negative.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    weights: Floats

    def check(self, shapes: Shapes) -> Shape:
        """One column."""
        width = shapes.matrix(self.x).width
        require(width > 0, "there is nothing to take the median of")
        require_vector(self.weights, width, "the weights")
        require(bool((self.weights >= 0).all()), "a weight is negative")
        return Shape(1)

    def prepare(self, _shapes: Shapes) -> Step:
        """Sorts each row."""
        x, weights = self.x, self.weights.astype(np.float64)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            order = np.argsort(numbers, axis=1)
            reached = np.cumsum(weights[order], axis=1)
            at = (reached >= 0.5 * reached[:, -1:]).argmax(axis=1)
            rows = np.arange(len(numbers))
            return np.asarray(numbers[rows, order[rows, at]], np.float64).reshape(-1, 1)

        return run


class Interpolate(Operation, frozen=True, tag="interpolate"):
    """Interpolates one column linearly between points; constant beyond the ends.

    Attributes:
        knots: the x coordinates, ascending; of equal ones the last height holds there.
        heights: the y coordinates.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    knots: Floats
    heights: Floats

    def check(self, shapes: Shapes) -> Shape:
        """One column of one."""
        require(shapes.matrix(self.x).width == 1, "one column goes through the line")
        n_knots = len(self.knots)
        require(n_knots > 0 and bool((np.diff(self.knots) >= 0).all()), "the knots don't ascend")
        require_vector(self.heights, n_knots, "the heights")
        return Shape(1)

    def prepare(self, _shapes: Shapes) -> Step:
        """A search in the knots."""
        x, knots, heights = self.x, self.knots, self.heights

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            line: Array = np.interp(values[x], knots, heights)
            return line

        return run
