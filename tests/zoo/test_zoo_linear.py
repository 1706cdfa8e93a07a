"""Linear models compile, alone and behind the usual columns."""

from __future__ import annotations

import pytest
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

REGRESSORS = [LinearRegression(), Ridge(), Lasso(0.01), ElasticNet(0.01)]
CLASSIFIERS = [LogisticRegression(max_iter=5_000), RidgeClassifier()]


def name_of(value):
    return type(value).__name__ if hasattr(value, "fit") else str(value)


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("estimator", REGRESSORS, ids=name_of)
def test_a_linear_regressor_compiles(zoo, estimator, data):
    zoo.check(estimator, data)


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "penguins"])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=name_of)
def test_a_linear_classifier_compiles(zoo, estimator, data):
    X, y = zoo.data(data)
    model = make_pipeline(StandardScaler(), estimator)
    if data == "penguins":
        zoo.check(estimator, data)
    else:
        zoo.check_fitted(model.fit(X, y), data, title=name_of(estimator))


def test_several_outputs_compile(zoo):
    zoo.check(LinearRegression(), "linnerud")


@pytest.mark.parametrize(
    "scaler",
    [
        MaxAbsScaler(),
        MinMaxScaler(),
        MinMaxScaler((-1, 2), clip=True),
        RobustScaler(),
        RobustScaler(with_centering=False),
        RobustScaler(with_scaling=False),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
    ],
    ids=str,
)
def test_a_scaler_compiles(zoo, scaler):
    X, y = zoo.data("diabetes")

    zoo.check_fitted(make_pipeline(scaler, Ridge()).fit(X, y), "diabetes", title=str(scaler))
