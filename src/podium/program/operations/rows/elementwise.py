"""Functions of several numbers of a row: arithmetic, comparisons, choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

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

ElementwiseName: TypeAlias = Literal[
    "add",
    "subtract",
    "multiply",
    "divide",
    "floor_divide",
    "remainder",
    "power",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "arctan2",
    "hypot",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "equal",
    "not_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "where",
]
COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
# Functions that go on differently from a number on.
JUMPS = (*COMPARISONS, "maximum", "minimum", "fmax", "fmin", "floor_divide", "remainder")


class Elementwise(Operation, frozen=True, tag="elementwise"):
    """A function of numbers that stand at the same place of several matrices.

    What is true is 1, what is false 0. A matrix of one column stands beside each column of the
    others.

    Attributes:
        function: numpy's of this name.
        arguments: what each of its arguments is: a matrix, by its place in `xs`, or a constant, by
            -1 - its row in `constants`.
        constants: of shape (n_constants, 1), or with one for each column.
    """

    xs: tuple[Register, ...]
    function: ElementwiseName
    arguments: tuple[int, ...]
    constants: Floats

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the widest of what it reads."""
        n_arguments = 3 if self.function == "where" else 2
        require(len(self.arguments) == n_arguments, f"{self.function} has other arguments")
        read = [shapes.matrix(x) for x in self.xs]
        require(len(read) > 0 and self.constants.ndim == 2, "it reads nothing")
        inside = all(-len(self.constants) <= at < len(read) for at in self.arguments)
        require(inside, "an argument is used that doesn't exist")
        widths = {shape.width for shape in read} | {self.constants.shape[1]}
        require(len(widths - {1}) < 2, "what is computed differs in width")
        is_single = all(shape.is_single for shape in read) and self.function in _KEEPS_PRECISION
        return Shape(max(widths), is_single)

    def prepare(self, shapes: Shapes) -> Step:
        """One call of numpy's function."""
        function, xs = _FUNCTIONS[self.function], self.xs
        width = self.check(shapes).width
        constants = [_constant(row) for row in self.constants]
        arguments = [
            (xs[at], None) if at >= 0 else (-1, constants[-1 - at]) for at in self.arguments
        ]

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            out: Array = function(*(values[x] if c is None else c for x, c in arguments))
            return out if out.shape[1] == width else out.repeat(width, axis=1)

        return run


def _constant(row: Floats) -> Any:
    """A plain number leaves single precision as it is."""
    return float(row[0]) if len(row) == 1 else row[None]


def _truth(function: Callable[..., Any]) -> Callable[..., Array]:
    return lambda *numbers: function(*numbers).astype(np.float64)


def _where(chosen: Array, one: Array, other: Array) -> Array:
    return np.where(chosen != 0, one, other)


_ARITHMETIC: dict[str, Callable[..., Array]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "power": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "arctan2": np.arctan2,
    "hypot": np.hypot,
}
_KEEPS_PRECISION = frozenset(_ARITHMETIC)
_FUNCTIONS: dict[str, Callable[..., Array]] = {
    **_ARITHMETIC,
    **{
        name: _truth(getattr(np, name))
        for name in (*COMPARISONS, "logical_and", "logical_or", "logical_xor")
    },
    "where": _where,
}
