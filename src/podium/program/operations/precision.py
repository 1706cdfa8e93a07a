"""Operations on how numbers are held: in single precision, and which of them are missing."""

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
    require_bounds,
    require_vector,
)
from podium.table import Array


class Single(Operation, frozen=True, tag="single"):
    """Numbers rounded to single precision; too large ones become infinite."""

    x: Register

    def check(self, shapes: Shapes) -> Shape:
        """As wide as what it reads."""
        return Shape(shapes.matrix(self.x).width, is_single=True)

    def prepare(self, _shapes: Shapes) -> Step:
        """A copy."""
        x = self.x
        return lambda _, values: values[x].astype(np.float32)


class SingleSum(Operation, frozen=True, tag="single_sum"):
    """Rows times weights in single precision, added to a start from the first column to the last.

    Each product and each sum is rounded. A missing number adds nothing.

    Attributes:
        weights: a row a column of `x`, a column an output.
        start: of the sums, one an output.
    """

    x: Register
    weights: Floats
    start: Floats

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the weights."""
        shape, weights = shapes.matrix(self.x), self.weights
        require(shape.is_single, "what is added up in single precision isn't of it")
        require(weights.ndim == 2, "the weights are no matrix")
        fits = len(weights) == shape.width
        require(fits, f"{len(weights)} weights are given for {shape.width} columns")
        require_vector(self.start, weights.shape[1], "the start")
        return Shape(weights.shape[1], is_single=True)

    def prepare(self, _shapes: Shapes) -> Step:
        """All sums on the way: numpy adds up along an axis from the first to the last."""
        x, weights = self.x, self.weights.astype(np.float32)
        start = self.start.astype(np.float32)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            rows = values[x][:, :, None]
            terms = np.empty((len(rows), len(weights) + 1, len(start)), np.float32)
            terms[:, 0] = start
            np.multiply(rows, weights, out=terms[:, 1:])
            terms[np.isnan(terms)] = 0
            sums: Array = np.add.accumulate(terms, axis=1)[:, -1]
            return sums

        return run


class Blank(Operation, frozen=True, tag="blank"):
    """Numbers within bounds, a pair a column, become missing; NaN bounds leave the column.

    Attributes:
        low: the lowest number that counts as missing.
        high: the highest one.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    low: Floats
    high: Floats

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        shape = shapes.matrix(self.x)
        require_bounds(self.low, self.high, shape.width)
        return shape

    def prepare(self, shapes: Shapes) -> Step:
        """A copy where something is within the bounds."""
        x = self.x
        dtype = np.float32 if shapes.matrix(x).is_single else np.float64
        low, high = self.low.astype(dtype), self.high.astype(dtype)
        nothing = np.array(np.nan, dtype)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            inside = (numbers >= low) & (numbers <= high)
            return np.where(inside, nothing, numbers) if inside.any() else numbers

        return run
