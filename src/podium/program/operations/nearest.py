"""What is known of the rows nearest to a row; and numbers that must not be negative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

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

# Differences of this many numbers are held at a time.
HELD_MAX = 4_000_000


class Nearest(Operation, frozen=True, tag="nearest"):
    """The mean of what is known of the nearest rows that a model keeps.

    Attributes:
        rows: that are kept.
        known: of each of them, a row a row.
        n_nearest: how many count; of equals, those that were kept first.
        metric: of the distance.
        by_distance: nearer ones count more, by 1 / distance; a distance of 0 leaves no others.
    """

    may_warn: ClassVar[bool] = True

    x: Register
    rows: Floats
    known: Floats
    n_nearest: int
    metric: Literal["euclidean", "manhattan", "chebyshev"] = "euclidean"
    by_distance: bool = False

    def check(self, shapes: Shapes) -> Shape:
        """As wide as what is known."""
        width = shapes.matrix(self.x).width
        fits = self.rows.ndim == 2 and self.rows.shape[1] == width
        require(fits, f"rows of shape {self.rows.shape} aren't {width} columns wide")
        known = self.known.ndim == 2 and len(self.known) == len(self.rows)
        require(known, "what is known isn't of the rows")
        require(0 < self.n_nearest <= len(self.rows), f"there are no {self.n_nearest} rows")
        return Shape(self.known.shape[1])

    def prepare(self, _shapes: Shapes) -> Step:
        """All distances of some rows at a time, and the smallest of them."""
        x, rows, known = self.x, self.rows.astype(np.float64), self.known.astype(np.float64)
        at_once = max(1, HELD_MAX // max(1, rows.size))

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers = values[x].astype(np.float64, copy=False)
            out = np.empty((len(numbers), known.shape[1]))
            for at in range(0, len(numbers), at_once):
                part = slice(at, at + at_once)
                out[part] = self._means(numbers[part], rows, known)
            return out

        return run

    def _means(self, numbers: Array, rows: Array, known: Array) -> Array:
        away = numbers[:, None, :] - rows
        if self.metric == "euclidean":
            distances = np.einsum("ijk,ijk->ij", away, away)
        elif self.metric == "manhattan":
            distances = np.abs(away).sum(axis=2)
        else:
            distances = np.abs(away).max(axis=2)
        nearest = np.argsort(distances, axis=1, kind="stable")[:, : self.n_nearest]
        if not self.by_distance:
            mean: Array = known[nearest].mean(axis=1)
            return mean
        near = np.take_along_axis(distances, nearest, axis=1)
        near = np.sqrt(near) if self.metric == "euclidean" else near
        weights = 1.0 / near
        same = np.isinf(weights)
        weights = np.where(same.any(axis=1, keepdims=True), same.astype(np.float64), weights)
        total: Array = (known[nearest] * weights[:, :, None]).sum(axis=1)
        share: Array = total / weights.sum(axis=1, keepdims=True)
        return share


class Positive(Operation, frozen=True, tag="positive"):
    """The same numbers, refused where one is negative, NaN or infinite."""

    may_warn: ClassVar[bool] = False

    x: Register

    def check(self, shapes: Shapes) -> Shape:
        """What it reads."""
        return shapes.matrix(self.x)

    def prepare(self, _shapes: Shapes) -> Step:
        """One comparison."""
        x = self.x

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            numbers: Array = values[x]
            if not (np.isfinite(numbers) & (numbers >= 0)).all():
                raise ModelError("the model takes no negative, missing or infinite values here")
            return numbers

        return run
