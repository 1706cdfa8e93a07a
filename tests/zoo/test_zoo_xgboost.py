"""Every booster of XGBoost compiles: rounded where it rounds, missing where it sends it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from podium.compile import compile_model

# Of ways to train that newer versions of XGBoost still know.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated")
SMALL = {"n_estimators": 12, "max_depth": 4, "n_jobs": 1}
BOOSTERS = [{}, {"booster": "dart", "rate_drop": 0.3}]


def compiles(zoo, model, X, **options):
    compiled, _, _ = zoo.compile(model, X, **options)
    assert compiled.program is not None, compiled.why
    return compiled


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("options", BOOSTERS, ids=str)
def test_a_regressor_compiles(zoo, options, data):
    zoo.check(xgboost.XGBRegressor(**SMALL | options), data)


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "penguins"])
@pytest.mark.parametrize("options", BOOSTERS, ids=str)
def test_a_classifier_compiles(zoo, options, data):
    zoo.check(xgboost.XGBClassifier(**SMALL | options), data, numbered=True)


def test_random_forests_compile(zoo):
    zoo.check(xgboost.XGBRFRegressor(**SMALL), "cars")
    zoo.check(xgboost.XGBRFClassifier(**SMALL), "penguins", numbered=True)
    zoo.check(xgboost.XGBClassifier(num_parallel_tree=3, **SMALL), "iris", numbered=True)


@pytest.mark.parametrize(
    "objective",
    [
        "count:poisson",
        "reg:absoluteerror",
        "reg:gamma",
        "reg:pseudohubererror",
        "reg:squaredlogerror",
        "reg:tweedie",
    ],
)
def test_every_objective_of_regression_compiles(zoo, objective):
    zoo.check(xgboost.XGBRegressor(objective=objective, **SMALL), "cars")


@pytest.mark.parametrize("objective", ["binary:logitraw", "reg:logistic", "reg:squarederror"])
def test_every_objective_of_two_classes_compiles(zoo, objective):
    model = xgboost.XGBClassifier(objective=objective, **SMALL)

    zoo.check(model, "breast_cancer", numbered=True)


def test_the_highest_of_several_classes_compiles(zoo):
    model = xgboost.XGBClassifier(objective="multi:softmax", **SMALL)

    zoo.check(model, "wine", numbered=True)


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_several_outputs_compile(zoo, strategy):
    model = xgboost.XGBRegressor(multi_strategy=strategy, tree_method="hist", **SMALL)

    zoo.check(model, "linnerud")


def test_several_quantiles_compile(zoo):
    X, y = zoo.data("diabetes")
    model = xgboost.XGBRegressor(
        objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9], **SMALL
    )

    compiled = compiles(zoo, model.fit(X, y), X)

    assert len(compiled.program.plan.answers) == 3


def test_trees_after_the_best_are_left_out(zoo):
    X, y = zoo.data("diabetes")
    model = xgboost.XGBRegressor(n_estimators=200, early_stopping_rounds=2, n_jobs=1)
    model.fit(X[:300], y[:300], eval_set=[(X[300:], y[300:])], verbose=False)
    assert 0 < model.best_iteration < model.get_booster().num_boosted_rounds() - 1

    compiles(zoo, model, X)


@pytest.mark.parametrize("missing", [np.nan, 8.0, -99.9])
def test_missing_values_go_where_training_sent_them(zoo, missing):
    X, y = zoo.data("cars")
    X = X[["Cylinders", "Displacement", "Horsepower"]].astype(float)
    X.loc[::7, "Displacement"] = missing
    X.loc[::5, "Horsepower"] = np.nan
    model = xgboost.XGBRegressor(missing=missing, n_estimators=12, n_jobs=1)

    compiles(zoo, model.fit(X, y), X)


@pytest.mark.parametrize("kind", ["texts", "numbers"])
def test_categories_compile(zoo, kind):
    X, y = zoo.data("cars")
    year = np.arange(len(X)) % 40
    labels = year * 3 if kind == "numbers" else [None if n == 7 else f"year {n}" for n in year]
    X = X.assign(Origin=X["Origin"].astype("category"), year=pd.Categorical(labels))
    model = xgboost.XGBRegressor(enable_categorical=True, max_cat_to_onehot=2, **SMALL)

    compiled = compiles(zoo, model.fit(X, y), X)

    assert any(len(o.words) for o in compiled.program.plan.operations if hasattr(o, "words"))


def test_numbers_called_categories_compile(zoo):
    X, y = zoo.data("cars")
    X = X[["Origin", "Displacement"]]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer([("o", encoder, ["Origin"])], remainder="passthrough")
    model = xgboost.XGBRegressor(
        feature_types=["c", "q"], enable_categorical=True, max_cat_to_onehot=1, **SMALL
    )
    compiles(zoo, make_pipeline(columns, model).fit(X, y), X)

    rows = columns.fit_transform(X)
    compiled, _, _ = zoo.compile(model.fit(rows, y), rows)

    assert compiled.program is not None, compiled.why


def test_a_booster_compiles_by_itself(zoo):
    X, y = zoo.data("breast_cancer")
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(X, y), 10)

    class Framed:
        """The booster with rows of a frame."""

        def predict(self, rows):
            return booster.predict(xgboost.DMatrix(rows))

    _, original, table = zoo.compile(Framed(), X)
    compiled = compile_model(booster, original.signature, table, original=original.predict)

    assert compiled.program is not None, compiled.why


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_a_native_file_compiles_through_its_class(zoo, tmp_path, suffix):
    X, y = zoo.data("breast_cancer")
    file = tmp_path / f"model.{suffix}"
    xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(X, y), 10).save_model(file)
    model = xgboost.XGBClassifier()
    model.load_model(file)

    compiles(zoo, model, X)


def squared(truth, answer):
    return answer - truth, np.ones_like(truth)


def log_loss(truth, score):
    share = 1 / (1 + np.exp(-score))
    return share - truth, share * (1 - share)


def test_an_objective_of_ones_own_predicts_through_the_link_in_its_file(zoo):
    X, y = zoo.data("diabetes")
    compiles(zoo, xgboost.XGBRegressor(objective=squared, **SMALL).fit(X, y), X)
    model = xgboost.XGBClassifier(objective=log_loss, **SMALL)

    compiled = compiles(zoo, model.fit(X, y > 150), X)

    assert compiled.program.signature.output.has_probabilities


def test_classes_of_the_hinge_loss_compile(zoo):
    model = xgboost.XGBClassifier(objective="binary:hinge", **SMALL)

    zoo.check(model, "breast_cancer", numbered=True)


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_several_labels_compile(zoo, strategy):
    X, y = zoo.data("diabetes")
    labels = np.stack([y > 100, y > 150, y > 220], axis=1).astype(int)
    model = xgboost.XGBClassifier(multi_strategy=strategy, **SMALL)

    compiled = compiles(zoo, model.fit(X, labels), X)

    assert compiled.program.signature.n_probabilities == 6


def test_a_category_that_training_never_saw_goes_where_the_library_sends_it(zoo):
    X, y = zoo.data("cars")
    X = X.assign(Origin=X["Origin"].astype("category"))
    seen = (X["Origin"] != "Japan").to_numpy()
    model = xgboost.XGBRegressor(enable_categorical=True, max_cat_to_onehot=1, **SMALL)

    compiles(zoo, model.fit(X[seen], y[seen]), X)


@pytest.mark.parametrize(
    ("data", "kind", "options", "difference"),
    [
        ("diabetes", xgboost.XGBRegressor, {}, 0),
        ("iris", xgboost.XGBClassifier, {}, 1e-5),
        ("wine", xgboost.XGBClassifier, {}, 1e-5),
        ("breast_cancer", xgboost.XGBClassifier, {"updater": "coord_descent"}, 1e-5),
        ("breast_cancer", xgboost.XGBClassifier, {}, 1e-5),
        ("cars", xgboost.XGBRegressor, {"objective": "count:poisson"}, 1e-6),
    ],
)
def test_a_linear_booster_adds_up_in_its_own_order(zoo, data, kind, options, difference):
    model = kind(booster="gblinear", n_estimators=20, **options)

    compiled = zoo.check_fitted(zoo.fit(model, data, numbered=kind is xgboost.XGBClassifier), data)

    # The sums are the same; its links are its own.
    assert compiled.verification.difference <= difference


def test_a_linear_booster_passes_over_what_is_missing(zoo):
    X, y = zoo.data("diabetes")
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.1, -1.0, X)
    X[::7, 0] = np.nan
    model = xgboost.XGBRegressor(booster="gblinear", missing=-1.0).fit(X, y)

    compiles(zoo, model, X)
