"""Selections of columns compile, as steps and as models."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
    f_regression,
    mutual_info_regression,
)
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

SELECTORS = [
    GenericUnivariateSelect(f_regression, mode="k_best", param=3),
    RFE(LinearRegression(), n_features_to_select=3),
    RFECV(DecisionTreeRegressor(max_depth=3, random_state=0), cv=2),
    SelectFdr(f_regression),
    SelectFpr(f_regression),
    SelectFromModel(Lasso(0.1)),
    SelectFromModel(DecisionTreeRegressor(random_state=0), threshold="median"),
    SelectFwe(f_regression),
    SelectKBest(f_regression, k="all"),
    SelectKBest(mutual_info_regression, k=4),
    SelectPercentile(f_regression, percentile=50),
    SequentialFeatureSelector(Ridge(), n_features_to_select=2, cv=2),
    VarianceThreshold(1e-3),
]


def compiles(zoo, model, X):
    compiled, _, _ = zoo.compile(model, X)
    assert compiled.program is not None, compiled.why
    return compiled


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        KNeighborsClassifier(),
        SVC(),
        GaussianNB(),
        GradientBoostingClassifier(),
    ],
    ids=str,
)
def test_neighbouring_columns_of_a_wider_matrix_compile(zoo, model):
    X, y = zoo.data("penguins")
    X = X[["island", "sex"]].dropna()
    encoder = OneHotEncoder(sparse_output=False)
    fitted = make_pipeline(encoder, SelectKBest(k=2), model).fit(X, y[X.index])

    compiles(zoo, fitted, X)


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("selector", SELECTORS, ids=lambda one: re.sub(r" at 0x\w+", "", str(one)))
def test_a_selection_compiles(zoo, selector, data):
    zoo.check(make_pipeline(selector, Ridge()), data)


@pytest.mark.parametrize("data", ["iris", "breast_cancer", "penguins"])
def test_an_elimination_is_a_model_too(zoo, data):
    logistic = LogisticRegression(max_iter=20)
    if data == "penguins":
        zoo.check(RFE(logistic, n_features_to_select=4), data)
        zoo.check(RFECV(DecisionTreeClassifier(max_depth=3, random_state=0), cv=2), data)
        return
    X, y = zoo.data(data)
    model = make_pipeline(StandardScaler(), RFE(logistic, n_features_to_select=3, step=4))
    zoo.check_fitted(model.fit(X, y), data, title="RFE")


def test_columns_that_are_left_out_are_checked_too(zoo):
    X, y = zoo.data("cars")
    X = X[["Cylinders", "Displacement", "Weight_in_lbs"]].astype(float)
    y = X["Weight_in_lbs"] + y
    selector = SelectKBest(f_regression, k=1)
    model = make_pipeline(selector, HistGradientBoostingRegressor(max_iter=5)).fit(X, y)
    said = {"fields": [{"name": name, "missing": "accept"} for name in X.columns]}

    compiled, _, _ = zoo.compile(model, X, said=said)

    assert compiled.program is not None, compiled.why
    assert compiled.verification.n_refused > 0


def test_missing_values_pass_where_the_model_inside_takes_them(zoo):
    X, y = zoo.data("cars")
    X = X[["Cylinders", "Displacement", "Horsepower"]].astype(float)
    X.loc[::7, "Displacement"] = np.nan
    inside = SelectFromModel(DecisionTreeRegressor(max_depth=4, random_state=0), threshold="mean")

    compiles(zoo, make_pipeline(inside, HistGradientBoostingRegressor(max_iter=5)).fit(X, y), X)
    varying = make_pipeline(VarianceThreshold(), HistGradientBoostingRegressor(max_iter=5))
    compiles(zoo, varying.fit(X, y), X)
