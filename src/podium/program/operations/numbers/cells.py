"""Operations on each number by itself: fill, scale, clip, look up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from podium.errors import ModelError
from podium.program.arrays import Bytes, Floats, Indices
from podium.program.kernel import all_finite
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


class Finite(Operation, frozen=True, tag="finite"):
    """The same numbers; NaN and infinities are refused.

    Attributes:
        least: smaller numbers are refused, too.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    least: float | None = None

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        return shapes.matrix(self.x)

    def prepare(self, shapes: Shapes) -> Step:
        """One pass over the numbers, or two."""
        x, least = self.x, self.least
        is_single = shapes.matrix(x).is_single

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            if not (np.isfinite(numbers).all() if is_single else all_finite(numbers)):
                raise ModelError("the model accepts no missing or infinite values here")
            if least is not None and (numbers < least).any():
                raise ModelError(f"the model accepts no numbers below {least:g} here")
            return numbers

        return run


class Impute(Operation, frozen=True, tag="impute"):
    """Replaces missing numbers by one value for each column; NaN leaves them missing.

    Attributes:
        missing: which number counts as missing; NaN by default.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    fill: Floats
    missing: float | None = None

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        shape = shapes.matrix(self.x)
        require_vector(self.fill, shape.width, "what is filled in")
        return shape

    def prepare(self, shapes: Shapes) -> Step:
        """A copy, if something is missing."""
        x = self.x
        fill = self.fill.astype(_dtype(shapes.matrix(x)))
        missing = None if self.missing is None else np.array(self.missing)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            holes = numbers != numbers if missing is None else numbers == missing
            return np.where(holes, fill, numbers) if holes.any() else numbers

        return run


class Missing(Operation, frozen=True, tag="missing"):
    """1 if a number is missing, else 0.

    Attributes:
        missing: which number counts as missing; NaN by default.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    missing: float | None = None

    def check(self, shapes: Shapes) -> Shape:
        """As wide as what it reads."""
        return Shape(shapes.matrix(self.x).width)

    def prepare(self, _shapes: Shapes) -> Step:
        """One comparison."""
        x = self.x
        if self.missing is None:
            return lambda _, values: np.isnan(values[x]).astype(np.float64)
        missing = np.array(self.missing)
        return lambda _, values: np.equal(values[x], missing).astype(np.float64)


class Scale(Operation, frozen=True, tag="scale"):
    """Subtracts, divides, multiplies and adds a constant for each column, in this order."""

    x: Register
    subtract: Floats | None = None
    divide: Floats | None = None
    multiply: Floats | None = None
    add: Floats | None = None

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        shape = shapes.matrix(self.x)
        for constants in (self.subtract, self.divide, self.multiply, self.add):
            require_vector(constants, shape.width, "a constant")
        return shape

    def prepare(self, shapes: Shapes) -> Step:
        """Rounded to the precision of the input after each step, as in the training library."""
        x, is_single = self.x, shapes.matrix(self.x).is_single
        todo = [
            # As a matrix: for one row, numpy is three times faster with equal shapes.
            (_rounding(function) if is_single else function, constants.astype(np.float64)[None])
            for function, constants in (
                (np.subtract, self.subtract),
                (np.divide, self.divide),
                (np.multiply, self.multiply),
                (np.add, self.add),
            )
            if constants is not None
        ]
        if len(todo) == 1:
            ((only, constant),) = todo
            return lambda _, values: only(values[x], constant)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            for function, constants in todo:
                numbers = function(numbers, constants)
            return numbers

        return run


def _rounding(function: Any) -> Callable[[Array, Array], Array]:
    """The function of single and double numbers, as `x -= doubles` computes it in place."""
    return lambda numbers, constants: function(numbers, constants).astype(np.float32)


class Match(Operation, frozen=True, tag="match"):
    """The code of each number among the known ones of its column.

    Attributes:
        keys: known numbers, column after column, each ascending and without NaN.
        starts: where those of each column begin in `keys`, and where the last ones end.
        codes: of the keys; then of a missing number and of an unknown one, for each column.
        refuses: for each column: 1 if a missing number is an error, plus 2 if an unknown one is.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    keys: Floats
    starts: Indices
    codes: Floats
    refuses: Bytes

    def check(self, shapes: Shapes) -> Shape:
        """As wide as what it reads."""
        width = shapes.matrix(self.x).width
        starts = self.starts
        require_vector(starts, width + 1, "the starts of the keys")
        fits = (
            starts[0] == 0 and starts[-1] == len(self.keys) and bool((np.diff(starts) >= 0).all())
        )
        require(fits and self.keys.ndim == 1, "the keys don't fit the columns")
        require_vector(self.codes, len(self.keys) + 2 * width, "the codes")
        require_vector(self.refuses, width, "what is refused")
        return Shape(width)

    def prepare(self, _shapes: Shapes) -> Step:
        """A search in each column."""
        x, n_keys = self.x, len(self.keys)
        tables = []
        for j, refused in enumerate(self.refuses):
            part = slice(int(self.starts[j]), int(self.starts[j + 1]))
            others = self.codes[n_keys + 2 * j : n_keys + 2 * j + 2]
            codes = np.concatenate([self.codes[part], others])
            # A NaN at the end: a search that finds nothing stops there, and it equals nothing.
            keys = np.append(self.keys[part], np.nan)
            tables.append((keys, codes, bool(refused & 1), bool(refused & 2)))

        def run(_: Sequence[Any], values: Sequence[Any]) -> Floats:
            numbers: Floats = values[x]
            out = np.empty(numbers.shape)
            for j, (keys, codes, refuses_missing, refuses_unknown) in enumerate(tables):
                column = numbers[:, j]
                places = np.searchsorted(keys[:-1], column)
                is_match = keys[places] == column
                holes = column != column
                if refuses_missing and holes.any():
                    raise ModelError("the model was trained without missing values here")
                if refuses_unknown and not (is_match | holes).all():
                    raise ModelError("the model doesn't know this category")
                out[:, j] = codes[np.where(is_match, places, np.where(holes, -2, -1))]
            return out

        return run


def _dtype(shape: Shape) -> Any:
    return np.float32 if shape.is_single else np.float64
