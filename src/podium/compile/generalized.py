"""More linear models: other ways to train, other links, other losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.compile.linear import linear_classifier, linear_regressor
from podium.program.operations import Above, Clip, Finite, Largest, Link, Matmul, Pair


def generalized_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A linear model behind a link."""
    values = build.linear(x, estimator.coef_, estimator.intercept_)
    link = getattr(estimator, "link", "log")
    if link == "auto":
        link = "identity" if estimator.power <= 0 else "log"
    if link == "identity":
        return Fitted(values=values)
    if link != "log":
        raise NotCompiled(f"its link is {link}")
    return Fitted(values=build.add(Link(values, "exp")))


def sgd_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A linear classifier, with probabilities where its loss has them."""
    scores = build.linear(x, estimator.coef_, estimator.intercept_)
    classes = classes_of(estimator)
    choose = Above(scores) if len(classes) == 2 else Largest(scores)
    probabilities = None
    if estimator.loss == "log_loss":
        shares = build.add(Link(scores, "sigmoid"))
        probabilities = _normalised(build, shares, len(classes))
    elif estimator.loss == "modified_huber":
        width = build.width(scores)
        cut = build.add(Clip(scores, np.full(width, -1.0), np.full(width, 1.0)))
        shares = build.scale(cut, multiply=0.5, add=0.5)
        probabilities = _normalised(build, shares, len(classes))
    return Fitted(
        index=build.add(choose), classes=classes, probabilities=probabilities, scores=scores
    )


def _normalised(build: Builder, shares: int, n_classes: int) -> int:
    if n_classes == 2:
        return build.add(Pair(shares))
    return build.add(Link(shares, "share"))


def ransac(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The model of the rows that were kept."""
    return build.model(estimator.estimator_, x, "model")


def partial_least_squares(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Columns less their means, times coefficients."""
    register = build.add(Finite(build.matrix(x)))
    centred = build.scale(register, subtract=estimator._x_mean)  # noqa: SLF001 - no public name
    weights = np.asarray(estimator.coef_, np.float64).T
    bias = np.broadcast_to(np.asarray(estimator.intercept_, np.float64), weights.shape[1:])
    return Fitted(values=build.add(Matmul(centred, weights, bias)))


REGRESSORS = (
    "ARDRegression",
    "BayesianRidge",
    "HuberRegressor",
    "Lars",
    "LarsCV",
    "LassoLars",
    "LassoLarsCV",
    "LassoLarsIC",
    "LinearSVR",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "OrthogonalMatchingPursuit",
    "OrthogonalMatchingPursuitCV",
    "PassiveAggressiveRegressor",
    "QuantileRegressor",
    "SGDRegressor",
    "TheilSenRegressor",
)
MODELS = {
    **{f"sklearn.{name}": linear_regressor for name in REGRESSORS},
    "sklearn.CCA": partial_least_squares,
    "sklearn.GammaRegressor": generalized_regressor,
    "sklearn.LinearSVC": linear_classifier,
    "sklearn.PLSCanonical": partial_least_squares,
    "sklearn.PLSRegression": partial_least_squares,
    "sklearn.PassiveAggressiveClassifier": linear_classifier,
    "sklearn.Perceptron": linear_classifier,
    "sklearn.PoissonRegressor": generalized_regressor,
    "sklearn.RANSACRegressor": ransac,
    "sklearn.SGDClassifier": sgd_classifier,
    "sklearn.TweedieRegressor": generalized_regressor,
}
