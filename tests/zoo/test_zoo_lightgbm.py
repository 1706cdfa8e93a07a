"""Every booster of LightGBM compiles: with categories, and with each kind of missing value."""

from __future__ import annotations

import lightgbm
import numpy as np
import pandas as pd
import pytest

SMALL = {"n_estimators": 12, "n_jobs": 1, "verbose": -1, "random_state": 0}
BAGGED = {"subsample": 0.7, "subsample_freq": 1}
BOOSTERS = [{}, {"boosting_type": "dart"}, {"boosting_type": "rf", **BAGGED}]


def compiles(zoo, model, X, **options):
    compiled, _, _ = zoo.compile(model, X, **options)
    assert compiled.program is not None, compiled.why
    assert compiled.verification.difference < 1e-12
    return compiled


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("options", BOOSTERS, ids=str)
def test_a_regressor_compiles(zoo, options, data):
    zoo.check(lightgbm.LGBMRegressor(**SMALL | options), data)


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "penguins"])
@pytest.mark.parametrize("options", BOOSTERS, ids=str)
def test_a_classifier_compiles(zoo, options, data):
    zoo.check(lightgbm.LGBMClassifier(**SMALL | options), data)


@pytest.mark.parametrize(
    "objective",
    ["fair", "gamma", "huber", "mape", "poisson", "quantile", "regression_l1", "tweedie"],
)
def test_every_objective_of_regression_compiles(zoo, objective):
    zoo.check(lightgbm.LGBMRegressor(objective=objective, **SMALL), "cars")


def test_every_objective_of_classes_compiles(zoo):
    zoo.check(lightgbm.LGBMClassifier(objective="multiclassova", sigmoid=0.7, **SMALL), "wine")
    zoo.check(lightgbm.LGBMClassifier(objective="cross_entropy", **SMALL), "breast_cancer")
    zoo.check(lightgbm.LGBMClassifier(sigmoid=1.7, **SMALL), "breast_cancer")


@pytest.mark.parametrize(
    "options", [{}, {"zero_as_missing": True}, {"use_missing": False}], ids=str
)
def test_missing_values_go_where_training_sent_them(zoo, options):
    X, y = zoo.data("cars")
    X = X[["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs"]].astype(float)
    X = X - X.median()
    X.loc[::7, "Displacement"] = np.nan
    X.loc[::3, "Cylinders"] = 0.0
    model = lightgbm.LGBMRegressor(min_child_samples=3, **SMALL | options)

    compiles(zoo, model.fit(X, y), X)
    without = X.fillna(1.0)
    compiles(zoo, model.fit(without, y), without)


def test_categories_of_pandas_compile(zoo):
    X, y = zoo.data("cars")
    year = np.arange(len(X)) % 40
    X = X.assign(
        Origin=X["Origin"].astype("category"),
        year=pd.Categorical([None if n == 7 else f"year {n}" for n in year]),
        number=pd.Categorical(year * 3),
    )
    model = lightgbm.LGBMRegressor(min_child_samples=2, min_data_per_group=5, **SMALL)

    compiled = compiles(zoo, model.fit(X, y), X)

    assert any(len(o.words) for o in compiled.program.plan.operations if hasattr(o, "words"))


def test_numbers_called_categories_compile(zoo):
    X, y = zoo.data("cars")
    rows = np.column_stack([np.arange(len(X)) % 40 - 3.5, X["Displacement"]])
    model = lightgbm.LGBMRegressor(min_child_samples=2, min_data_per_group=5, **SMALL)

    compiles(zoo, model.fit(rows, y, categorical_feature=[0]), rows)


def test_whole_numbers_of_an_array_are_rounded_as_the_library_does(zoo):
    _, y = zoo.data("diabetes")
    # Single precision holds every 128th of these numbers.
    rows = np.column_stack([2**30 + 100 * np.argsort(np.argsort(y)), np.arange(len(y))])
    model = lightgbm.LGBMRegressor(min_child_samples=1, num_leaves=100, **SMALL)

    compiles(zoo, model.fit(rows, y), rows)


def test_trees_after_the_best_are_left_out(zoo):
    X, y = zoo.data("diabetes")
    model = lightgbm.LGBMRegressor(n_estimators=200, n_jobs=1, verbose=-1)
    stop = lightgbm.early_stopping(3, verbose=False)
    model.fit(X[:300], y[:300], eval_X=X[300:], eval_y=y[300:], callbacks=[stop])
    assert 0 < model.best_iteration_ < 200

    compiles(zoo, model, X)


@pytest.mark.parametrize("objective", ["binary", "multiclass", "regression"])
def test_a_native_file_compiles_through_its_class(zoo, tmp_path, objective):
    X, y = zoo.data("wine")
    y = y if objective == "multiclass" else y == 1
    options = {"objective": objective, "verbose": -1, "num_threads": 1}
    options |= {"num_class": 3} if objective == "multiclass" else {}
    file = tmp_path / "model.txt"
    lightgbm.train(options, lightgbm.Dataset(X, y), 10).save_model(file)

    compiled = compiles(zoo, lightgbm.Booster(model_file=file), X)

    assert len(compiled.program.plan.answers) == (3 if objective == "multiclass" else 1)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"linear_tree": True}, "linear"),
        ({"reg_sqrt": True}, "square roots"),
        ({"objective": lambda y, f: (f - y, np.ones_like(y))}, ""),
    ],
)
def test_what_is_not_known_exactly_is_not_compiled(zoo, options, why):
    X, y = zoo.data("diabetes")

    compiled, _, _ = zoo.compile(lightgbm.LGBMRegressor(**SMALL | options).fit(X, y), X)

    assert why in compiled.why
    assert (compiled.program is None) == bool(why)
