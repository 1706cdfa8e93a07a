"""Multi-layer perceptrons."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import Above, Finite, Largest, Link, Matmul, Pair
from podium.program.operations.links import LinkName

LINKS: dict[str, LinkName | None] = {
    "identity": None,
    "logistic": "sigmoid",
    "softmax": "softmax",
    "tanh": "tanh",
    "relu": "relu",
    "exp": "exp",
}


def perceptron_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """What comes out of the last layer."""
    return Fitted(values=_layers(estimator, build, x))


def perceptron_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class of the last layer's largest unit; of two classes, whether its only unit is high."""
    out = _layers(estimator, build, x)
    if estimator.out_activation_ == "softmax":
        index = build.add(Largest(out))
        return Fitted(index=index, classes=classes_of(estimator), probabilities=out)
    if build.width(out) != 1:
        raise NotCompiled("it answers several labels at once")
    index = build.add(Above(out, 0.5))
    return Fitted(index=index, classes=classes_of(estimator), probabilities=build.add(Pair(out)))


def _layers(estimator: Any, build: Builder, x: Features) -> int:
    register = build.add(Finite(build.matrix(x)))
    n_layers = len(estimator.coefs_)
    for number, (weights, bias) in enumerate(
        zip(estimator.coefs_, estimator.intercepts_, strict=True)
    ):
        register = build.add(Matmul(register, np.ascontiguousarray(weights), np.asarray(bias)))
        is_last = number == n_layers - 1
        name = estimator.out_activation_ if is_last else estimator.activation
        if name not in LINKS:
            raise NotCompiled(f"its activation is {name}")
        link = LINKS[name]
        register = register if link is None else build.add(Link(register, link))
    return register


MODELS = {
    "sklearn.MLPClassifier": perceptron_classifier,
    "sklearn.MLPRegressor": perceptron_regressor,
}
