"""Models that know how far a new observation may lie from their prediction: of pygam and ngboost."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.table import Array


class BoundedModel:
    """A prediction and the bounds of the interval in which a new observation lies.

    Attributes:
        model: a linear GAM of pygam, or a regressor of ngboost.
        level: the share of cases that an interval holds, such as 0.95.
        output_names_: of the columns.
    """

    _estimator_type = "regressor"
    output_names_ = ("prediction", "lower", "upper")

    def __init__(self, model: Any, level: float) -> None:
        self.model, self.level = model, level

    def predict(self, X: Any) -> Array:  # noqa: N803 - as everyone names it
        """One column for each output."""
        middle = np.asarray(self.model.predict(X), np.float64)
        return np.column_stack([middle, bounds_of(self.model, X, self.level)])


def has_bounds(model: Any) -> bool:
    """Whether it predicts an interval of a number, or its whole distribution."""
    libraries = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    if "ngboost" in libraries:
        is_number = not getattr(getattr(model, "Dist", None), "multi_output", False)
        return is_number and hasattr(model, "pred_dist") and not hasattr(model, "predict_proba")
    return "pygam" in libraries and hasattr(model, "prediction_intervals")


def bounds_of(model: Any, X: Any, level: float) -> Array:  # noqa: N803 - as everyone names it
    """The ends of the interval that leaves out as many cases below as above, shape (n_rows, 2)."""
    if hasattr(model, "prediction_intervals"):  # pygam
        return np.asarray(model.prediction_intervals(X, width=level), np.float64)
    found = model.pred_dist(X)
    quantile = getattr(found, "dist", found).ppf  # that of SciPy: some classes of ngboost lack it
    ends = [quantile(np.full(len(found), share)) for share in ((1 - level) / 2, (1 + level) / 2)]
    return np.column_stack(ends).astype(np.float64)
