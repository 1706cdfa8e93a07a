"""Survival models, with the probabilities of surviving some times as outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from podium.errors import SetupError
from podium.runtimes.steps import model_in


class SurvivalAt:
    """A fitted survival model of scikit-survival, asked about some times.

    Its outputs are the `risk`, which is what the model itself predicts, and the probability that nothing
    has happened by each time, such as `survival_365`.

    Args:
        model: with `predict_survival_function`; a pipeline of scikit-learn may end with it.
        times: in the unit of the times that it was trained on.

    Raises:
        SetupError: the model has no survival function, or a time isn't among those of training.
    """

    def __init__(self, model: Any, times: Sequence[float]) -> None:
        known = getattr(model_in(model), "unique_times_", None)
        if known is None or not hasattr(model, "predict_survival_function"):
            raise SetupError(
                f"{type(model).__name__} has no survival function",
                hint="pass a fitted model of scikit-survival, such as CoxPHSurvivalAnalysis",
            )
        last = float(np.max(known))
        odd = next((time for time in times if not 0 < time <= last), None)
        if odd is not None or not len(times):
            raise SetupError(
                "there are no times" if odd is None else f"{odd:g} isn't among the training times",
                hint=f"give times above 0 and up to {last:g}, the last one in training",
            )
        self.estimator = model
        self.times = tuple(map(float, times))
        self.known_times = np.asarray(known, np.float64)

    @property
    def output_names_(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return ("risk", *(f"survival_{time:g}" for time in self.times))

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
        curves = self.estimator.predict_survival_function(rows, return_array=True)
        # A curve steps down at each known time; before the first one nothing has happened.
        places = np.searchsorted(self.known_times, self.times, side="right")
        stepped = np.concatenate([np.ones((len(risks), 1)), curves], axis=1)[:, places]
        return np.concatenate([risks[:, None], stepped], axis=1)
