"""Trees, forests and scikit-learn's boosting compile, and differ by nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

SEED = {"random_state": 0}
REGRESSORS = [
    DecisionTreeRegressor(**SEED),
    ExtraTreeRegressor(**SEED),
    ExtraTreesRegressor(20, **SEED),
    GradientBoostingRegressor(n_estimators=30, **SEED),
    HistGradientBoostingRegressor(max_iter=30, **SEED),
    RandomForestRegressor(20, n_jobs=2, **SEED),
]
CLASSIFIERS = [
    DecisionTreeClassifier(**SEED),
    ExtraTreeClassifier(**SEED),
    ExtraTreesClassifier(20, **SEED),
    GradientBoostingClassifier(n_estimators=20, **SEED),
    HistGradientBoostingClassifier(max_iter=20, **SEED),
    RandomForestClassifier(20, n_jobs=2, **SEED),
]


def name_of(value):
    return type(value).__name__ if hasattr(value, "fit") else str(value)


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("estimator", REGRESSORS, ids=name_of)
def test_a_regressor_of_trees_compiles(zoo, estimator, data):
    compiled = zoo.check(estimator, data)

    assert compiled.verification.difference < 1e-14


@pytest.mark.parametrize("data", ["iris", "breast_cancer", "penguins"])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=name_of)
def test_a_classifier_of_trees_compiles(zoo, estimator, data):
    compiled = zoo.check(estimator, data)

    assert compiled.verification.difference < 1e-12


@pytest.mark.parametrize("estimator", [DecisionTreeRegressor(), RandomForestRegressor(10)])
def test_several_outputs_compile(zoo, estimator):
    zoo.check(estimator, "linnerud")


@pytest.mark.parametrize("data", ["diabetes", "cars"])
def test_the_leaves_of_trees_compile(zoo, data):
    zoo.check(make_pipeline(RandomTreesEmbedding(20, **SEED), Ridge()), data)


@pytest.mark.parametrize("loss", ["log_loss", "exponential"])
def test_every_loss_of_gradient_boosting_compiles(zoo, loss):
    zoo.check(GradientBoostingClassifier(loss=loss, n_estimators=10, init="zero"), "breast_cancer")


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", "gamma"])
def test_every_loss_of_histogram_boosting_compiles(zoo, loss):
    zoo.check(HistGradientBoostingRegressor(loss=loss, max_iter=10), "cars")


def test_missing_values_go_where_training_sent_them(zoo):
    X, y = zoo.data("penguins")
    X = X.select_dtypes("number").copy()
    X.loc[::7, "flipper_length_mm"] = np.nan
    for model in (RandomForestClassifier(20), HistGradientBoostingClassifier(max_iter=20)):
        compiled, _, _ = zoo.compile(model.fit(X, y), X)

        assert compiled.program is not None, compiled.why
        assert {f.name: f.missing for f in compiled.program.signature.fields}[
            "flipper_length_mm"
        ] == "accept"


@pytest.mark.parametrize("how", ["from_dtype", "by name"])
def test_categories_of_histogram_boosting_compile(zoo, how):
    X, y = zoo.data("cars")
    X = X.assign(Origin=X["Origin"].astype("category"), year=np.arange(len(X)) % 40)
    X["year"] = X["year"].where(X["year"] != 7).astype(float)
    categories = "from_dtype" if how == "from_dtype" else ["Origin", "year"]
    model = HistGradientBoostingRegressor(
        max_iter=30, categorical_features=categories, min_samples_leaf=2
    )

    compiled, _, _ = zoo.compile(model.fit(X, y), X)

    assert compiled.program is not None, compiled.why
    assert compiled.verification.difference < 1e-14
    assert any(len(o.words) for o in compiled.program.plan.operations if hasattr(o, "words"))


def test_integers_and_booleans_are_numbers_to_a_tree(zoo):
    X, y = zoo.data("cars")
    X = pd.DataFrame({"big": X["Weight_in_lbs"] > 3_000, "weight": X["Weight_in_lbs"]})

    compiled, _, _ = zoo.compile(DecisionTreeRegressor().fit(X, y), X)

    assert compiled.program is not None, compiled.why
