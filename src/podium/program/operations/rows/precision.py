"""Operations in single precision: rounding, and sums that round at each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
        weights: one row for each column of `x`, one column for each output.
        start: of the sums, one for each output.
    """

    x: Register
    weights: Floats
    start: Floats

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the weights."""
        shape, weights = shapes.matrix(self.x), self.weights
        require(shape.is_single, "what is added up in single precision isn't of it")
        require(weights.ndim == 2, "the weights aren't a matrix")
        fits = len(weights) == shape.width
        require(fits, f"{len(weights)} weights are given for {shape.width} columns")
        require_vector(self.start, weights.shape[1], "the start")
        return Shape(weights.shape[1], is_single=True)

    def n_buffered(self, _shapes: Shapes) -> int:
        """All products, and all their sums."""
        return 2 * int(self.weights.size)

    def prepare(self, _shapes: Shapes) -> Step:
        """All intermediate sums: numpy accumulates along an axis from the first to the last."""
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
