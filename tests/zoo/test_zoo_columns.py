"""Columns compile: every way to choose, fill and encode them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

WORDS = ["Origin", "Maker"]
NUMBERS = ["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs"]


@pytest.fixture
def cars(zoo):
    """Cars with one more column of labels: rare ones, and some missing."""
    X, y = zoo.data("cars")
    rows = np.arange(len(X))
    maker = np.array(["ford", "toyota", "bmw", "fiat", "audi"])[(rows % 23) % 5].astype(object)
    maker[rows % 17 == 0] = "trabant"
    maker[rows % 31 == 0] = None
    return X.assign(Maker=maker), y


def compiles(zoo, model, X, y):
    compiled, _, _ = zoo.compile(model.fit(X, y), X)
    assert compiled.program is not None, compiled.why
    return compiled


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(),
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(drop="first"),
        OneHotEncoder(drop="if_binary", sparse_output=False),
        OneHotEncoder(drop=["USA", "bmw"]),
        OneHotEncoder(min_frequency=60, handle_unknown="infrequent_if_exist"),
        OneHotEncoder(max_categories=3, handle_unknown="ignore"),
        OneHotEncoder(max_categories=3, drop="first", handle_unknown="ignore"),
        OneHotEncoder(
            categories=[["Japan", "USA", "Europe"], ["bmw", "ford", None]], handle_unknown="ignore"
        ),
        OrdinalEncoder(encoded_missing_value=-1),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-5, encoded_missing_value=-1),
        OrdinalEncoder(min_frequency=60, encoded_missing_value=99),
        OrdinalEncoder(
            max_categories=3, handle_unknown="use_encoded_value", unknown_value=50,
            encoded_missing_value=-1,
        ),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_an_encoder_compiles(zoo, cars, encoder):
    X, y = cars
    columns = ColumnTransformer([("words", encoder, WORDS)], remainder=SimpleImputer())

    compiles(zoo, make_pipeline(columns, DecisionTreeRegressor()), X, y)


@pytest.mark.parametrize("how", ["ignore", "error", "infrequent_if_exist"])
def test_a_category_that_training_never_saw_is_treated_as_the_encoder_says(zoo, cars, how):
    X, y = cars
    encoder = OneHotEncoder(handle_unknown=how, min_frequency=60)
    model = make_pipeline(ColumnTransformer([("w", encoder, WORDS)]), LinearRegression()).fit(X, y)

    compiled, _, _ = zoo.compile(
        model, X, said={"fields": [{"name": n, "unknown": "warn"} for n in WORDS]}
    )

    assert compiled.program is not None, compiled.why
    assert (compiled.verification.n_refused > 0) == (how == "error")


@pytest.mark.parametrize(
    "columns",
    [
        NUMBERS,
        slice("Cylinders", "Weight_in_lbs"),
        [0, 1, 3],
        slice(0, 2),
        [True, False, True, False, False, False],
        make_column_selector(dtype_include="number"),
    ],
    ids=["names", "slice of names", "numbers", "slice", "mask", "callable"],
)
@pytest.mark.parametrize("rest", ["drop", OrdinalEncoder(encoded_missing_value=-1)], ids=str)
def test_columns_are_chosen_in_every_way(zoo, cars, columns, rest):
    X, y = cars
    chosen = ColumnTransformer([("n", SimpleImputer(), columns)], remainder=rest)
    if rest != "drop":
        X = X.assign(Maker=X["Maker"].where(X["Maker"].notna(), "none"))
        X = X.assign(**X[NUMBERS].fillna(0))

    compiles(zoo, make_pipeline(chosen, DecisionTreeRegressor()), X, y)


def test_the_rest_may_pass_through(zoo, cars):
    X, y = cars
    X = X[[*NUMBERS, "Origin"]].fillna(0)
    columns = ColumnTransformer(
        [("w", OneHotEncoder(), ["Origin"]), ("no", "drop", ["Cylinders"])], remainder="passthrough"
    )

    compiles(zoo, make_pipeline(columns, Ridge()), X, y)


def test_weights_of_transformers_count(zoo, cars):
    X, y = cars
    X = X[NUMBERS].fillna(0)
    union = FeatureUnion(
        [("a", StandardScaler()), ("b", "passthrough"), ("c", "drop")],
        transformer_weights={"a": 3.0},
    )
    columns = ColumnTransformer(
        [("a", StandardScaler(), NUMBERS[:2])],
        remainder="passthrough",
        transformer_weights={"a": 7.0},
    )

    compiles(zoo, make_pipeline(union, Ridge()), X, y)
    compiles(zoo, make_pipeline(columns, Ridge()), X, y)


@pytest.mark.parametrize(
    "imputer",
    [
        SimpleImputer(),
        SimpleImputer(strategy="median", add_indicator=True),
        SimpleImputer(strategy="most_frequent"),
        SimpleImputer(strategy="constant", fill_value=-7),
        SimpleImputer(missing_values=4, strategy="constant", fill_value=9),
    ],
    ids=str,
)
def test_an_imputer_of_numbers_compiles(zoo, cars, imputer):
    X, y = cars
    X = X[NUMBERS]
    if imputer.missing_values == 4:
        X = X.fillna(1.0).astype(float)

    compiles(zoo, make_pipeline(imputer, DecisionTreeRegressor()), X, y)


@pytest.mark.parametrize(
    "imputer",
    [
        SimpleImputer(strategy="most_frequent"),
        SimpleImputer(strategy="constant", fill_value="none"),
        SimpleImputer(strategy="constant", fill_value="ford"),
    ],
    ids=str,
)
def test_an_imputer_of_labels_compiles(zoo, cars, imputer):
    X, y = cars
    X = X.assign(Maker=X["Maker"].where(X["Maker"].notna(), np.nan))
    words = make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer([("w", words, WORDS)])

    compiles(zoo, make_pipeline(columns, DecisionTreeRegressor()), X, y)


def test_numbers_are_encoded_as_categories(zoo, cars):
    X, y = cars
    X = X[["Cylinders", "Horsepower"]]
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    scaled = make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        FunctionTransformer(),
        StandardScaler(with_mean=False, with_std=False),
        OneHotEncoder(handle_unknown="ignore"),
    )

    compiles(zoo, make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge()), X, y)
    compiles(zoo, make_pipeline(filled, Ridge()), X, y)
    compiles(zoo, make_pipeline(scaled, Ridge()), X, y)


def test_which_were_missing_is_a_column(zoo, cars):
    X, y = cars
    union = FeatureUnion([("f", SimpleImputer()), ("m", MissingIndicator(error_on_new=False))])

    compiles(zoo, make_pipeline(union, Ridge()), X[NUMBERS], y)


def test_steps_may_be_left_out(zoo, cars):
    X, y = cars
    X = X[NUMBERS].fillna(0)

    compiles(zoo, Pipeline([("a", None), ("b", "passthrough"), ("c", Ridge())]), X, y)


@pytest.mark.parametrize("dtype", ["category", "string", "object"])
def test_every_type_of_labels_in_pandas_compiles(zoo, cars, dtype):
    X, y = cars
    X = pd.DataFrame({"Origin": X["Origin"].astype(dtype)})

    compiles(zoo, make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge()), X, y)


def test_frames_of_polars_compile(zoo, cars):
    import polars as pl

    X, y = cars
    X = pl.DataFrame({n: X[n].to_list() for n in ("Weight_in_lbs", "Origin")})
    columns = ColumnTransformer([("w", OneHotEncoder(), ["Origin"])], remainder="passthrough")

    compiles(zoo, make_pipeline(columns, Ridge()), X, y)


def test_numbers_of_single_precision_stay_so(zoo, cars):
    X, y = cars
    X = X[NUMBERS].fillna(0).to_numpy(np.float32)

    compiled = compiles(zoo, make_pipeline(StandardScaler(), Ridge()), X, y)
    forest = compiles(zoo, make_pipeline(StandardScaler(), DecisionTreeRegressor()), X, y)

    assert compiled.program.is_single
    assert compiled.verification.tolerance == 1e-5
    assert forest.verification.difference == 0.0


def test_rows_as_dicts_compile(zoo):
    X, y = zoo.data("penguins")
    rows = [{n: v for n, v in row.items() if v == v} for row in X.to_dict("records")]
    model = make_pipeline(DictVectorizer(), DecisionTreeClassifier(random_state=0)).fit(rows, y)

    compiled, _, _ = zoo.compile(model, rows)

    assert compiled.program is not None, compiled.why
    assert compiled.verification.difference == 0

    hashed = make_pipeline(FeatureHasher(16), DecisionTreeClassifier(random_state=0)).fit(rows, y)
    assert "DictVectorizer compiles" in zoo.compile(hashed, rows)[0].why
