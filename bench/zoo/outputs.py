"""Several outputs, label matrices, intervals, mixtures and scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from bench.zoo.case import Case
from bench.zoo.data import rows_of
from lightgbm import LGBMRegressor
from sklearn.cluster import KMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge, RidgeClassifier
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler
from sklearn.svm import SVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

TITLE = "Several outputs, label matrices, intervals, mixtures, scores"


def _labels() -> tuple[Any, Any]:
    """Wines with the labels that they have, as lists become a matrix."""
    X, y = rows_of("wine")
    marks = {
        "strong": X["alcohol"] > 13,
        "blue": X["hue"] > 1,
        "first": y == 0,
        "sour": X["ash"] > 2.4,
    }
    lists = [[name for name, column in marks.items() if column.iloc[i]] for i in range(len(X))]
    return X, MultiLabelBinarizer().fit_transform(lists)


def _targets() -> tuple[Any, Any]:
    """Wines with two targets of different classes."""
    X, y = rows_of("wine")
    kinds = np.array(["red", "rosé", "white"])[y]
    return X, pd.DataFrame({"kind": kinds, "strong": np.where(X["alcohol"] > 13, "yes", "no")})


def _scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


def _fit(model: Any, data: Any) -> tuple[Any, Any]:
    X, y = data()
    return model.fit(X, y), X


def _interval(models: dict[str, Any]) -> tuple[Any, Any]:
    X, y = rows_of("diabetes")
    return {name: model.fit(X, y) for name, model in models.items()}, X


def _together() -> tuple[Any, Any]:
    X, y = rows_of("wine")
    models = {
        "hue": _scaled(Ridge()).fit(X, X["hue"]),
        "kind": _scaled(LogisticRegression()).fit(X, np.array(["a", "b", "c"])[y]),
        "odd": IsolationForest(n_estimators=20, random_state=0).fit(X),
    }
    return models, X


def _unsupervised(model: Any) -> tuple[Any, Any]:
    X, _ = rows_of("wine")
    return _scaled(model).fit(X), X


LOGISTIC = LogisticRegression()
FOREST = RandomForestClassifier(20, random_state=0)
MATRICES = {
    "one against the rest": _scaled(OneVsRestClassifier(LOGISTIC)),
    "one against the rest, of support vector machines": _scaled(OneVsRestClassifier(SVC())),
    "one against the rest, of naive Bayes": OneVsRestClassifier(GaussianNB()),
    "a chain": _scaled(ClassifierChain(LOGISTIC, order=[3, 1, 0, 2])),
    "a chain that passes on probabilities": _scaled(
        ClassifierChain(LOGISTIC, chain_method="predict_proba")
    ),
    "a forest": FOREST,
    "neighbours": _scaled(KNeighborsClassifier()),
    "a network": _scaled(MLPClassifier((8,), max_iter=400, random_state=0)),
    "ridge": _scaled(RidgeClassifier()),
}
TARGETS = {
    "a model for each": _scaled(MultiOutputClassifier(LOGISTIC)),
    "a forest": FOREST,
    "extra trees": ExtraTreesClassifier(20, random_state=0),
    "a tree": DecisionTreeClassifier(max_depth=4, random_state=0),
    "neighbours": _scaled(KNeighborsClassifier()),
}
NUMBERS = {
    "a model for each": MultiOutputRegressor(GradientBoostingRegressor(n_estimators=10)),
    "a chain": RegressorChain(Ridge(), order=[2, 0, 1]),
}
LEVELS = {"low": 0.1, "middle": 0.5, "high": 0.9}
INTERVALS = {
    "linear": {n: QuantileRegressor(quantile=q, alpha=0) for n, q in LEVELS.items()},
    "gradient boosting": {
        n: GradientBoostingRegressor(loss="quantile", alpha=q, n_estimators=30, random_state=0)
        for n, q in LEVELS.items()
    },
    "histogram boosting": {
        n: HistGradientBoostingRegressor(loss="quantile", quantile=q, max_iter=30)
        for n, q in LEVELS.items()
    },
    "LightGBM": {
        n: LGBMRegressor(objective="quantile", alpha=q, n_estimators=30, verbose=-1)
        for n, q in LEVELS.items()
    },
}
UNSUPERVISED = {
    "the probabilities of a mixture": GaussianMixture(3, random_state=0),
    "the probabilities of a Bayesian mixture": BayesianGaussianMixture(
        n_components=3, random_state=0
    ),
    "the distance of a cluster": KMeans(3, n_init=1, random_state=0),
    "the score of an isolation forest": IsolationForest(random_state=0),
    "the score of a one-class machine": OneClassSVM(nu=0.1),
    "the score of local outliers": LocalOutlierFactor(novelty=True),
    "the score of an elliptic envelope": EllipticEnvelope(random_state=0),
}
CASES = [
    *(Case(f"labels: {n}", lambda m=m: _fit(m, _labels)) for n, m in MATRICES.items()),
    *(Case(f"targets: {n}", lambda m=m: _fit(m, _targets)) for n, m in TARGETS.items()),
    *(
        Case(f"numbers: {n}", lambda m=m: _fit(m, lambda: rows_of("linnerud")))
        for n, m in NUMBERS.items()
    ),
    *(Case(f"an interval: {n}", lambda m=m: _interval(m)) for n, m in INTERVALS.items()),
    Case("a number, a class and an outlier, packed together", _together),
    *(Case(n, lambda m=m: _unsupervised(m)) for n, m in UNSUPERVISED.items()),
]
