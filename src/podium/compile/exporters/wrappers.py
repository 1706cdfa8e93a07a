"""Wrappers of one model: searches, frozen models, thresholds, transformed targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.ensemble import probabilities_of, scores_of, values_of
from podium.compile.exporters.inverses import function_inverted, inverted
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import Above, Select
from podium.runtimes.thresholds import positive_class


def search(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The best candidate of the search."""
    if not hasattr(estimator, "best_estimator_"):
        raise NotCompiled("it wasn't fitted again with the best parameters (refit=False)")
    return build.model(estimator.best_estimator_, x, "best")


def frozen(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The model inside."""
    return build.model(estimator.estimator, x, "frozen")


def threshold_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """One of two classes wins from a custom threshold on."""
    fitted = build.model(estimator.estimator_, x, "model")
    classes = classes_of(estimator)
    if len(classes) != 2:
        raise NotCompiled("it has more than two classes")
    method = estimator.response_method
    is_share = method == "predict_proba" or (
        method == "auto" and hasattr(estimator, "predict_proba")
    )
    threshold = getattr(estimator, "best_threshold_", None)
    threshold = estimator.threshold if threshold is None else threshold
    threshold = (0.5 if is_share else 0.0) if threshold == "auto" else float(threshold)
    is_first = positive_class(estimator, classes) == classes[0]
    if is_share:
        column = np.array([0 if is_first else 1], np.int32)
        score = build.add(Select(probabilities_of(fitted), column))
        score = build.scale(score, multiply=-1.0) if is_first else score
    else:
        score = scores_of(fitted)  # of the second class: that of the first is its opposite
    # The first class also wins at the threshold, the second one only above it.
    above = Above(score, -threshold) if is_first else Above(score, threshold, or_equal=True)
    return Fitted(
        index=build.add(above),
        classes=classes,
        probabilities=fitted.probabilities,
        scores=fitted.scores,
    )


def transformed_target(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A model of a transformed target, with the inverse transformation."""
    values = values_of(build.model(estimator.regressor_, x, "regressor"))
    inverse = estimator.inverse_func
    if estimator.transformer is not None:
        return Fitted(values=inverted(estimator.transformer_, build, values))
    if inverse is None:
        return Fitted(values=values)
    return Fitted(values=function_inverted(inverse, build, values))


MODELS = {
    "sklearn.FixedThresholdClassifier": threshold_classifier,
    "sklearn.FrozenEstimator": frozen,
    "sklearn.GridSearchCV": search,
    "sklearn.HalvingGridSearchCV": search,
    "sklearn.HalvingRandomSearchCV": search,
    "sklearn.RandomizedSearchCV": search,
    "sklearn.TransformedTargetRegressor": transformed_target,
    "sklearn.TunedThresholdClassifierCV": threshold_classifier,
}
