"""Classifiers with a threshold, whose label isn't simply the most probable one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from podium.signature import Threshold

# Wrappers that return the labels of the classifier inside. CalibratedClassifierCV doesn't: it
# returns the most probable label, whatever the threshold of the classifier inside.
_INNER = ("best_estimator_", "estimator")
_PASSING = ("GridSearchCV", "RandomizedSearchCV", "FrozenEstimator")


def threshold_of(estimator: Any, frame: Any) -> Threshold | None:
    """The threshold of a classifier with two labels; None if it is an ordinary one.

    Args:
        frame: a few rows; None is returned if their labels don't follow the threshold.
    """
    owner = _owner(estimator)
    if owner is None:
        return None
    classes = np.asarray(owner.classes_)
    try:
        positive = positive_class(owner, classes)
        is_share, value = _value(owner)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if is_share:
                scores = estimator.predict_proba(frame)[:, classes.tolist().index(positive)]
            else:
                sign = 1.0 if positive == classes[1] else -1.0
                scores = sign * np.asarray(estimator.decision_function(frame))
            follows = (np.asarray(estimator.predict(frame)) == positive) == (scores >= value)
    except Exception:  # noqa: BLE001 - another version, or no readable threshold
        return None
    if not follows.all():
        return None
    label = positive.item() if isinstance(positive, np.generic) else positive
    return Threshold(
        label=label, value=value, of="probability" if is_share else "decision_function"
    )


def _owner(estimator: Any) -> Any | None:
    """The classifier with the threshold: the estimator itself, or one whose labels it returns."""
    name = type(estimator).__name__
    if name in ("TunedThresholdClassifierCV", "FixedThresholdClassifier"):
        return estimator
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps:
        return _owner(steps[-1][1])
    if name in _PASSING or name.startswith("Halving"):
        inner = next((getattr(estimator, one) for one in _INNER if hasattr(estimator, one)), None)
        return None if inner is None else _owner(inner)
    return None


def positive_class(owner: Any, classes: Any) -> Any:
    """The class that is predicted at or above the threshold."""
    scorer = getattr(owner, "_curve_scorer", None)
    positive = getattr(owner, "pos_label", None)
    if scorer is not None:
        positive = scorer._get_pos_label()  # noqa: SLF001 - as in its predict
    return classes[1] if positive is None else positive


def _value(owner: Any) -> tuple[bool, float]:
    """The threshold, and whether it is a probability."""
    method = owner.response_method
    is_share = method == "predict_proba" or (method == "auto" and hasattr(owner, "predict_proba"))
    value = getattr(owner, "best_threshold_", None)
    value = owner.threshold if value is None else value
    return is_share, (0.5 if is_share else 0.0) if value == "auto" else float(value)
