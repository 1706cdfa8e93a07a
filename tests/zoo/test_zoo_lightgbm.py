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


def with_gaps(X):
    X = X[["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs"]].astype(float)
    X.loc[::7, "Displacement"] = np.nan
    return X.assign(Origin=pd.Categorical(np.arange(len(X)) % 9))


@pytest.mark.parametrize("data", ["cars", "classes"])
def test_leaves_with_linear_models_compile(zoo, data):
    X, y = zoo.data("cars")
    X = with_gaps(X)
    options = {"linear_tree": True, "min_child_samples": 8, "min_data_per_group": 5}
    if data == "cars":
        model = lightgbm.LGBMRegressor(**SMALL | options)
    else:
        model, y = lightgbm.LGBMClassifier(**SMALL | options), np.digitize(y, [18, 25])

    compiled = compiles(zoo, model.fit(X, y), X)

    # A row lacks a number that a leaf's model needs: the leaf's constant is used in its place.
    assert compiled.verification.n_perturbed > 500
    text = model.booster_.model_to_string()
    assert "num_features=0 0" not in text.partition("Tree=3")[2].partition("Tree=4")[0]


def test_leaves_with_linear_models_compile_without_any(zoo):
    X, y = zoo.data("diabetes")
    model = lightgbm.LGBMRegressor(linear_tree=True, **SMALL | {"n_estimators": 1})

    compiles(zoo, model.fit(X, y), X)


@pytest.mark.parametrize(
    "options",
    [
        {"reg_sqrt": True},
        {"objective": "cross_entropy_lambda"},
        {"objective": lambda y, f: (f - y, np.ones_like(y))},
    ],
    ids=["roots", "cross-entropy with weights", "own"],
)
def test_links_of_numbers_compile(zoo, options):
    X, y = zoo.data("diabetes")
    y = y > 150 if options.get("objective") == "cross_entropy_lambda" else y - 150

    compiles(zoo, lightgbm.LGBMRegressor(**SMALL | options).fit(X, y), X)


def log_loss(truth, score):
    share = 1 / (1 + np.exp(-score))
    return share - truth, share * (1 - share)


def test_classes_of_an_objective_of_ones_own_are_raw_scores(zoo):
    X, y = zoo.data("breast_cancer")
    model = lightgbm.LGBMClassifier(objective=log_loss, **SMALL)

    compiled = compiles(zoo, model.fit(X, y), X)

    (output,) = compiled.program.signature.outputs
    assert (output.task, output.classes) == ("value", ())
