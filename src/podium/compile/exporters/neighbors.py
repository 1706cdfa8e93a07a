"""Nearest neighbours and centroids."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import (
    Distance,
    Finite,
    Largest,
    Link,
    Matmul,
    Nearest,
    Nodes,
    Select,
    Within,
)
from podium.program.operations.neighbors.distances import MetricName

# Sparse rows are written out up to this many numbers: 128 MiB.
DENSE_MAX = 1 << 24


def neighbors_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class that most of the nearest rows have."""
    return _likeliest(estimator, build, _nearest(estimator, build, x, _shares(estimator)))


def _labels(estimator: Any) -> list[Any]:
    """The classes of each output."""
    return list(estimator.classes_) if estimator.outputs_2d_ else [estimator.classes_]


def _shares(estimator: Any) -> Any:
    """A one in the column of each training row's class, for each output."""
    truths = np.asarray(estimator._y)  # noqa: SLF001 - indices of classes
    truths = truths.reshape(len(truths), -1).astype(int)
    labels = _labels(estimator)
    parts = [np.eye(len(some))[column] for some, column in zip(labels, truths.T, strict=True)]
    return np.concatenate(parts, axis=1)


def _likeliest(estimator: Any, build: Builder, shares: int) -> Fitted:
    """The class with the largest share, for each output."""
    if not estimator.outputs_2d_:
        index = build.add(Largest(shares))
        return Fitted(index=index, classes=classes_of(estimator), probabilities=shares)
    labels = _labels(estimator)
    starts = np.cumsum([0, *(len(some) for some in labels)])
    outputs = []
    for start, some in zip(starts, labels, strict=False):
        columns = start + np.arange(len(some))
        part = build.add(Select(shares, columns.astype(np.int32)))
        classes = tuple(np.asarray(some).tolist())
        outputs.append(Fitted(index=build.add(Largest(part)), classes=classes, probabilities=part))
    return Fitted(outputs=tuple(outputs))


def neighbors_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The mean of the nearest rows."""
    truths = np.asarray(estimator._y, np.float64)  # noqa: SLF001 - no public name
    return Fitted(values=_nearest(estimator, build, x, truths.reshape(len(truths), -1)))


def _nearest(estimator: Any, build: Builder, x: Features, targets: Any) -> int:
    n_nearest, by_distance = int(estimator.n_neighbors), _is_by_distance(estimator)
    return nearest_rows(estimator, build, x, targets, n_nearest, by_distance=by_distance)


def _is_by_distance(estimator: Any) -> bool:
    if estimator.weights not in (None, "uniform", "distance"):
        raise NotCompiled("its weights are code, not data")
    return bool(estimator.weights == "distance")


def radius_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class that most of the rows within the radius have."""
    shares = _within(estimator, build, x, _shares(estimator), _share_of_outliers(estimator))
    return _likeliest(estimator, build, shares)


def radius_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The mean of the rows within the radius; NaN if there are none."""
    truths = np.asarray(estimator._y, np.float64)  # noqa: SLF001 - no public name
    truths = truths.reshape(len(truths), -1)
    missing = np.full(truths.shape[1], np.nan)
    return Fitted(values=_within(estimator, build, x, truths, missing))


def _share_of_outliers(estimator: Any) -> Any:
    """A one in the column of their class, for each output; None if they are refused."""
    if estimator.outlier_label_ is None:
        return None
    parts = [
        (np.asarray(some) == label).astype(np.float64)
        for some, label in zip(_labels(estimator), estimator.outlier_label_, strict=True)
    ]
    if not all(part.any() for part in parts):
        raise NotCompiled("its label of outliers isn't one of its classes")
    return np.concatenate(parts)


def _within(estimator: Any, build: Builder, x: Features, targets: Any, otherwise: Any) -> int:
    metric, power = _metric(estimator)
    is_brute = estimator._fit_method == "brute"  # noqa: SLF001 - as in its search
    return build.add(
        Within(
            build.add(Finite(build.matrix(x))),
            _rows(estimator),
            np.ascontiguousarray(targets, np.float64),
            float(estimator.radius),
            metric,
            power,
            by_product=is_brute and metric == "euclidean",
            by_distance=_is_by_distance(estimator),
            otherwise=otherwise,
        )
    )


def _rows(estimator: Any) -> Any:
    """The rows of the training data."""
    rows, method = estimator._fit_X, estimator._fit_method  # noqa: SLF001 - as in its search
    if not isinstance(rows, np.ndarray):
        if np.prod(rows.shape) > DENSE_MAX:
            raise NotCompiled(f"it was trained on sparse rows, {rows.shape[1]} columns wide")
        rows = rows.toarray()
    if method == "brute" and rows.dtype == np.float32:
        raise NotCompiled("it was trained in single precision")
    return rows.astype(np.float64)


def _is_sparse(estimator: Any, metric: str) -> bool:
    """Whether it searches sparse rows; of other distances none is known."""
    if isinstance(estimator._fit_X, np.ndarray):  # noqa: SLF001 - as in its search
        return False
    if metric != "euclidean":
        raise NotCompiled(f"it was trained on sparse rows, and its distance is {metric}")
    return True


def nearest_centroid(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class with the nearest centre, with prior probabilities if there are any."""
    metrics: dict[Any, MetricName] = {"euclidean": "square", "manhattan": "manhattan"}
    if estimator.metric not in metrics:
        raise NotCompiled(f"its distance is {estimator.metric!s:.40}")
    metric = metrics[estimator.metric]
    classes, centres = classes_of(estimator), np.asarray(estimator.centroids_, np.float64)
    register = build.add(Finite(build.matrix(x)))
    spread = np.asarray(estimator.within_class_std_dev_, np.float64)
    spread = np.where(spread != 0, spread, 1.0)
    far = build.add(Distance(build.scale(register, divide=spread), centres / spread, metric))
    squares = far if metric == "square" else build.add(Link(far, "square"))
    priors = np.asarray(estimator.class_prior_, np.float64)
    logs = build.scale(squares, multiply=-1.0, add=2.0 * np.log(priors))
    shares = build.add(Link(logs, "softmax"))
    if np.isclose(priors, 1 / len(classes)).all():
        # Then the original measures the columns unscaled.
        far = build.add(Distance(register, centres, metric))
        index = build.add(Largest(build.scale(far, multiply=-1.0)))
    else:
        index = build.add(Largest(logs))
    scores = logs
    if len(classes) == 2:
        scores = build.add(Matmul(logs, np.array([[-1.0], [1.0]])))
    return Fitted(index=index, classes=classes, probabilities=shares, scores=scores)


def nearest_of(centres: Any, build: Builder, x: Features, classes: Any) -> Fitted:
    """The class of the nearest of some centres, one a class."""
    scores = nearness(build, build.add(Finite(build.matrix(x))), centres)
    return Fitted(index=build.add(Largest(scores)), classes=tuple(classes))


def nearness(build: Builder, register: int, centres: Any) -> int:
    """A number for each centre, the largest for the nearest: 2 x.c - c.c."""
    centres = np.asarray(centres, np.float64)
    bias = -(centres**2).sum(axis=1)
    return build.add(Matmul(register, np.ascontiguousarray(2.0 * centres.T), bias))


def nearest_rows(
    estimator: Any,
    build: Builder,
    x: Features,
    targets: Any,
    n_nearest: int,
    *,
    kind: type[Nearest] = Nearest,
    **options: Any,
) -> int:
    """The register of the targets of the nearest training rows.

    Args:
        kind: what is made of them, and its `options`.

    Raises:
        NotCompiled: the estimator's search method is unknown.
    """
    method = estimator._fit_method  # noqa: SLF001 - as in its search
    if estimator.effective_metric_ == "precomputed":
        far = build.add(Finite(build.matrix(x), 0.0))
        rows = np.empty((len(targets), 0))
        known = np.ascontiguousarray(targets, np.float64)
        return build.add(kind(far, rows, known, n_nearest, "given", **options))
    rows, (metric, power) = _rows(estimator), _metric(estimator)
    return build.add(
        kind(
            build.add(Finite(build.matrix(x))),
            rows,
            np.ascontiguousarray(targets, np.float64),
            n_nearest,
            metric,
            power,
            by_product=method == "brute" and metric == "euclidean",
            nodes=None if method == "brute" else _nodes(estimator),
            as_sparse=_is_sparse(estimator, metric),
            **options,
        )
    )


def _nodes(estimator: Any) -> Nodes:
    """The tree that it searches."""
    _, order, nodes, bounds = (np.asarray(a) for a in estimator._tree.get_arrays())  # noqa: SLF001
    is_box = estimator._fit_method == "kd_tree"  # noqa: SLF001 - as in its search
    return Nodes(
        order.astype(np.int32),
        nodes["idx_start"].astype(np.int32),
        nodes["idx_end"].astype(np.int32),
        nodes["is_leaf"].astype(np.uint8),
        np.ascontiguousarray(bounds[0], np.float64),
        np.ascontiguousarray(bounds[1], np.float64) if is_box else None,
        None if is_box else nodes["radius"].astype(np.float64),
    )


def _metric(estimator: Any) -> tuple[MetricName, float]:
    name, params = estimator.effective_metric_, estimator.effective_metric_params_ or {}
    names: dict[Any, MetricName] = {
        "chebyshev": "chebyshev",
        "cityblock": "manhattan",
        "euclidean": "euclidean",
        "l1": "manhattan",
        "l2": "euclidean",
        "manhattan": "manhattan",
    }
    if name == "minkowski" and params.get("w") is None:
        power = float(params.get("p", 2))
        exact: dict[float, MetricName] = {1: "manhattan", 2: "euclidean", np.inf: "chebyshev"}
        return exact.get(power, "minkowski"), power
    if name not in names:
        raise NotCompiled(f"its distance is {name!s:.40}")
    return names[name], 2.0


MODELS = {
    "sklearn.KNeighborsClassifier": neighbors_classifier,
    "sklearn.KNeighborsRegressor": neighbors_regressor,
    "sklearn.NearestCentroid": nearest_centroid,
    "sklearn.RadiusNeighborsClassifier": radius_classifier,
    "sklearn.RadiusNeighborsRegressor": radius_regressor,
}
