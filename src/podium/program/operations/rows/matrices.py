"""Operations on whole matrices: select, join, multiply, add."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from podium.program.arrays import Floats, Indices
from podium.program.blocks import multiplier
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


class Select(Operation, frozen=True, tag="select"):
    """Selects columns, in this order."""

    may_warn: ClassVar[bool] = False

    x: Register
    columns: Indices

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the number of selected columns."""
        shape = shapes.matrix(self.x)
        columns = self.columns
        inside = columns.ndim == 1 and bool(((columns >= 0) & (columns < shape.width)).all())
        require(inside, "a column is selected that doesn't exist")
        return Shape(len(columns), shape.is_single)

    def prepare(self, _shapes: Shapes) -> Step:
        """A view if they are adjacent."""
        x, columns = self.x, self.columns.astype(np.intp)
        if len(columns) and (np.diff(columns) == 1).all():
            part = slice(int(columns[0]), int(columns[-1]) + 1)
            return lambda _, values: values[x][:, part]
        return lambda _, values: values[x].take(columns, axis=1)


class Join(Operation, frozen=True, tag="join"):
    """Joins matrices side by side."""

    may_warn: ClassVar[bool] = False

    xs: tuple[Register, ...]

    def check(self, shapes: Shapes) -> Shape:
        """As wide as all of them together."""
        require(len(self.xs) > 0, "nothing is joined")
        read = [shapes.matrix(x) for x in self.xs]
        return Shape(sum(s.width for s in read), all(s.is_single for s in read))

    def prepare(self, _shapes: Shapes) -> Step:
        """One copy."""
        xs = self.xs
        return lambda _, values: np.concatenate([values[x] for x in xs], axis=1)


class Indicate(Operation, frozen=True, tag="indicate"):
    """Codes as rows of zeros with a one at each code; a negative code or NaN sets none.

    Attributes:
        starts: the position of code 0, for each column.
        width: of the rows.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    starts: Indices
    width: int

    def check(self, shapes: Shapes) -> Shape:
        """Its width is declared."""
        require_vector(self.starts, shapes.matrix(self.x).width, "the starts")
        inside = ((self.starts >= 0) & (self.starts <= self.width)).all()
        require(bool(inside), "a start is out of bounds")
        return Shape(self.width)

    def prepare(self, _shapes: Shapes) -> Step:
        """Codes beyond the end of the row set none either."""
        x, starts, width = self.x, self.starts.astype(np.float64), self.width

        def run(_: Sequence[Any], values: Sequence[Any]) -> Floats:
            codes: Floats = values[x]
            at = codes + starts
            is_valid = (codes >= 0) & (at < width)
            out = np.zeros((len(codes), width))
            rows, columns = is_valid.nonzero()
            out[rows, at[rows, columns].astype(np.intp)] = 1.0
            return out

        return run


class Matmul(Operation, frozen=True, tag="matmul"):
    """Rows times weights, plus a bias."""

    may_warn: ClassVar[bool] = False

    x: Register
    weights: Floats
    bias: Floats | None = None

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the weights."""
        shape, weights = shapes.matrix(self.x), self.weights
        require(weights.ndim == 2, "the weights aren't a matrix")
        fits = len(weights) == shape.width
        require(fits, f"{len(weights)} weights are given for {shape.width} columns")
        require_vector(self.bias, weights.shape[1], "the bias")
        is_single = shape.is_single and weights.dtype == np.float32
        is_single &= self.bias is None or self.bias.dtype == np.float32
        return Shape(weights.shape[1], is_single)

    def prepare(self, _shapes: Shapes) -> Step:
        """One product."""
        x, multiply = self.x, multiplier(self.weights)
        if self.bias is None:
            return lambda _, values: multiply(values[x])
        # As a matrix: for one row, numpy is three times faster with equal shapes.
        bias = self.bias[None]

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            return multiply(values[x]) + bias

        return run


class RowSum(Operation, frozen=True, tag="row_sum"):
    """The sum of each row's numbers, in their precision and in numpy's order."""

    x: Register

    def check(self, shapes: Shapes) -> Shape:
        """One column."""
        return Shape(1, shapes.matrix(self.x).is_single)

    def prepare(self, _shapes: Shapes) -> Step:
        """One pass. Rows that lie side by side are added up in another order than others."""
        x = self.x
        return lambda _, values: np.ascontiguousarray(values[x]).sum(axis=1, keepdims=True)


class Total(Operation, frozen=True, tag="total"):
    """The weighted sum of matrices of one shape, added in order."""

    xs: tuple[Register, ...]
    weights: Floats | None = None

    def check(self, shapes: Shapes) -> Shape:
        """As wide as each of them."""
        require(len(self.xs) > 0, "nothing is added up")
        read = [shapes.matrix(x) for x in self.xs]
        require(len({s.width for s in read}) == 1, "what is added up differs in width")
        require_vector(self.weights, len(self.xs), "the weights")
        return Shape(read[0].width, self.weights is None and all(s.is_single for s in read))

    def prepare(self, _shapes: Shapes) -> Step:
        """From the first to the last, as the original adds."""
        xs = self.xs
        weights = None if self.weights is None else list(self.weights.astype(np.float64)[:, None])

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            parts = [values[x] for x in xs]
            if weights is not None:
                parts = [part * weight for part, weight in zip(parts, weights, strict=True)]
            total: Array = parts[0]
            for part in parts[1:]:
                total = total + part
            return total

        return run
