"""scikit-lego's models by densities, by distances, and of corrected probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.ensemble import probabilities_of, scores_of, values_of
from podium.compile.exporters.refused import refused
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import (
    Above,
    Distance,
    Elementwise,
    Finite,
    Join,
    Kernel,
    Largest,
    Link,
    Lookup,
    Matmul,
    RowSum,
    Select,
    Total,
)
from podium.program.operations.rows.elementwise import ElementwiseName

_NONE = np.empty((0, 1))


def _of(build: Builder, name: ElementwiseName, one: int, other: int) -> int:
    return build.add(Elementwise((one, other), name, (0, 1), _NONE))


def _finite(build: Builder, x: Features) -> int:
    return build.add(Finite(build.matrix(x)))


def _by_likelihood(estimator: Any, build: Builder, logs: Sequence[int]) -> Fitted:
    """The class under which a row is most likely; NaN where it isn't under any, as there."""
    likely = build.add(Link(build.add(Join(tuple(logs))), "exp"))
    shares = _of(build, "divide", likely, build.add(RowSum(likely)))
    return _classes(estimator, build, shares)


def _classes(estimator: Any, build: Builder, shares: int) -> Fitted:
    index = build.add(Largest(shares))
    return Fitted(index=index, classes=classes_of(estimator), probabilities=shares)


def mixture_bayes(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Naive Bayes, with a mixture for each column of each class."""
    columns = build.features(_finite(build, x))
    logs = []
    for label in estimator.classes_:
        parts = [
            scores_of(build.model(one, (columns[i],), f"{label}, column {i}"))
            for i, one in enumerate(estimator.gmms_[label])
        ]
        logs.append(parts[0] if len(parts) == 1 else build.add(Total(tuple(parts))))
    return _by_likelihood(estimator, build, logs)


def density_bayes(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Bayes with the density of a class as the mean of kernels around its training rows."""
    if estimator.kernel != "gaussian" or estimator.metric != "euclidean":
        raise NotCompiled("only its gaussian kernel of euclidean distances compiles")
    register, width = _finite(build, x), len(x)
    logs = []
    for label in estimator.classes_:
        model = estimator.models_[label]
        rows, bandwidth = np.asarray(model.tree_.data), float(model.bandwidth_)
        squares = build.add(Distance(register, rows, "square"))
        powers = build.scale(squares, multiply=-0.5 / bandwidth**2)
        height = np.log(len(rows)) + width * (np.log(bandwidth) + 0.5 * np.log(2 * np.pi))
        log = _log_sum(build, powers)
        prior = float(estimator.priors_logp_[label])
        logs.append(build.scale(log, add=prior - height))
    return _by_likelihood(estimator, build, logs)


def _log_sum(build: Builder, powers: int) -> int:
    """The logarithm of the sum of the powers of e: of the largest one, less that of its share."""
    most = np.array([build.width(powers) - 1], np.int32)
    largest, share = (
        build.add(Select(build.add(Link(register, "sort")), most))
        for register in (powers, build.add(Link(powers, "softmax")))
    )
    return _of(build, "subtract", largest, build.add(Link(share, "log")))


def lowess(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The mean of the training targets, weighted by how near their rows are."""
    if estimator.span is not None:
        raise NotCompiled("it weighs a share of the nearest rows (span); without it, it compiles")
    kernel = Kernel(_finite(build, x), estimator.X_, "rbf", gamma=1.0 / float(estimator.sigma))
    weights = build.add(kernel)
    targets = np.asarray(estimator.y_, np.float64)[:, None]
    mean = _of(build, "divide", build.add(Matmul(weights, targets)), build.add(RowSum(weights)))
    return Fitted(values=build.add(Finite(mean)))  # it refuses a row that is far from all others


def subjective(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Another model's classes, corrected by prior probabilities and by how often it errs."""
    fitted = build.model(estimator.estimator_, build.features(_finite(build, x)), "model")
    shares = probabilities_of(fitted)
    if estimator.evidence == "predict_proba":
        prior = [float(estimator.prior[label]) for label in classes_of(estimator)]
        weighed = build.scale(shares, multiply=np.array(prior))
        return _classes(estimator, build, _of_one(build, weighed))
    table = np.ascontiguousarray(np.asarray(estimator.posterior_matrix_, np.float64).T)
    posterior = build.add(Lookup(build.add(Largest(shares)), table))
    if estimator.evidence == "both":
        posterior = _of_one(build, _of(build, "multiply", posterior, shares))
    return _classes(estimator, build, posterior)


def _of_one(build: Builder, x: int) -> int:
    """Divided by the sum, unless that is 0."""
    total = build.add(RowSum(x))
    one = np.array([[1.0]])
    total = build.add(Elementwise((total,), "where", (0, 0, -1), one))
    return _of(build, "divide", x, total)


def confusion_balancer(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Another model's probabilities, mixed with those of what it takes for something else."""
    fitted = build.model(estimator.estimator_, build.features(_finite(build, x)), "model")
    shares, alpha = probabilities_of(fitted), float(estimator.alpha)
    table = np.asarray(estimator.cfm_, np.float64)
    mixed = (1.0 - alpha) * np.eye(len(table)) + alpha * table
    return _classes(estimator, build, build.add(Matmul(shares, mixed)))


def _detected(build: Builder, register: int) -> int:
    """The index of -1 and 1, of ones where a row is ordinary."""
    return build.add(Above(register))


def pca_outliers(estimator: Any, build: Builder, x: Features) -> Fitted:
    """-1 where some components don't describe a row well."""
    register, pca = _finite(build, x), estimator.pca_
    columns = build.features(register)
    reduced = build.matrix(build.transform(pca, columns, "components"))
    back = np.asarray(pca.components_, np.float64)
    if pca.whiten:
        back = np.sqrt(pca.explained_variance_)[:, None] * back
    again = build.add(Matmul(reduced, np.ascontiguousarray(back), np.asarray(pca.mean_)))
    away = build.add(RowSum(build.add(Link(_of(build, "subtract", again, register), "abs"))))
    if estimator.variant == "relative":
        away = _of(build, "divide", away, build.add(RowSum(register)))
    threshold = float(estimator.threshold)
    compared = Elementwise((away,), "greater", (0, -1), np.array([[threshold]]))
    ordinary = build.scale(build.add(compared), multiply=-1.0, add=1.0)
    scores = build.scale(away, multiply=-1.0, add=threshold)
    return Fitted(index=_detected(build, ordinary), classes=(-1, 1), scores=scores)


def regression_outliers(estimator: Any, build: Builder, x: Features) -> Fitted:
    """-1 where a column is far from what a model predicts of the others."""
    columns = build.features(_finite(build, x))
    # A column that is given by its name stays among the others, as there.
    others = tuple(one for i, one in enumerate(columns) if i != estimator.column)
    predicted = values_of(build.model(estimator.estimator_, others, "model"))
    truth = build.matrix((columns[int(estimator.idx_)],))
    away = _of(build, "subtract", truth, predicted)
    if estimator.method == "relative":
        away = _of(build, "divide", away, truth)
    unit = float(estimator.sd_) if estimator.method == "sd" else 1.0
    low, high = -float(estimator.lower) * unit, float(estimator.upper) * unit
    sides: tuple[tuple[ElementwiseName, float], ...] = (("less", low), ("greater", high))
    hits = [
        build.add(Elementwise((away,), name, (0, -1), np.array([[bound]]))) for name, bound in sides
    ]
    ordinary = build.scale(build.add(Total(tuple(hits))), multiply=-1.0, add=1.0)
    return Fitted(index=_detected(build, ordinary), classes=(-1, 1), scores=away)


MODELS = {
    "sklego.BayesianGaussianMixtureNB": mixture_bayes,
    "sklego.BayesianKernelDensityClassifier": density_bayes,
    "sklego.ConfusionBalancer": confusion_balancer,
    "sklego.GaussianMixtureNB": mixture_bayes,
    "sklego.LowessRegression": lowess,
    "sklego.PCAOutlierDetection": pca_outliers,
    "sklego.RandomRegressor": refused(
        "its predictions are random; DummyRegressor, which predicts the mean, compiles"
    ),
    "sklego.RegressionOutlierDetector": regression_outliers,
    "sklego.SubjectiveClassifier": subjective,
    "sklego.UMAPOutlierDetection": refused(
        "it embeds new rows by iterations (UMAP); PCAOutlierDetection compiles"
    ),
}
