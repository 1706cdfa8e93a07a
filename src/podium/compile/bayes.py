"""Naive Bayes and discriminant analysis: the class under which the row is most likely."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.compile.linear import linear_classifier
from podium.program.operations import (
    Finite,
    Join,
    Largest,
    Link,
    Matmul,
    Pair,
    Positive,
)


def gaussian(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A bell curve a class and column."""
    register = build.add(Finite(build.matrix(x)))
    parts = []
    for mean, variance, prior in zip(
        estimator.theta_, estimator.var_, estimator.class_prior_, strict=True
    ):
        away = build.add(Link(build.scale(register, subtract=mean), "square"))
        constant = np.log(prior) - 0.5 * np.sum(np.log(2.0 * np.pi * variance))
        weights = (-0.5 / variance).reshape(-1, 1)
        parts.append(build.add(Matmul(away, weights, np.array([constant]))))
    return _likeliest(estimator, build, build.add(Join(tuple(parts))))


def multinomial(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Counts times the logarithms of how often each occurs."""
    register = build.add(Positive(build.matrix(x)))
    bias = np.asarray(estimator.class_log_prior_, np.float64)
    weights = np.ascontiguousarray(estimator.feature_log_prob_.T)
    return _likeliest(estimator, build, build.add(Matmul(register, weights, bias)))


def complement(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The same with how often each occurs in all other classes."""
    if len(estimator.classes_) == 1:
        raise NotCompiled("it knows one class only")
    register = build.add(Positive(build.matrix(x)))
    weights = np.ascontiguousarray(estimator.feature_log_prob_.T)
    return _likeliest(estimator, build, build.add(Matmul(register, weights)))


def quadratic(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A bell of its own for each class, in rotated columns."""
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
    return _likeliest(estimator, build, build.add(Join(tuple(parts))))


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
    probabilities = build.add(Link(likelihoods, "softmax"))
    return Fitted(index=index, classes=classes_of(estimator), probabilities=probabilities)


MODELS = {
    "sklearn.ComplementNB": complement,
    "sklearn.GaussianNB": gaussian,
    "sklearn.LinearDiscriminantAnalysis": linear_discriminant,
    "sklearn.MultinomialNB": multinomial,
    "sklearn.QuadraticDiscriminantAnalysis": quadratic,
}
