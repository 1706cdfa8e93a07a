"""Survival models, with the probabilities of surviving some times as outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from podium.errors import SetupError
from podium.runtimes.lifetimes import LifetimeModel, is_lifetimes
from podium.runtimes.steps import model_in


class SurvivalAt:
    """A fitted survival model of scikit-survival or lifelines, asked about some times.

    Its outputs are what the model itself predicts, such as the `risk`, and the probability that nothing
    has happened by each time, such as `survival_365`.

    Args:
        model: with `predict_survival_function`; a pipeline of scikit-learn may end with it.
        times: in the unit of the times that it was trained on.

    Raises:
        SetupError: the model has no survival function, or a time isn't among those of training.
    """

    def __init__(self, model: Any, times: Sequence[float]) -> None:
        if is_lifetimes(model):
            model = LifetimeModel(model, has_curves=True)
        known = _known_times(model)
        if known is None:
            raise SetupError(
                f"{type(getattr(model, 'fitter', model)).__name__} has no survival function",
                hint="pass a fitted model of scikit-survival or lifelines, such as "
                "CoxPHSurvivalAnalysis or CoxPHFitter",
            )
        last = float(np.max(known))
        odd = next((time for time in times if not 0 < time <= last or np.isinf(time)), None)
        if odd is not None or not len(times):
            raise SetupError(
                "there are no times" if odd is None else f"{odd:g} isn't among the training times",
                hint=f"give times above 0 and up to {last:g}, the last one in training"
                if np.isfinite(last)
                else "give finite times above 0",
            )
        self.estimator = model
        self.times = tuple(map(float, times))
        self.known_times = np.asarray(known, np.float64)

    @property
    def output_names_(self) -> tuple[str, ...]:
        """The names of the outputs."""
        own = getattr(self.estimator, "output_names_", ("risk",))
        return (*own, *(f"survival_{time:g}" for time in self.times))

    @property
    def feature_names_in_(self) -> Any:
        """The columns of the model."""
        return self.estimator.feature_names_in_

    @property
    def n_features_in_(self) -> int:
        """The number of these columns."""
        return int(self.estimator.n_features_in_)

    def predict(self, rows: Any) -> NDArray[np.float64]:
        """The risk and the probabilities, shape (n_rows, 1 + n_times)."""
        risks = np.asarray(self.estimator.predict(rows), np.float64)
        if isinstance(self.estimator, LifetimeModel):
            return np.column_stack([risks, self.estimator.survival_at(rows, self.times)])
        curves = self.estimator.predict_survival_function(rows, return_array=True)
        # A curve steps down at each known time; before the first one nothing has happened.
        places = np.searchsorted(self.known_times, self.times, side="right")
        stepped = np.concatenate([np.ones((len(risks), 1)), curves], axis=1)[:, places]
        return np.concatenate([risks[:, None], stepped], axis=1)


def _known_times(model: Any) -> Any:
    """The times that a model can be asked about, the last one at least; None if there are none."""
    if isinstance(model, LifetimeModel):
        return [model.last_time] if model.has_curves else None
    known = getattr(model_in(model), "unique_times_", None)
    return known if hasattr(model, "predict_survival_function") else None
