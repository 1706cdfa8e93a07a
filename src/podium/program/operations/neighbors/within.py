"""Predictions from the rows within a radius."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from podium.errors import ModelError
from podium.program.arrays import Floats
from podium.program.blocks import multiplier
from podium.program.operations.neighbors.distances import MetricName, measured
from podium.program.operations.neighbors.search import squares
from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
    require_rows,
    require_vector,
)
from podium.table import Array

# This many distances are held at a time: two megabytes.
_BUFFERED_MAX = 262_144


class Within(Operation, frozen=True, tag="within"):
    """The mean target of the rows within the radius.

    Attributes:
        rows: of the model.
        known: one row of targets for each of them.
        metric: of the distance.
        power: of the differences, for `minkowski`.
        by_product: whether squared distances are computed as |x|² - 2 x.y + |y|², to round as the
            original.
        by_distance: whether rows count by the inverse of their distance; if any are at distance 0,
            only they count.
        otherwise: the prediction if no row is near; without it such a row is refused.
    """

    may_warn: ClassVar[bool] = True

    x: Register
    rows: Floats
    known: Floats
    radius: float
    metric: MetricName = "euclidean"
    power: float = 2.0
    by_product: bool = False
    by_distance: bool = False
    otherwise: Floats | None = None

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the targets."""
        width, rows, targets = shapes.matrix(self.x).width, self.rows, self.known
        require_rows(self.rows, width)
        fits = targets.ndim == 2 and len(targets) == len(rows) > 0
        require(fits, f"{len(targets)} rows are known of {len(rows)}")
        require(self.power > 0, f"no distance has the power {self.power}")
        fits = not self.by_product or self.metric == "euclidean"
        require(fits, "only euclidean distances are products")
        require_vector(self.otherwise, targets.shape[1], "what is answered otherwise")
        return Shape(targets.shape[1])

    def prepare(self, _shapes: Shapes) -> Step:
        """All distances, some rows at a time."""
        x, targets, otherwise = self.x, self.known.astype(np.float64), self.otherwise
        is_square = self.metric == "euclidean"  # before the root is taken, as in trees of rows
        measure = (
            squares(self.rows.astype(np.float64))
            if self.by_product
            else measured(self.rows, "square" if is_square else self.metric, self.power)
        )
        radius = self.radius**2 if is_square else self.radius
        at_once = max(1, _BUFFERED_MAX // len(self.rows))
        add_targets = multiplier(targets)

        def weights_of(rows: Array) -> Array:
            far = measure(rows)
            inside = far <= radius
            if not self.by_distance:
                return inside.astype(np.float64)
            same = inside & (far == 0.0)
            near = np.where(inside, 1.0 / (np.sqrt(far) if is_square else far), 0.0)
            return np.where(same.any(axis=1, keepdims=True), same, near)

        def means(rows: Array) -> Array:
            weights = weights_of(rows)
            total = weights.sum(axis=1, keepdims=True)
            means: Array = add_targets(weights) / total
            alone = total[:, 0] == 0
            if alone.any():
                if otherwise is None:
                    raise ModelError("no row of the training data is near enough")
                means[alone] = otherwise
            return means

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            rows: Array = values[x]
            if len(rows) <= at_once:
                return means(rows)
            starts = range(0, len(rows), at_once)
            return np.concatenate([means(rows[at : at + at_once]) for at in starts])

        return run
