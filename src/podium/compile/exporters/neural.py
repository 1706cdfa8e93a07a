"""Neural networks: multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.multiclass import label_matrix
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import Above, Finite, Largest, Link, Matmul, Pair
from podium.program.operations.numbers.links import LinkName

_ACTIVATIONS: Mapping[str, LinkName | None] = {
    "exp": "exp",
    "identity": None,
    "logistic": "sigmoid",
    "relu": "relu",
    "softmax": "softmax",
    "tanh": "tanh",
}


def mlp_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The last layer."""
    return Fitted(values=_last_layer(estimator, build, x))


def mlp_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The last layer's probabilities; with one output, more than a half is the second class."""
    claims = _last_layer(estimator, build, x)
    if estimator.out_activation_ != "softmax" and build.width(claims) > 1:
        return label_matrix(build, claims, 0.5, are_shares=True)
    classes = classes_of(estimator)
    if build.width(claims) > 1:
        return Fitted(index=build.add(Largest(claims)), classes=classes, probabilities=claims)
    index = build.add(Above(claims, 0.5))
    return Fitted(index=index, classes=classes, probabilities=build.add(Pair(claims)))


def _last_layer(estimator: Any, build: Builder, x: Features) -> int:
    register = build.add(Finite(build.matrix(x)))
    n_layers = len(estimator.coefs_)
    for number, (weights, bias) in enumerate(
        zip(estimator.coefs_, estimator.intercepts_, strict=True), 1
    ):
        kind = np.float32 if weights.dtype == np.float32 else np.float64
        register = build.add(Matmul(register, weights.astype(kind), bias.astype(kind)))
        is_last = number == n_layers
        name = estimator.out_activation_ if is_last else estimator.activation
        if name not in _ACTIVATIONS:
            raise NotCompiled(f"its activation {name!r} isn't supported")
        link = _ACTIVATIONS[name]
        register = register if link is None else build.add(Link(register, link))
    return register


MODELS = {
    "sklearn.MLPClassifier": mlp_classifier,
    "sklearn.MLPRegressor": mlp_regressor,
}
