"""Operations on numbers within bounds."""

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
    require_vector,
)
from podium.table import Array


class _Bounded(Operation, frozen=True):
    """Operations with a pair of bounds for each column."""

    may_warn: ClassVar[bool] = False

    x: Register
    low: Floats
    high: Floats

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        shape = shapes.matrix(self.x)
        require_vector(self.low, shape.width, "the lower bound")
        require_vector(self.high, shape.width, "the upper bound")
        return shape

    def bounds(self, shapes: Shapes) -> tuple[Array, Array]:
        """The bounds in the precision of the input."""
        dtype = np.float32 if shapes.matrix(self.x).is_single else np.float64
        return self.low.astype(dtype), self.high.astype(dtype)


class Clip(_Bounded, frozen=True, tag="clip"):
    """Limits numbers to bounds, one for each column; NaN stays."""

    def prepare(self, shapes: Shapes) -> Step:
        """Two comparisons."""
        x, (low, high) = self.x, self.bounds(shapes)
        return lambda _, values: np.minimum(np.maximum(values[x], low), high)


class Blank(_Bounded, frozen=True, tag="blank"):
    """Makes numbers within bounds missing, a pair for each column; NaN bounds skip it."""

    def prepare(self, shapes: Shapes) -> Step:
        """A copy, if something is within the bounds."""
        x, (low, high) = self.x, self.bounds(shapes)
        missing = np.array(np.nan, low.dtype)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            inside = (numbers >= low) & (numbers <= high)
            return np.where(inside, missing, numbers) if inside.any() else numbers

        return run
