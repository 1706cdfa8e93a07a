"""Linear models: a product and, for classes, a link function."""

from __future__ import annotations

from typing import Any

from podium.compile.builder import Builder
from podium.compile.exporters.multiclass import label_matrix
from podium.compile.features import Features, Fitted
from podium.compile.labels import classes_of
from podium.program.operations import Above, Largest, Link, Pair


def linear_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Coefficients times columns, plus the intercept."""
    return Fitted(values=build.linear(x, estimator.coef_, estimator.intercept_))


def logistic_regression(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The highest score wins; probabilities by the logistic function or softmax."""
    scores = build.linear(x, estimator.coef_, estimator.intercept_)
    classes = classes_of(estimator)
    if len(classes) == 2:
        # Two classes of a softmax over -score and score, an option of older versions.
        is_softmax = getattr(estimator, "multi_class", "auto") == "multinomial"
        link = build.scale(scores, multiply=2.0) if is_softmax else scores
        probabilities = build.add(Pair(build.add(Link(link, "sigmoid"))))
        index = build.add(Above(scores))
    else:
        is_ovr = getattr(estimator, "multi_class", "auto") == "ovr"
        is_ovr |= estimator.solver == "liblinear"
        probabilities = _ovr(build, scores) if is_ovr else build.add(Link(scores, "softmax"))
        index = build.add(Largest(scores))
    return Fitted(index=index, classes=classes, probabilities=probabilities, scores=scores)


def linear_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The highest score wins, without probabilities."""
    scores = build.linear(x, estimator.coef_, estimator.intercept_)
    choose = Above(scores) if build.width(scores) == 1 else Largest(scores)
    return Fitted(index=build.add(choose), classes=classes_of(estimator), scores=scores)


def ridge_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The highest score wins; of a label matrix each label whose score is above 0."""
    if estimator._label_binarizer.y_type_.startswith("multilabel"):  # noqa: SLF001 - as in its predict
        scores = build.linear(x, estimator.coef_, estimator.intercept_)
        return label_matrix(build, scores, 0.0, are_shares=False)
    return linear_classifier(estimator, build, x)


def _ovr(build: Builder, scores: int) -> int:
    """One class against the rest each: their shares of the sum."""
    return build.add(Link(build.add(Link(scores, "sigmoid")), "share"))


REGRESSORS = (
    "ElasticNet",
    "ElasticNetCV",
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "Ridge",
    "RidgeCV",
)
MODELS = {
    **{f"sklearn.{name}": linear_regressor for name in REGRESSORS},
    "sklearn.LogisticRegression": logistic_regression,
    "sklearn.LogisticRegressionCV": logistic_regression,
    "sklearn.RidgeClassifier": ridge_classifier,
    "sklearn.RidgeClassifierCV": ridge_classifier,
}
