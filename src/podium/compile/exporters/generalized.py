"""Other linear models, and generalized linear models."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.linear import linear_classifier, linear_regressor
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import Above, Clip, Finite, Largest, Link, Matmul, Pair

# The inverses of the link functions of scikit-learn's generalized linear models.
_LINKS = {"IdentityLink": None, "LogLink": "exp"}


def generalized_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The mean for the linear predictor."""
    link = type(estimator._base_loss.link).__name__  # noqa: SLF001 - as in its predict
    if link not in _LINKS:
        raise NotCompiled(f"its loss has a link ({link}) that isn't supported")
    predictor = build.linear(x, estimator.coef_, estimator.intercept_)
    if _LINKS[link] is None:
        return Fitted(values=predictor)
    return Fitted(values=build.add(Link(predictor, "exp")))


def stochastic_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The highest score wins; two of the losses have probabilities."""
    scores = build.linear(x, estimator.coef_, estimator.intercept_)
    is_two = build.width(scores) == 1
    if estimator.loss == "log_loss":
        claims: int | None = build.add(Link(scores, "sigmoid"))
    elif estimator.loss == "modified_huber":
        claims = _huber_claims(build, scores)
    else:
        claims = None
    shares = None
    if claims is not None:
        shares = build.add(Pair(claims) if is_two else Link(claims, "share"))
    index = build.add(Above(scores) if is_two else Largest(scores))
    return Fitted(index=index, classes=classes_of(estimator), probabilities=shares, scores=scores)


def _huber_claims(build: Builder, scores: int) -> int:
    """Scores from -1 to 1 as probabilities from 0 to 1."""
    one = np.ones(build.width(scores))
    moved = build.scale(build.add(Clip(scores, -one, one)), add=1.0)
    return build.scale(moved, divide=2.0)


def ransac_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The model that was fitted to the inliers."""
    return build.model(estimator.estimator_, x, "model")


def partial_least_squares(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Columns minus their means, times coefficients."""
    register = build.add(Finite(build.matrix(x)))
    centred = build.scale(register, subtract=estimator._x_mean)  # noqa: SLF001 - as in its predict
    weights = np.ascontiguousarray(estimator.coef_.T, np.float64)
    bias = np.broadcast_to(np.asarray(estimator.intercept_, np.float64), weights.shape[1:])
    return Fitted(values=build.add(Matmul(centred, weights, np.ascontiguousarray(bias))))


def stochastic_one_class(estimator: Any, build: Builder, x: Features) -> Fitted:
    """1 if a linear score reaches its offset, else -1."""
    scores = build.linear(x, estimator.coef_, -np.asarray(estimator.offset_))
    index = build.add(Above(scores, or_equal=True))
    return Fitted(index=index, classes=(-1, 1), scores=scores)


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
    "sklearn.RANSACRegressor": ransac_regressor,
    "sklearn.SGDClassifier": stochastic_classifier,
    "sklearn.SGDOneClassSVM": stochastic_one_class,
    "sklearn.TweedieRegressor": generalized_regressor,
}
