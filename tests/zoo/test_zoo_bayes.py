"""Naive Bayes and discriminant analysis compile."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.naive_bayes import (
    BernoulliNB,
    CategoricalNB,
    ComplementNB,
    GaussianNB,
    MultinomialNB,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OrdinalEncoder, StandardScaler

DATA = ["iris", "wine", "breast_cancer", "penguins"]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(
    "model",
    [
        BernoulliNB(),
        BernoulliNB(binarize=0.5, fit_prior=False),
        GaussianNB(),
        GaussianNB(priors=[0.3, 0.7]),
        GaussianNB(var_smoothing=1e-3),
        LinearDiscriminantAnalysis(),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        QuadraticDiscriminantAnalysis(reg_param=0.1),
    ],
    ids=str,
)
def test_bayes_and_discriminants_compile(zoo, model, data):
    is_of_two = data == "breast_cancer"
    if getattr(model, "priors", None) is None or is_of_two:
        zoo.check_scaled(model, data)


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer"])
@pytest.mark.parametrize("model", [GaussianNB(), LinearDiscriminantAnalysis()], ids=str)
def test_bayes_of_rows_as_they_come_compiles(zoo, model, data):
    zoo.check(model, data)


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer"])
@pytest.mark.parametrize(
    "model", [ComplementNB(), ComplementNB(norm=True), MultinomialNB(), MultinomialNB(alpha=0.1)],
    ids=str,
)  # fmt: skip
def test_bayes_of_counts_compiles(zoo, model, data):
    X, y = zoo.data(data)

    title = type(model).__name__
    zoo.check_fitted(make_pipeline(MinMaxScaler(), model).fit(X, y), data, title=title)


@pytest.mark.parametrize("data", ["iris", "wine"])
def test_bayes_of_bins_compiles(zoo, data):
    X, y = zoo.data(data)
    bins = KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf")
    model = make_pipeline(bins, CategoricalNB())

    zoo.check_fitted(model.fit(X, y), data, title="CategoricalNB")


def test_bayes_of_categories_compiles(zoo):
    X, y = zoo.data("penguins")
    columns = X[["island", "sex"]].fillna("?")

    compiled, _, _ = zoo.compile(
        make_pipeline(OrdinalEncoder(), CategoricalNB()).fit(columns, y), columns
    )

    assert compiled.program is not None, compiled.why


def test_bayes_of_whole_numbers_refuses_numbers_that_training_never_saw(zoo):
    X = np.random.default_rng(0).integers(0, 4, (60, 3)).astype(float)
    y = (X.sum(axis=1) > 4) * 1

    compiled, _, _ = zoo.compile(CategoricalNB().fit(X, y), X)

    assert compiled.program is not None, compiled.why
    assert compiled.verification.n_refused > 0


@pytest.mark.parametrize("data", ["iris", "breast_cancer"])
def test_the_scores_of_discriminants_are_of_use_to_others(zoo, data):
    for model in (QuadraticDiscriminantAnalysis(reg_param=0.1), LinearDiscriminantAnalysis()):
        zoo.check(CalibratedClassifierCV(model, cv=2), data)


@pytest.mark.parametrize("is_frame", [False, True])
@pytest.mark.parametrize("first", [None, StandardScaler(), PCA(2)], ids=str)
def test_bayes_of_single_precision_compiles(zoo, first, is_frame):
    X, y = zoo.data("wine")  # numpy adds up rows of eight and more columns in another order
    X = np.asarray(X, np.float32)
    X = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])]) if is_frame else X
    model = GaussianNB() if first is None else make_pipeline(first, GaussianNB())

    compiled, _, _ = zoo.compile(model.fit(X, y), X)

    assert compiled.program is not None, compiled.why
    assert compiled.program.is_single
    assert compiled.verification.difference < 1e-6
