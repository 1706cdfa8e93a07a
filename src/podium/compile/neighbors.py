"""Nearest neighbours and centroids."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import Finite, Largest, Matmul, Nearest

Metric = Literal["euclidean", "manhattan", "chebyshev"]


def neighbors_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class that most of the nearest rows have."""
    if estimator.outputs_2d_:
        raise NotCompiled("it answers several outputs")
    classes = classes_of(estimator)
    truths = np.asarray(estimator._y).ravel().astype(int)  # noqa: SLF001 - numbers of classes
    shares = _nearest(estimator, build, x, np.eye(len(classes))[truths])
    return Fitted(index=build.add(Largest(shares)), classes=classes, probabilities=shares)


def neighbors_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The mean of the nearest rows."""
    truths = np.asarray(estimator._y, np.float64)  # noqa: SLF001 - no public name
    truths = truths.reshape(len(truths), -1)
    return Fitted(values=_nearest(estimator, build, x, truths))


def nearest_centroid(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class whose centre is nearest."""
    if estimator.metric != "euclidean":
        raise NotCompiled(f"its distance is {estimator.metric}")
    priors = getattr(estimator, "class_prior_", None)
    if priors is not None and not np.allclose(priors, 1 / len(estimator.classes_)):
        raise NotCompiled("its classes aren't equally likely")
    return nearest_of(estimator.centroids_, build, x, classes_of(estimator))


def nearest_of(centres: Any, build: Builder, x: Features, classes: Any) -> Fitted:
    """The class of the nearest of some centres, one a class."""
    scores = nearness(build, build.add(Finite(build.matrix(x))), centres)
    return Fitted(index=build.add(Largest(scores)), classes=tuple(classes))


def nearness(build: Builder, register: int, centres: Any) -> int:
    """A number a centre, the largest for the nearest: 2 x.c - c.c."""
    centres = np.asarray(centres, np.float64)
    bias = -(centres**2).sum(axis=1)
    return build.add(Matmul(register, np.ascontiguousarray(2.0 * centres.T), bias))


def _nearest(estimator: Any, build: Builder, x: Features, known: Any) -> int:
    if estimator.weights not in ("uniform", "distance"):
        raise NotCompiled("its weights are code, not data")
    if not isinstance(estimator._fit_X, np.ndarray):  # noqa: SLF001 - no public name
        raise NotCompiled("it was trained on sparse rows")
    return build.add(
        Nearest(
            build.add(Finite(build.matrix(x))),
            np.asarray(estimator._fit_X, np.float64),  # noqa: SLF001 - no public name
            known,
            int(estimator.n_neighbors),
            _metric(estimator),
            estimator.weights == "distance",
        )
    )


def _metric(estimator: Any) -> Metric:
    name, power = estimator.effective_metric_, estimator.effective_metric_params_.get("p", 2)
    names: dict[Any, Metric] = {
        "euclidean": "euclidean",
        "l2": "euclidean",
        "manhattan": "manhattan",
        "cityblock": "manhattan",
        "l1": "manhattan",
        "chebyshev": "chebyshev",
    }
    if name == "minkowski" and power in (1, 2):
        return "manhattan" if power == 1 else "euclidean"
    if name not in names:
        raise NotCompiled(f"its distance is {name!s:.40}")
    return names[name]


MODELS = {
    "sklearn.KNeighborsClassifier": neighbors_classifier,
    "sklearn.KNeighborsRegressor": neighbors_regressor,
    "sklearn.NearestCentroid": nearest_centroid,
}
