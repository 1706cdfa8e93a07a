"""A conformal model with the bounds of its interval as outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.table import Array


class ConformalModel:
    """The prediction of a model of MAPIE, and the bounds of its interval.

    Attributes:
        model: of MAPIE.
        place: of the confidence level among those of the model.
        half_width: how far the bounds are from each prediction, if that is the same in all rows.
        inner: the model that makes the predictions, if there is a single one.
        output_names_: of the columns.
    """

    _estimator_type = "regressor"
    output_names_ = ("prediction", "lower", "upper")

    def __init__(self, model: Any, place: int) -> None:
        self.model, self.place = model, place
        self.half_width: float | None = None
        self.inner: Any = None

    def predict(self, X: Any) -> Array:  # noqa: N803 - as everyone names it
        """One column for each output."""
        middle, bounds = self.model.predict_interval(X)
        bounds = np.asarray(bounds, np.float64)[:, :, self.place]
        return np.column_stack([np.asarray(middle, np.float64).ravel(), bounds])
