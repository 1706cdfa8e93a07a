"""Calibrated probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.ensemble import average, probabilities_of
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import (
    Clip,
    Interpolate,
    Join,
    Largest,
    Link,
    Matmul,
    Pair,
    Select,
)

# Added to probabilities before their logarithm is taken.
_EPSILON = 1e-12


def calibrated_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The mean of several models, each with its own calibration."""
    parts = [
        _corrected(one, build, x, f"member {number}")
        for number, one in enumerate(estimator.calibrated_classifiers_)
    ]
    mean = average(build, parts, None) if len(parts) > 1 else parts[0]
    index = build.add(Largest(mean))
    return Fitted(index=index, classes=classes_of(estimator), probabilities=mean)


def _corrected(one: Any, build: Builder, x: Features, name: str) -> int:
    if one.method not in ("sigmoid", "isotonic", "temperature"):
        raise NotCompiled(f"it is calibrated by {one.method}")
    classes = np.asarray(one.classes).tolist()
    fitted = build.model(one.estimator, x, name)
    if one.method == "temperature":
        return _tempered(one, build, fitted)
    decision = _decision(one.estimator, build, fitted, len(classes))
    places = [classes.index(label) for label in np.asarray(one.estimator.classes_).tolist()]
    columns: dict[int, int] = {}
    for number, (place, calibrator) in enumerate(zip(places, one.calibrators, strict=False)):
        column = decision
        if build.width(decision) > 1:
            column = build.add(Select(decision, np.array([number], np.int32)))
        corrected = _through(build, calibrator, column)
        columns[place + 1 if len(classes) == 2 else place] = corrected
    if len(classes) == 2:
        return _capped(build, build.add(Pair(columns[1])))
    if len(columns) < len(classes):
        raise NotCompiled("a fold of its training lacked a class")
    joined = build.add(Join(tuple(columns[place] for place in range(len(classes)))))
    return _capped(build, build.add(Link(joined, "share")))


def _tempered(one: Any, build: Builder, fitted: Fitted) -> int:
    """Logarithms of probabilities, or decisions, times one number."""
    if hasattr(one.estimator, "decision_function"):
        logits = _decision(one.estimator, build, fitted, len(one.classes))
        if build.width(logits) == 1:
            logits = build.add(Matmul(logits, np.array([[-1.0, 1.0]])))
    else:
        logits = build.add(Link(build.scale(probabilities_of(fitted), add=_EPSILON), "log"))
    if build.width(logits) != len(one.classes):
        raise NotCompiled("a fold of its training lacked a class")
    inverse = float(one.calibrators[0].beta_)
    return _capped(build, build.add(Link(build.scale(logits, multiply=inverse), "softmax")))


def _decision(estimator: Any, build: Builder, fitted: Fitted, n_classes: int) -> int:
    """The register of the decision function, or of the probabilities; of two classes, the second."""
    if hasattr(estimator, "decision_function"):
        if fitted.scores is None:
            raise NotCompiled("the decision function of the nested model can't be exported")
        return fitted.scores
    shares = probabilities_of(fitted)
    return build.add(Select(shares, np.array([1], np.int32))) if n_classes == 2 else shares


def _through(build: Builder, calibrator: Any, column: int) -> int:
    if hasattr(calibrator, "a_"):  # sigmoid: 1 / (1 + exp(a x + b))
        score = build.scale(column, multiply=-float(calibrator.a_), add=-float(calibrator.b_))
        return build.add(Link(score, "sigmoid"))
    knots = np.asarray(calibrator.X_thresholds_, np.float64)
    heights = np.asarray(calibrator.y_thresholds_, np.float64)
    return build.add(Interpolate(column, knots, heights))


def _capped(build: Builder, shares: int) -> int:
    """Probabilities above 1 because of rounding, clipped to 1."""
    width = build.width(shares)
    return build.add(Clip(shares, np.zeros(width), np.ones(width)))


MODELS = {"sklearn.CalibratedClassifierCV": calibrated_classifier}
