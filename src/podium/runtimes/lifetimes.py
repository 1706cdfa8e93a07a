"""Regressions of lifelines, which have no `predict` of their own, as models that predict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from podium.errors import SetupError

# What fitting leaves in a fitter with a value for each row of the training data.
_BY_ROW = (
    *("durations", "event_observed", "weights", "entry", "lower_bound", "upper_bound", "_clusters"),
    *("_predicted_median", "_predicted_hazards_", "_predicted_partial_hazards_"),
)
# The intercept that lifelines adds to the columns by itself.
_INTERCEPT = "Intercept"


def is_lifetimes(model: Any) -> bool:
    """Whether it is a regression of lifelines, or of a class that extends one."""
    return _is_a(model, "RegressionFitter")


class LifetimeModel:
    """A fitted regression of lifelines, with the output that suits its kind.

    A Cox model predicts the `risk`, its partial hazard: how many times the average hazard a row has. A
    model of accelerated failure times predicts the `median` lifetime. Of the others a curve may end
    before it falls to one half, so that the median would be infinite: they predict the `expectation`,
    which is the area below the curve up to the last time in training.

    Attributes:
        fitter: of lifelines.
        output_names_: the single output.
        feature_names_in_: the columns that it reads; those that divide it into strata only if it has
            to know the curve of a row.

    Raises:
        SetupError: it isn't fitted.
    """

    _estimator_type = "regressor"

    def __init__(self, fitter: Any, *, has_curves: bool = False) -> None:
        name = type(fitter).__name__
        if not hasattr(getattr(fitter, "regressors", None), "mappings"):
            raise SetupError(f"{name} isn't fitted", hint="fit it, then pack it")
        self.fitter = fitter
        if callable(getattr(fitter, "predict_partial_hazard", None)):
            self.output_names_ = ["risk"]
        else:
            is_accelerated = _is_a(fitter, "ParametericAFTRegressionFitter")
            self.output_names_ = ["median" if is_accelerated else "expectation"]
        self.strata = strata_of(fitter) if has_curves or self.output_names_ != ["risk"] else {}
        self.feature_names_in_ = _columns(fitter, self.strata)

    @property
    def n_features_in_(self) -> int:
        """The number of these columns."""
        return len(self.feature_names_in_)

    @property
    def designs(self) -> list[Any]:
        """The formulas that it was fitted with, one for each parameter, as formulaic specifies them."""
        return [one for one in self.fitter.regressors.mappings.values() if _is_design(one)]

    @property
    def has_curves(self) -> bool:
        """Whether it has a survival function."""
        return callable(getattr(self.fitter, "predict_survival_function", None))

    @property
    def last_time(self) -> float:
        """How far its curves reach: infinitely, if they have a formula; else as far as in training."""
        inner = getattr(self.fitter, "_model", self.fitter)
        if _is_a(inner, "ParametricRegressionFitter"):
            return float("inf")
        return float(np.max(self.fitter.durations))

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: N803 - as everyone names it
        """Its output, shape (n_rows,)."""
        rows = self._frame(X)
        asked = {"risk": "partial_hazard"}.get(self.output_names_[0], self.output_names_[0])
        found = getattr(self.fitter, f"predict_{asked}")(rows)
        return np.asarray(found, np.float64).reshape(len(rows))

    def survival_at(self, X: Any, times: Sequence[float]) -> NDArray[np.float64]:  # noqa: N803
        """The probabilities that nothing has happened by these times, shape (n_rows, n_times)."""
        rows = self._frame(X)
        ordered, places = np.unique(times, return_inverse=True)
        curves = self.fitter.predict_survival_function(rows, times=ordered)
        known = np.asarray(curves.index, np.float64)
        curves = np.asarray(
            curves[rows.index], np.float64
        )  # those of strata come one after another
        if not np.array_equal(known, ordered):  # an additive model returns the times of training
            steps = np.searchsorted(known, ordered, side="right")
            curves = np.concatenate([np.ones((1, len(rows))), curves])[steps]
        shares: NDArray[np.float64] = curves[places].T
        return shares

    def _frame(self, X: Any) -> Any:  # noqa: N803 - as everyone names it
        """The rows as a frame of pandas, numbered from 0: lifelines looks its results up by index."""
        import pandas as pd

        if hasattr(X, "to_pandas"):
            X = X.to_pandas()  # noqa: N806 - as everyone names it
        is_named = not isinstance(X, np.ndarray)
        frame = pd.DataFrame(X, columns=None if is_named else self.feature_names_in_)
        return frame.reset_index(drop=True)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"fitter": _without_rows(self.fitter)}


def strata_of(fitter: Any) -> dict[str, tuple[Any, ...]]:
    """The columns that divide a fitter into strata, with their values in training."""
    strata = getattr(fitter, "strata", None)
    values = getattr(fitter, "_central_values", None)  # it has a row for each of them
    if not strata or values is None:
        return {}
    names = [strata] if isinstance(strata, str) else list(strata)
    return {
        str(name): tuple(values.index.get_level_values(place).unique().tolist())
        for place, name in enumerate(names)
    }


def _columns(fitter: Any, strata: Iterable[str]) -> list[str]:
    """The columns that a fitter reads, in the order of its training frame where that is known."""
    read = dict.fromkeys(name for one in fitter.regressors.mappings.values() for name in _read(one))
    frame = getattr(fitter, "_central_values", None)
    known = [] if frame is None else [str(name) for name in frame.columns]
    return [
        *strata,
        *(name for name in known if name in read),
        *(n for n in read if n not in known),
    ]


def _read(mapping: Any) -> Iterator[str]:
    """The columns that the mapping of one parameter reads: a formula, or a list of names."""
    if _is_design(mapping):
        yield from sorted(map(str, mapping.required_variables))
    else:
        yield from (str(name) for name in mapping if name != _INTERCEPT)


def _is_design(mapping: Any) -> bool:
    return hasattr(mapping, "get_model_matrix")


def _is_a(model: Any, name: str) -> bool:
    """Whether a class of lifelines with this name is among its bases."""
    bases = type(model).__mro__
    return any(one.__name__ == name and one.__module__.startswith("lifelines.") for one in bases)


def _without_rows(fitter: Any) -> Any:
    """A copy without what it knows of single rows of the training data."""
    lean = object.__new__(type(fitter))
    for name, value in vars(fitter).items():
        if name not in _BY_ROW:
            lean.__dict__[name] = _without_rows(value) if name == "_model" else value
    return lean
