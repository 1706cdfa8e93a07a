"""Operations that fill in missing values: from other columns, regressions or donors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from podium.program.arrays import Floats, Indices
from podium.program.blocks import multiplier, squared_lengths
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


class Fill(Operation, frozen=True, tag="fill"):
    """The numbers of one matrix, and those of another where they are missing."""

    may_warn: ClassVar[bool] = False

    xs: tuple[Register, Register]

    def check(self, shapes: Shapes) -> Shape:
        """As wide as each of them."""
        first, second = (shapes.matrix(x) for x in self.xs)
        require(first.width == second.width, "what is filled differs in width")
        return Shape(first.width, first.is_single)

    def prepare(self, shapes: Shapes) -> Step:
        """A copy, if something is missing."""
        first, second = self.xs
        dtype = np.float32 if shapes.matrix(first).is_single else np.float64

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[first]
            holes = numbers != numbers
            if not holes.any():
                return numbers
            return np.where(holes, values[second].astype(dtype, copy=False), numbers)

        return run


class FillLinear(Operation, frozen=True, tag="fill_linear"):
    """Missing numbers estimated from the other columns, repeatedly.

    Attributes:
        fill: the first estimate for each column.
        columns: the column that each step estimates.
        weights: of all columns, one row for each step.
        bias: one for each step.
        low: the lowest estimate, one for each step.
        high: the highest one.
    """

    x: Register
    fill: Floats
    columns: Indices
    weights: Floats
    bias: Floats
    low: Floats
    high: Floats

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        shape, n_steps = shapes.matrix(self.x), len(self.columns)
        require_vector(self.fill, shape.width, "the first guess")
        require_vector(self.columns, n_steps, "the guessed columns")
        inside = ((self.columns >= 0) & (self.columns < shape.width)).all()
        require(bool(inside), "a column is imputed that doesn't exist")
        fits = self.weights.shape == (n_steps, shape.width)
        require(fits, f"weights of shape {self.weights.shape} don't fit")
        for constants in (self.bias, self.low, self.high):
            require_vector(constants, n_steps, "a constant")
        return shape

    def prepare(self, shapes: Shapes) -> Step:
        """Only rows and columns with missing values are processed."""
        x, fill = self.x, self.fill
        dtype = np.float32 if shapes.matrix(x).is_single else np.float64
        steps = list(
            zip(
                self.columns.tolist(),
                [multiplier(weights[:, None]) for weights in self.weights],
                *(c.tolist() for c in (self.bias, self.low, self.high)),
                strict=True,
            )
        )

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            holes = np.isnan(numbers)
            if not holes.any():
                return numbers
            filled = np.where(holes, fill, numbers).astype(dtype, copy=False)
            rows = [np.flatnonzero(column) for column in holes.T]
            for column, multiply, bias, low, high in steps:
                if len(rows[column]):
                    guess = multiply(filled[rows[column]]).ravel() + bias
                    filled[rows[column], column] = np.minimum(np.maximum(guess, low), high)
            return filled

        return run


class FillNearest(Operation, frozen=True, tag="fill_nearest"):
    """Missing numbers as the mean of the nearest rows that have them.

    Attributes:
        rows: of the training data; NaN is missing.
        n_neighbors: how many are averaged.
        is_weighted: whether nearer ones count more, by the inverse of their distance.
    """

    x: Register
    rows: Floats
    n_neighbors: int
    is_weighted: bool = False

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        shape = shapes.matrix(self.x)
        fits = self.rows.ndim == 2 and self.rows.shape[1] == shape.width
        require(fits, f"rows of shape {self.rows.shape} don't fit {shape.width} columns")
        require(self.n_neighbors > 0, "no neighbour is asked")
        return shape

    def n_buffered(self, _shapes: Shapes) -> int:
        """The distances to all rows, and the indices of the nearest."""
        return 4 * len(self.rows)

    def prepare(self, shapes: Shapes) -> Step:
        """Distances from the rows with missing values to all training rows."""
        x, n_neighbors = self.x, self.n_neighbors
        dtype = np.float32 if shapes.matrix(x).is_single else np.float64
        distances = _Distances(self.rows.astype(np.float64))
        weigh = _closeness if self.is_weighted else _presence
        columns = [
            (column, donors, self.rows[donors, column].astype(np.float64))
            for column, has_value in enumerate(~np.isnan(self.rows.T))
            for donors in [np.flatnonzero(has_value)]
            if len(donors)
        ]

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            holes = np.isnan(numbers)
            some = np.flatnonzero(holes.any(axis=1))
            if not len(some):
                return numbers
            filled = numbers.astype(dtype)
            far = distances(numbers[some], holes[some])
            for column, donors, donated in columns:
                rows = np.flatnonzero(holes[some, column])
                if len(rows):
                    mean = _mean(far[rows][:, donors], donated, n_neighbors, weigh)
                    filled[some[rows], column] = mean
            return filled

        return run


class _Distances:
    """Distances to the training rows over the columns that both have, summed as scikit-learn does."""

    def __init__(self, rows: Array) -> None:
        missing = np.isnan(rows)
        rows = np.where(missing, 0.0, rows)
        self.width = rows.shape[1]
        self.lengths = squared_lengths(rows)
        constants = (rows, missing.astype(np.float64), rows * rows, (~missing).astype(np.float64))
        self.products = [multiplier(constant.T) for constant in constants]

    def __call__(self, x: Array, missing: Array) -> Array:
        x = np.where(missing, 0.0, x.astype(np.float64, copy=False))
        of_rows, of_missing, of_squares, of_present = self.products
        far = -2 * of_rows(x)
        far += squared_lengths(x)[:, None]
        far += self.lengths
        np.maximum(far, 0, out=far)
        far -= of_missing(x * x)
        far -= of_squares(missing.astype(np.float64))
        np.maximum(far, 0, out=far)
        shared = of_present((~missing).astype(np.float64))
        far[shared == 0] = np.nan
        far /= np.maximum(shared, 1)
        far *= self.width
        distances: Array = np.sqrt(far, out=far)
        return distances


def _mean(far: Array, values: Array, n_neighbors: int, weigh: Any) -> Array:
    n_neighbors = min(n_neighbors, len(values))
    nearest = np.argpartition(far, n_neighbors - 1, axis=1)[:, :n_neighbors]
    weights = weigh(np.ascontiguousarray(np.take_along_axis(far, nearest, axis=1)))
    weights[np.isnan(weights)] = 0.0
    mean: Array = np.ascontiguousarray(values[nearest] * weights).sum(axis=1) / weights.sum(axis=1)
    # No column is shared with any donor: the mean of all of them.
    return np.where(np.isnan(far).all(axis=1), values.mean(), mean)


def _presence(far: Array) -> Array:
    return np.where(np.isnan(far), 0.0, 1.0)


def _closeness(far: Array) -> Array:
    """The inverse of the distance; if a donor equals the row, only such donors count."""
    weights = 1.0 / far
    same = np.isinf(weights)
    return np.where(same.any(axis=1, keepdims=True), same, weights)
