"""Models of statistics on their way into a bundle: labels, intervals, and rows without gaps."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from podium.errors import SetupError
from podium.packing.boosters import Booster
from podium.runtimes.formulas import design_of, variables_of
from podium.runtimes.statistical import (
    ChoiceModel,
    FormulaModel,
    IntervalModel,
    interval_frame,
    without_data,
)
from podium.table import Array

_CHOICES = ("Logit", "Probit", "MNLogit", "OrderedModel")
_BRACKETS = re.compile(r".*\[(?:T\.)?(.*)\]")


def is_statistical(model: Any) -> bool:
    """Whether it is what fitting a model of statsmodels returned."""
    return type(model).__module__.startswith("statsmodels.") and hasattr(model, "model")


def predicting(results: Any, intervals: float | None) -> Booster:
    """The model as it is packed.

    Args:
        intervals: the share of cases that its intervals hold; None for no intervals.

    Raises:
        SetupError: it has no intervals.
    """
    columns = getattr(results.model, "exog", None)
    if columns is None:  # of a time series
        return Booster(results)
    design = np.asarray(columns)[:10]
    lean = _lean(results, design)
    if intervals is not None:
        return Booster(_with_intervals(lean, design, intervals), is_changed=True)
    classes = _classes(results)
    if classes is None:
        return Booster(lean if design_of(lean) is None else FormulaModel(lean))
    return Booster(ChoiceModel(lean, classes), is_changed=True)


def _lean(results: Any, design: Array) -> Any:
    """The results without their data, if they still predict the same."""
    try:
        lean = without_data(results)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs, ours = (one.predict(design, transform=False) for one in (results, lean))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return results
    return lean if np.array_equal(theirs, ours, equal_nan=True) else results


def _with_intervals(results: Any, design: Array, level: float) -> IntervalModel:
    require_share(level)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = interval_frame(results, design, level, transform=False)
    except (AttributeError, NotImplementedError, TypeError) as error:
        kind = type(results.model).__name__
        raise SetupError(
            f"{kind} of statsmodels has no intervals for predictions", hint="leave out intervals"
        ) from error
    return IntervalModel(results, level, list(frame.columns))


def require_share(level: float) -> None:
    """Check the share of cases that intervals are to hold.

    Raises:
        SetupError: it isn't between 0 and 1.
    """
    if not 0 < level < 1:
        raise SetupError(
            f"intervals can't be {level!r}",
            hint="use the share of cases that they hold, as in 0.95",
        )


def _classes(results: Any) -> Array | None:
    """The classes of a discrete model; None if it predicts numbers."""
    model = results.model
    if type(model).__name__ not in _CHOICES:
        return None
    original = np.asarray(model.data.orig_endog)
    if original.ndim == 2 and original.shape[1] > 1:  # a formula made a column of each class
        columns = getattr(model.data.orig_endog, "columns", [])
        matches = [_BRACKETS.fullmatch(str(name)) for name in columns]
        found = [match[1] for match in matches if match]
        return np.array(found, object) if len(found) == original.shape[1] else None
    labels = getattr(model, "labels", None)
    classes = np.unique(original) if labels is None else np.asarray(labels)
    if type(model).__name__ in ("Logit", "Probit") and not np.array_equal(classes, [0, 1]):
        return None  # shares, or one class only
    is_whole = classes.dtype.kind == "f" and bool((classes == np.rint(classes)).all())
    return classes.astype(np.int64) if is_whole else classes


def complete_rows(model: Any, rows: Any) -> NDArray[np.bool_] | None:
    """Which rows lack no value that the model reads; None if all of them are complete.

    Its library leaves out the others when it fits, and predicts nothing for them.
    """
    if not is_statistical(model) or not hasattr(rows, "notna") or rows.ndim != 2:
        return None
    names = [name for name in variables_of(model) if name in rows.columns]
    some = rows[names] if names else rows
    complete = np.asarray(some.notna().all(axis=1), bool)
    return None if complete.all() or not complete.any() else complete
