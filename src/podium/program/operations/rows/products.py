"""Operations between the columns of a row: products of two, and division by the row's norm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from podium.program.arrays import Indices
from podium.program.blocks import squared_lengths
from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
)
from podium.table import Array

NormName: TypeAlias = Literal["l1", "l2", "max"]


class Product(Operation, frozen=True, tag="product"):
    """Columns of one matrix times columns of another, pair by pair.

    Attributes:
        xs: the two matrices.
        left: columns of the first.
        right: the columns of the second that they are multiplied by.
    """

    xs: tuple[Register, Register]
    left: Indices
    right: Indices

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the number of pairs."""
        require(self.left.ndim == 1 and self.left.shape == self.right.shape, "columns lack a pair")
        read = [shapes.matrix(x) for x in self.xs]
        for shape, columns in zip(read, (self.left, self.right), strict=True):
            inside = ((columns >= 0) & (columns < shape.width)).all()
            require(bool(inside), "a column is multiplied that doesn't exist")
        return Shape(len(self.left), all(shape.is_single for shape in read))

    def prepare(self, shapes: Shapes) -> Step:
        """Two copies and a product; without copies if all columns are multiplied in order."""
        (first, second), left, right = self.xs, self.left, self.right
        pairs = ((shapes.matrix(first), left), (shapes.matrix(second), right))
        if all(np.array_equal(columns, np.arange(shape.width)) for shape, columns in pairs):
            return lambda _, values: values[first] * values[second]
        return lambda _, values: values[first][:, left] * values[second][:, right]


class Normalize(Operation, frozen=True, tag="normalize"):
    """Divides each row by its norm; a row close to zero stays.

    Attributes:
        norm: the sum of absolute values, the root of the sum of squares, or the largest absolute
            value.
    """

    x: Register
    norm: NormName

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        shape = shapes.matrix(self.x)
        require(shape.width > 0, "there is nothing to normalize")
        return shape

    def prepare(self, shapes: Shapes) -> Step:
        """Two passes."""
        x, length = self.x, _LENGTHS[self.norm]
        dtype = np.float32 if shapes.matrix(x).is_single else np.float64
        # Numbers that scikit-learn treats as zero.
        smallest, one = 10 * np.finfo(dtype).eps, np.ones((), dtype)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = np.ascontiguousarray(values[x])
            lengths = length(numbers)
            return numbers / np.where(lengths < smallest, one, lengths)[:, None]

        return run


_LENGTHS: Mapping[NormName, Callable[[Array], Array]] = {
    "l1": lambda x: np.abs(x).sum(axis=1),
    "l2": lambda x: np.sqrt(squared_lengths(x)),
    "max": lambda x: np.abs(x).max(axis=1),
}
