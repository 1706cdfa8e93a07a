"""Support vector machines: weighted kernels to the support vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import (
    Above,
    Bin,
    Clip,
    Couple,
    Finite,
    Kernel,
    Largest,
    Link,
    Matmul,
    Select,
    Total,
)
from podium.table import Array

# libsvm never takes a pairwise probability for certain.
_CERTAIN = 1e-7


def svm_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The weighted sum of kernels."""
    return Fitted(values=_sums(estimator, build, x, _dense(estimator._dual_coef_).T))


def one_class_svm(estimator: Any, build: Builder, x: Features) -> Fitted:
    """1 where the weighted sum of kernels is above zero, else -1."""
    scores = _sums(estimator, build, x, _dense(estimator._dual_coef_).T)
    return Fitted(index=build.add(Above(scores)), classes=(-1, 1), scores=scores)


def svm_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A weighted sum of kernels decides between each pair of classes; the most votes win."""
    classes = classes_of(estimator)
    n_classes = len(classes)
    sums = _sums(estimator, build, x, _pair_weights(estimator, n_classes))
    against = build.scale(sums, multiply=-1.0)
    shares = _shares(estimator, build, sums, n_classes)
    if n_classes == 2:
        index = build.add(Above(against, or_equal=True))
        return Fitted(index=index, classes=classes, probabilities=shares, scores=against)
    is_one_vs_rest = estimator.decision_function_shape == "ovr"
    scores = _one_vs_rest(build, against, n_classes) if is_one_vs_rest else sums
    if estimator.break_ties:
        if not is_one_vs_rest:
            raise NotCompiled("ties can't be broken by the scores of pairs")
        index = build.add(Largest(scores))
    else:
        index = build.add(Largest(_votes(build, sums, n_classes)))
    return Fitted(index=index, classes=classes, probabilities=shares, scores=scores)


def _pairs(n_classes: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(n_classes) for j in range(i + 1, n_classes)]


def _pair_weights(estimator: Any, n_classes: int) -> Array:
    """The weight of each support vector in each pair: zero for those of other classes."""
    # With two classes the public attributes have the opposite sign.
    coefficients = _dense(estimator._dual_coef_)
    ends = np.cumsum(np.asarray(estimator.n_support_))
    starts = ends - np.asarray(estimator.n_support_)
    pairs = _pairs(n_classes)
    weights = np.zeros((coefficients.shape[1], len(pairs)))
    for number, (i, j) in enumerate(pairs):
        first, second = slice(starts[i], ends[i]), slice(starts[j], ends[j])
        weights[first, number] = coefficients[j - 1, first]
        weights[second, number] = coefficients[i, second]
    return weights


def _sums(estimator: Any, build: Builder, x: Features, weights: Array) -> int:
    """Kernels between rows and support vectors, times weights, plus intercepts."""
    intercepts = np.asarray(estimator._intercept_, np.float64)
    kernel = estimator.kernel
    if kernel == "precomputed":  # a row holds the kernels to all training rows
        every = build.add(Finite(build.matrix(x)))
        some = build.add(Select(every, np.asarray(estimator.support_, np.int32)))
        return build.add(Matmul(some, np.ascontiguousarray(weights), intercepts))
    rows = _dense(estimator.support_vectors_)
    if kernel == "linear":
        return build.linear(x, weights.T @ rows, intercepts)
    register = build.add(Finite(build.matrix(x)))
    if kernel not in ("poly", "rbf", "sigmoid"):
        raise NotCompiled(f"its kernel {kernel!r} isn't supported")
    kernels = build.add(
        Kernel(
            register,
            rows,
            kernel,
            gamma=float(estimator._gamma),  # noqa: SLF001 - "scale" and "auto" are resolved
            coef0=float(estimator.coef0),
            degree=float(estimator.degree),
        )
    )
    return build.add(Matmul(kernels, np.ascontiguousarray(weights), intercepts))


def _votes(build: Builder, sums: int, n_classes: int) -> int:
    """The number of pairs that each class wins: above zero the first one does."""
    return _counted(build, _above_zero(build, sums), n_classes, 0)


def _one_vs_rest(build: Builder, against: int, n_classes: int) -> int:
    """Votes, with ties broken by the sums of scores."""
    votes = _counted(build, _above_zero(build, against), n_classes, 1)
    spread = np.zeros((build.width(against), n_classes))
    for number, (i, j) in enumerate(_pairs(n_classes)):
        spread[number, i], spread[number, j] = -1.0, 1.0
    sure = build.add(Matmul(against, spread))
    return build.add(Total((votes, build.add(Link(sure, "tie")))))


def _above_zero(build: Builder, scores: int) -> int:
    width = build.width(scores)
    return build.add(Bin(scores, np.zeros(width), np.arange(width + 1, dtype=np.int32)))


def _counted(build: Builder, ones: int, n_classes: int, winner: int) -> int:
    """Votes if a one says that the first (0) or second (1) class of its pair wins."""
    weights, bias = np.zeros((build.width(ones), n_classes)), np.zeros(n_classes)
    for number, pair in enumerate(_pairs(n_classes)):
        weights[number, pair[winner]], weights[number, pair[1 - winner]] = 1.0, -1.0
        bias[pair[1 - winner]] += 1.0
    return build.add(Matmul(ones, weights, bias))


def _shares(estimator: Any, build: Builder, sums: int, n_classes: int) -> int | None:
    """Probabilities of pairs by a logistic function each, coupled to those of classes."""
    a, b = estimator._probA, estimator._probB  # noqa: SLF001 - the public names are deprecated
    if estimator.probability is not True or not len(a):
        return None
    pairs = build.add(Link(build.scale(sums, multiply=-a, add=-b), "sigmoid"))
    one = np.ones(build.width(pairs))
    pairs = build.add(Clip(pairs, one * _CERTAIN, one * (1 - _CERTAIN)))
    return build.add(Couple(pairs, n_classes))


def _dense(array: Any) -> Array:
    return np.asarray(array.toarray() if hasattr(array, "toarray") else array, np.float64)


MODELS = {
    "sklearn.NuSVC": svm_classifier,
    "sklearn.NuSVR": svm_regressor,
    "sklearn.OneClassSVM": one_class_svm,
    "sklearn.SVC": svm_classifier,
    "sklearn.SVR": svm_regressor,
}
