"""Clusters and mixtures."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.neighbors import nearest_of
from podium.program.operations import Finite, Join, Largest, Link, Matmul


def k_means(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The number of the nearest centre."""
    centres = np.asarray(estimator.cluster_centers_)
    if centres.dtype != np.float64:
        raise NotCompiled("it was trained in single precision")
    return nearest_of(centres, build, x, range(len(centres)))


def mean_shift(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The number of the nearest centre."""
    return nearest_of(estimator.cluster_centers_, build, x, range(len(estimator.cluster_centers_)))


def gaussian_mixture(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The number of the bell under which the row is most likely."""
    register = build.add(Finite(build.matrix(x)))
    n_columns = estimator.means_.shape[1]
    parts = []
    for number, (mean, weight) in enumerate(zip(estimator.means_, estimator.weights_, strict=True)):
        turned = _turned(estimator, number, n_columns)
        bias = -(mean @ turned)
        away = build.add(Link(build.add(Matmul(register, turned, bias)), "square"))
        spread = np.linalg.slogdet(turned)[1]
        constant = -0.5 * n_columns * np.log(2 * np.pi) + spread + np.log(weight)
        parts.append(build.add(Matmul(away, np.full((n_columns, 1), -0.5), np.array([constant]))))
    index = build.add(Largest(build.add(Join(tuple(parts)))))
    return Fitted(index=index, classes=tuple(range(len(parts))))


def _turned(estimator: Any, number: int, n_columns: int) -> Any:
    """The root of one bell's precision, as a matrix."""
    root = estimator.precisions_cholesky_
    if estimator.covariance_type == "full":
        return np.ascontiguousarray(root[number])
    if estimator.covariance_type == "tied":
        return np.ascontiguousarray(root)
    if estimator.covariance_type == "diag":
        return np.diag(root[number])
    return np.eye(n_columns) * root[number]


MODELS = {
    "sklearn.GaussianMixture": gaussian_mixture,
    "sklearn.KMeans": k_means,
    "sklearn.MeanShift": mean_shift,
    "sklearn.MiniBatchKMeans": k_means,
}
