"""Boosters of CatBoost compile: trees of levels and of nodes, numbers and few categories."""

from __future__ import annotations

import catboost
import numpy as np
import pandas as pd
import pytest

SMALL = {
    "iterations": 15,
    "depth": 4,
    "verbose": 0,
    "thread_count": 1,
    "allow_writing_files": False,
}


def compiles(zoo, model, X, **options):
    compiled, _, _ = zoo.compile(model, X, **options)
    assert compiled.program is not None, compiled.why
    assert compiled.verification.difference < 1e-12
    return compiled


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("policy", ["SymmetricTree", "Lossguide", "Depthwise"])
def test_a_regressor_compiles(zoo, policy, data):
    zoo.check(catboost.CatBoostRegressor(grow_policy=policy, **SMALL), data)


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "penguins"])
@pytest.mark.parametrize("policy", ["SymmetricTree", "Depthwise"])
def test_a_classifier_compiles(zoo, policy, data):
    zoo.check(catboost.CatBoostClassifier(grow_policy=policy, **SMALL), data)


@pytest.mark.parametrize(
    "loss", ["MAE", "Poisson", "Quantile:alpha=0.3", "Tweedie:variance_power=1.5"]
)
def test_every_loss_of_regression_compiles(zoo, loss):
    zoo.check(catboost.CatBoostRegressor(loss_function=loss, **SMALL), "cars")


def test_every_loss_of_classes_compiles(zoo):
    zoo.check(catboost.CatBoostClassifier(loss_function="MultiClassOneVsAll", **SMALL), "wine")
    model = catboost.CatBoostClassifier(loss_function="CrossEntropy", **SMALL)
    zoo.check(model, "breast_cancer", numbered=True)


def test_several_outputs_compile(zoo):
    zoo.check(catboost.CatBoostRegressor(loss_function="MultiRMSE", **SMALL), "linnerud")


@pytest.mark.parametrize("mode", ["Min", "Max"])
def test_missing_values_go_where_training_sent_them(zoo, mode):
    X, y = zoo.data("cars")
    X = X[["Cylinders", "Displacement", "Horsepower"]].copy()
    X.loc[::7, "Displacement"] = np.nan
    model = catboost.CatBoostRegressor(nan_mode=mode, **SMALL)

    compiles(zoo, model.fit(X, y), X)


def test_a_missing_value_that_training_never_saw_is_below_all_others(zoo):
    X, y = zoo.data("diabetes")
    model = catboost.CatBoostRegressor(**SMALL).fit(X, y)

    said = {"fields": [{"name": f"x{i}", "missing": "accept"} for i in range(X.shape[1])]}

    compiles(zoo, model, X, said=said)


def with_categories(X):
    numbers = np.arange(len(X)) % 40
    words = np.array([f"maker {n % 11}" for n in range(len(X))], object)
    return X.assign(number=pd.Categorical(numbers), maker=words)[
        ["Origin", "Displacement", "number", "maker", "Weight_in_lbs"]
    ]


def test_categories_that_are_told_apart_one_by_one_compile(zoo):
    X, y = zoo.data("cars")
    X = with_categories(X)
    model = catboost.CatBoostRegressor(
        cat_features=["Origin", "number", "maker"], one_hot_max_size=255, **SMALL | {"depth": 6}
    )

    compiled = compiles(
        zoo,
        model.fit(X, y),
        X,
        said={"fields": [{"name": "Origin", "unknown": "warn"}]},
    )

    assert any(len(o.words) for o in compiled.program.plan.operations if hasattr(o, "words"))


def test_counts_of_categories_are_not_compiled(zoo):
    X, y = zoo.data("cars")
    X = with_categories(X)
    model = catboost.CatBoostRegressor(cat_features=["maker", "Origin", "number"], **SMALL)

    compiled, _, _ = zoo.compile(model.fit(X, y), X)

    assert "counts targets" in compiled.why


def test_another_threshold_is_not_compiled(zoo):
    X, y = zoo.data("breast_cancer")
    model = catboost.CatBoostClassifier(**SMALL).fit(X, y)
    model.set_probability_threshold(0.7)

    compiled, _, _ = zoo.compile(model, X)

    assert "0.7" in compiled.why


@pytest.mark.parametrize("kind", [catboost.CatBoost, catboost.CatBoostRegressor])
def test_a_native_file_compiles_through_its_class(zoo, tmp_path, kind):
    X, y = zoo.data("diabetes")
    file = tmp_path / "model.cbm"
    catboost.CatBoostRegressor(**SMALL).fit(X, y).save_model(file)

    compiles(zoo, kind().load_model(file), X)


def test_a_native_file_of_classes_compiles_through_its_class(zoo, tmp_path):
    X, y = zoo.data("iris")
    file = tmp_path / "model.cbm"
    catboost.CatBoostClassifier(**SMALL).fit(X, y).save_model(file)

    compiles(zoo, catboost.CatBoostClassifier().load_model(file), X)
