"""Models around one model: searches, frozen ones, other thresholds, other scales of the target."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.ensemble import probabilities_of, values_of
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import Above, Link, Select
from podium.program.operations.links import LinkName

# The functions that undo what was done to a target, as links.
INVERSES: dict[Any, LinkName] = {
    np.exp: "exp",
    np.expm1: "expm1",
    np.log: "log",
    np.log1p: "log1p",
    np.square: "square",
    np.sqrt: "sqrt",
}


def search(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The best of what was tried."""
    if not hasattr(estimator, "best_estimator_"):
        raise NotCompiled("it wasn't fitted again with the best parameters (refit=False)")
    return build.model(estimator.best_estimator_, x, "best")


def frozen(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The model inside."""
    return build.model(estimator.estimator, x, "frozen")


def threshold_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The second class wins above a threshold of one's own."""
    fitted = build.model(estimator.estimator_, x, "model")
    classes = classes_of(estimator)
    if len(classes) != 2 or estimator.response_method == "decision_function":
        raise NotCompiled("its threshold is no probability")
    positive = getattr(estimator, "pos_label", None)
    if positive is not None and positive != classes[1]:
        raise NotCompiled("its threshold is for the first class")
    threshold = getattr(estimator, "best_threshold_", None)
    if threshold is None:
        threshold = 0.5 if estimator.threshold == "auto" else estimator.threshold
    second = build.add(Select(probabilities_of(fitted), np.array([1], np.int32)))
    index = build.add(Above(second, float(threshold), or_equal=True))
    return Fitted(
        index=index, classes=classes, probabilities=fitted.probabilities, scores=fitted.scores
    )


def transformed_target(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A model of a target on another scale, brought back."""
    values = values_of(build.model(estimator.regressor_, x, "regressor"))
    inverse = estimator.inverse_func
    if estimator.transformer is not None:
        return Fitted(values=_unscaled(estimator.transformer_, build, values))
    if inverse is None:
        return Fitted(values=values)
    if inverse not in INVERSES:
        raise NotCompiled("the function that brings its target back is code, not data")
    return Fitted(values=build.add(Link(values, INVERSES[inverse])))


def _unscaled(scaler: Any, build: Builder, values: int) -> int:
    name = type(scaler).__name__
    if name == "StandardScaler":
        scale = scaler.scale_ if scaler.with_std else None
        mean = scaler.mean_ if scaler.with_mean else None
        return build.scale(values, multiply=scale, add=mean)
    if name == "MinMaxScaler":
        return build.scale(values, subtract=scaler.min_, divide=scaler.scale_)
    if name == "RobustScaler":
        scale = scaler.scale_ if scaler.with_scaling else None
        center = scaler.center_ if scaler.with_centering else None
        return build.scale(values, multiply=scale, add=center)
    if name == "MaxAbsScaler":
        return build.scale(values, multiply=scaler.scale_)
    raise NotCompiled(f"{name} isn't brought back here")


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
