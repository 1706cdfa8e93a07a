"""Models of statistics as models with labels, or with the bounds of their intervals as outputs."""

from __future__ import annotations

from collections.abc import Sequence
from types import MethodType
from typing import Any

import numpy as np

from podium.runtimes.designs import restored, state_of
from podium.runtimes.formulas import design_of
from podium.table import Array


class FormulaModel:
    """A model by a formula, which takes its design with it rather than the rows that it came from.

    Attributes:
        results: what fitting returned, without the rows.
    """

    _estimator_type = "regressor"

    def __init__(self, results: Any) -> None:
        self.results = results

    def predict(self, X: Any) -> Array:  # noqa: N803 - as everyone names it
        """As its results predict."""
        return np.asarray(self.results.predict(X))

    def __getstate__(self) -> dict[str, Any]:
        design = design_of(self.results)
        if design is None:
            return self.__dict__
        apart = _with_own_data(self.results)
        del apart.model.data.model_spec
        return self.__dict__ | {"results": apart, "design": state_of(design)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        design = state.pop("design", None)
        self.__dict__.update(state)
        if design is not None:
            self.results.model.data.model_spec = restored(design)


class ChoiceModel(FormulaModel):
    """The most probable class of a discrete model, whose own `predict` returns probabilities.

    Attributes:
        results: what fitting returned.
        classes_: in the order of its probabilities; of two classes it predicts the second one's.
    """

    _estimator_type = "classifier"

    def __init__(self, results: Any, classes: Array) -> None:
        super().__init__(results)
        self.classes_ = classes

    def predict_proba(self, X: Any) -> Array:  # noqa: N803 - as everyone names it
        """One column for each class."""
        shares = np.asarray(self.results.predict(X), np.float64)
        return np.column_stack([1 - shares, shares]) if shares.ndim == 1 else shares

    def predict(self, X: Any) -> Array:  # noqa: N803 - as everyone names it
        """The class with the largest probability; of two, the second one above 0.5.

        Raises:
            ValueError: a row lacks a value, so that it has no probability.
        """
        shares = self.predict_proba(X)
        if np.isnan(shares).any():
            raise ValueError("a row has no prediction: a value is missing")
        at = shares[:, 1] > 0.5 if shares.shape[1] == 2 else shares.argmax(axis=1)
        labels: Array = self.classes_[at.astype(np.intp)]
        return labels


class IntervalModel(FormulaModel):
    """A prediction and the bounds of its intervals, in the columns of `summary_frame`.

    Attributes:
        results: what fitting returned.
        level: the share of cases that an interval holds, such as 0.95.
        output_names_: of the columns.
    """

    _estimator_type = "regressor"

    def __init__(self, results: Any, level: float, output_names: Sequence[str]) -> None:
        super().__init__(results)
        self.level, self.output_names_ = level, list(output_names)

    def predict(self, X: Any) -> Array:  # noqa: N803 - as everyone names it
        """One column for each output; NaN in a row that lacks a value."""
        frame = interval_frame(self.results, X, self.level)
        if len(frame) != len(X):  # rows with missing values were left out
            frame = frame.reindex(X.index)
        columns: Array = frame[self.output_names_].to_numpy(np.float64)
        return columns


def interval_frame(
    results: Any,
    X: Any,  # noqa: N803 - as everyone names it
    level: float,
    *,
    transform: bool = True,
) -> Any:
    """The predictions and their bounds, as the library tabulates them, without standard errors.

    Args:
        transform: whether `X` goes through the formula, if there is one.
    """
    frame = results.get_prediction(X, transform=transform).summary_frame(alpha=1 - level)
    return frame.drop(columns=[name for name in ("mean_se", "se") if name in frame])


def without_data(results: Any) -> Any:
    """A copy of what statsmodels' fitting returned, without the rows that it was fitted on."""
    inner = getattr(results, "_results", None)
    if inner is None:
        return results
    for name in ("scale", "df_resid", "cov_type", "use_t"):  # computed from the rows when asked
        getattr(inner, name, None)
    lean = _with_own_data(results)
    model, n_rows = lean.model, len(inner.model.endog)
    lean._results.remove_data()  # noqa: SLF001 - of the copy
    for part in (lean._results, model.data):  # noqa: SLF001 - of the copy
        _drop_rows(part, n_rows)
    _drop_rows(model, n_rows)
    model.exog = inner.model.exog[:0]  # its width is asked for
    for name in ("model_main", "model_infl"):  # the parts of a zero-inflated model
        if hasattr(model, name):
            part = _apart(getattr(model, name))
            part.data = None
            _drop_rows(part, n_rows)
            setattr(model, name, part)
    if getattr(inner.model.data, "frame", None) is not None:
        model.data.frame = inner.model.data.frame.iloc[:0]  # with the names of its columns
    return lean


def _with_own_data(results: Any) -> Any:
    """A copy whose data can be changed."""
    inner = results._results  # noqa: SLF001 - wrapped by `results`
    apart = _apart(inner)
    apart.model = _apart(inner.model)
    apart.model.data = _apart(inner.model.data)
    apart._cache = dict(getattr(inner, "_cache", {}))  # noqa: SLF001 - emptied by remove_data
    return type(results)(apart)


def _drop_rows(part: Any, n_rows: int) -> None:
    """Empty what has as many rows as the data."""
    for name, value in list(vars(part).items()):
        if getattr(value, "shape", ())[:1] == (n_rows,):
            setattr(part, name, value.iloc[:0] if hasattr(value, "iloc") else value[:0])


def _apart(one: Any) -> Any:
    """A copy that shares the values; pickling hooks aren't called."""
    copy = object.__new__(type(one))
    copy.__dict__.update(one.__dict__)
    for name, value in one.__dict__.items():
        if isinstance(value, MethodType) and value.__self__ is one:
            copy.__dict__[name] = MethodType(value.__func__, copy)
    return copy
