"""Naive Bayes and discriminant analysis: the class under which the row is most likely."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.linear import linear_classifier
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.compile.registers import Codes
from podium.program.operations import (
    Bin,
    Finite,
    Join,
    Largest,
    Link,
    Matmul,
    Numbers,
    Pair,
    RowSum,
    Scale,
    SingleSum,
)
from podium.table import Array


def gaussian(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A normal distribution for each class and column."""
    register = build.add(Finite(build.matrix(x)))
    parts = []
    single = build.is_single(register) and estimator.theta_.dtype == np.float32
    is_by_column = _is_of_frame(build, register)
    for mean, variance, prior in zip(
        estimator.theta_, estimator.var_, estimator.class_prior_, strict=True
    ):
        if single:
            parts.append(
                _single_likelihood(
                    build, register, mean, variance, prior, is_by_column=is_by_column
                )
            )
            continue
        away = build.add(Link(build.scale(register, subtract=mean), "square"))
        constant = np.log(prior) - 0.5 * np.sum(np.log(2.0 * np.pi * variance))
        weights = (-0.5 / variance).reshape(-1, 1)
        parts.append(build.add(Matmul(away, weights, np.array([constant]))))
    return _likeliest(estimator, build, build.add(Join(tuple(parts))))


def _is_of_frame(build: Builder, register: int) -> bool:
    """Whether the original's rows lie in memory column by column, as those of a pandas frame do."""
    operation = build.operations[register]
    while isinstance(operation, (Finite, Scale)):
        operation = build.operations[operation.x]
    return build.signature.frame == "pandas" and isinstance(operation, Numbers)


def _single_likelihood(
    build: Builder, x: int, mean: Array, variance: Array, prior: Any, *, is_by_column: bool
) -> int:
    """The logarithm of how likely a row is, in single precision and in the original's order.

    Args:
        is_by_column: whether terms are added up column by column, as those of a frame are.
    """
    away = build.add(Link(build.scale(x, subtract=mean), "square"))
    terms = build.scale(away, divide=variance)
    if is_by_column:
        total = build.add(SingleSum(terms, np.ones((len(mean), 1), np.float32), np.zeros(1)))
    else:
        total = build.add(RowSum(terms))
    constant = -0.5 * np.sum(np.log(2.0 * np.pi * variance))
    return build.scale(build.scale(total, multiply=-0.5, add=constant), add=np.log(prior))


def multinomial(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Counts times the logarithms of how often each occurs."""
    sums = build.linear(x, estimator.feature_log_prob_, estimator.class_log_prior_)
    return _likeliest(estimator, build, sums)


def complement(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The same with the frequencies in all other classes, whatever the class's share."""
    if len(estimator.classes_) == 1:
        raise NotCompiled("it was trained on one class only")
    return _likeliest(estimator, build, build.linear(x, estimator.feature_log_prob_, 0.0))


def bernoulli(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Whether each column is above a threshold, times the logarithms of the frequencies."""
    register = build.add(Finite(build.matrix(x)))
    width = build.width(register)
    if estimator.binarize is not None:
        edges = np.full(width, float(estimator.binarize))
        register = build.add(Bin(register, edges, np.arange(width + 1, dtype=np.int32)))
    absent = np.log(1 - np.exp(estimator.feature_log_prob_))
    weights = np.ascontiguousarray((estimator.feature_log_prob_ - absent).T)
    bias = estimator.class_log_prior_ + absent.sum(axis=1)
    return _likeliest(estimator, build, build.add(Matmul(register, weights, bias)))


def categorical(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The logarithm of the frequency of each column's category."""
    whole = build.features(build.add(Link(build.add(Finite(build.matrix(x))), "trunc")))
    widths = [shares.shape[1] for shares in estimator.feature_log_prob_]
    codes = [Codes({number: float(number) for number in range(width)}) for width in widths]
    weights = np.concatenate([shares.T for shares in estimator.feature_log_prob_])
    bias = np.asarray(estimator.class_log_prior_, np.float64)
    one_hot = build.one_hot(whole, codes, widths)
    return _likeliest(estimator, build, build.add(Matmul(one_hot, weights, bias)))


def quadratic(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A normal distribution of its own for each class, in rotated columns."""
    register = build.add(Finite(build.matrix(x)))
    parts = []
    for rotation, scaling, mean, prior in zip(
        estimator.rotations_,
        estimator.scalings_,
        estimator.means_,
        estimator.priors_,
        strict=True,
    ):
        turned = np.asarray(rotation) * (np.asarray(scaling) ** (-0.5))
        centred = build.scale(register, subtract=mean)
        away = build.add(Link(build.add(Matmul(centred, turned)), "square"))
        constant = np.log(prior) - 0.5 * np.sum(np.log(scaling))
        weights = np.full((turned.shape[1], 1), -0.5)
        parts.append(build.add(Matmul(away, weights, np.array([constant]))))
    scores = build.add(Join(tuple(parts)))
    fitted = _likeliest(estimator, build, scores)
    if len(parts) == 2:
        scores = build.add(Matmul(scores, np.array([[-1.0], [1.0]])))
    return replace(fitted, scores=scores)


def linear_discriminant(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A linear classifier with probabilities."""
    fitted = linear_classifier(estimator, build, x)
    if fitted.scores is None:
        raise NotCompiled("it has no scores")
    if build.width(fitted.scores) == 1:
        probabilities = build.add(Pair(build.add(Link(fitted.scores, "sigmoid"))))
    else:
        probabilities = build.add(Link(fitted.scores, "softmax"))
    return Fitted(
        index=fitted.index,
        classes=fitted.classes,
        probabilities=probabilities,
        scores=fitted.scores,
    )


def _likeliest(estimator: Any, build: Builder, likelihoods: int) -> Fitted:
    index = build.add(Largest(likelihoods))
    if build.is_single(likelihoods):
        probabilities = build.add(Link(build.add(Link(likelihoods, "log_share")), "exp"))
    else:
        probabilities = build.add(Link(likelihoods, "softmax"))
    return Fitted(index=index, classes=classes_of(estimator), probabilities=probabilities)


MODELS = {
    "sklearn.BernoulliNB": bernoulli,
    "sklearn.CategoricalNB": categorical,
    "sklearn.ComplementNB": complement,
    "sklearn.GaussianNB": gaussian,
    "sklearn.LinearDiscriminantAnalysis": linear_discriminant,
    "sklearn.MultinomialNB": multinomial,
    "sklearn.QuadraticDiscriminantAnalysis": quadratic,
}
