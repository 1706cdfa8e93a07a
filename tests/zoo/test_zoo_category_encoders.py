"""Encoders of category_encoders compile: what they make of each cell is found by trying."""

from __future__ import annotations

import category_encoders as ce
import numpy as np
import pandas as pd
import pytest
from category_encoders.wrapper import NestedCVWrapper, PolynomialWrapper
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from tests.zoo.conftest import assert_same_in_every_batch

pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")  # its own habits

TREES = HistGradientBoostingRegressor(max_iter=5)
TO_NAN = {"handle_unknown": "return_nan", "handle_missing": "return_nan"}
ENCODERS = [
    ce.TargetEncoder(),
    ce.CatBoostEncoder(sigma=0.3),
    ce.LeaveOneOutEncoder(**TO_NAN),
    ce.JamesSteinEncoder(cols=["Maker", "Origin", "Cylinders"]),
    ce.QuantileEncoder(handle_unknown="error"),
    ce.SummaryEncoder(),
    ce.OrdinalEncoder(handle_missing="return_nan"),
    ce.OrdinalEncoder(
        mapping=[
            {"col": "Origin", "mapping": {"Japan": 7, "USA": 3}},
            {"col": "Maker", "mapping": {"ford": 2, "1": 1, None: -4}},
        ]
    ),
    ce.CountEncoder(normalize=True, min_group_size=0.1, handle_unknown=-3),
    ce.OneHotEncoder(use_cat_names=True, handle_unknown="indicator", handle_missing="indicator"),
    ce.OneHotEncoder(**TO_NAN),
    ce.BinaryEncoder(drop_invariant=True),
    ce.BaseNEncoder(base=3, min_group_size=20),
    ce.GrayEncoder(),
    ce.RankHotEncoder(),
    ce.HelmertEncoder(),
    ce.HashingEncoder(n_components=6, max_process=1),
    ce.HashingEncoder(n_components=7, max_process=1, hash_method="sha1", return_df=False),
    NestedCVWrapper(ce.MEstimateEncoder(), cv=KFold(2)),
]


@pytest.fixture
def cars(zoo):
    """Cars with one more column of labels: one that is rare, and some missing."""
    X, y = zoo.data("cars")
    rows = np.arange(len(X))
    maker = np.array(["ford", "1", "2", "fiat", "audi"])[(rows % 23) % 5].astype(object)
    maker[rows % 17 == 0] = "trabant"
    maker[rows % 31 == 0] = None
    return X.assign(Maker=maker), y


def compiles(zoo, model, X, y):
    compiled, _, table = zoo.compile(model.fit(X, y), X)
    assert compiled.program is not None, compiled.why
    assert compiled.verification.difference < 1e-9
    assert_same_in_every_batch(compiled.program, table)
    return compiled


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda one: type(one).__name__)
def test_an_encoder_compiles(zoo, cars, encoder):
    X, y = cars

    # Without the numbers that matter most: the trees have to ask for categories.
    compiles(zoo, make_pipeline(encoder, TREES), X[["Maker", "Origin", "Cylinders"]], y)


@pytest.mark.parametrize("kind", [object, "str", "string", "category"])
def test_every_type_of_texts_compiles(zoo, cars, kind):
    X, y = cars
    X = X.astype({"Origin": kind, "Maker": kind})

    compiles(zoo, make_pipeline(ce.CatBoostEncoder(), TREES), X, y)
    compiles(zoo, make_pipeline(ce.HashingEncoder(max_process=1), TREES), X, y)


@pytest.mark.parametrize(("how", "is_refused"), [("error", True), ("value", False)])
def test_a_category_that_training_never_saw_is_treated_as_the_encoder_says(
    zoo, cars, how, is_refused
):
    X, y = cars
    model = make_pipeline(
        ce.WOEEncoder(handle_unknown=how), HistGradientBoostingClassifier(max_iter=5)
    )
    compiled, _, _ = zoo.compile(
        model.fit(X, y > 20),
        X,
        said={"fields": [{"name": name, "unknown": "warn"} for name in ("Origin", "Maker")]},
    )

    assert compiled.program is not None, compiled.why
    assert (compiled.verification.n_refused > 0) == is_refused


def test_numbers_and_booleans_are_categories_where_the_encoder_takes_them(zoo, cars):
    X, y = cars
    X = X.assign(
        heavy=X["Weight_in_lbs"] > 3000, share=(X["Cylinders"] / 10).astype("float32")
    ).fillna({"Horsepower": 0})
    columns = ["Cylinders", "heavy", "share", "Origin", "Maker"]

    compiled = compiles(zoo, make_pipeline(ce.TargetEncoder(cols=columns), TREES), X, y)

    fields = {field.name: field.type for field in compiled.program.signature.fields}
    assert fields["Cylinders"] == fields["share"] == "category"
    assert fields["heavy"] == "boolean"


def test_a_gap_among_numbers_in_a_column_of_objects_is_one_of_numbers(zoo, cars):
    X, y = cars
    size = X["Cylinders"].astype(object).where(np.arange(len(X)) % 7 > 0, None)
    encode = ce.CatBoostEncoder(cols=["size"], handle_unknown="error")

    compiles(zoo, make_pipeline(encode, TREES), pd.DataFrame({"size": size}), y)


def test_an_encoder_inside_a_column_transformer_compiles(zoo, cars):
    X, y = cars
    encode = ColumnTransformer(
        [("many", ce.BinaryEncoder(), ["Maker"]), ("few", ce.SumEncoder(), ["Origin"])],
        remainder=SimpleImputer(),
    ).set_output(transform="pandas")

    compiles(zoo, make_pipeline(encode, Ridge()), X, y)


def test_an_encoder_behind_an_imputer_compiles(zoo, cars):
    X, y = cars
    fill = SimpleImputer(strategy="most_frequent").set_output(transform="pandas")

    compiles(zoo, make_pipeline(fill, ce.JamesSteinEncoder(), Ridge()), X, y)
    # An array of objects: every column of it is one of categories.
    words = SimpleImputer(strategy="most_frequent")
    compiles(zoo, make_pipeline(words, ce.TargetEncoder(), Ridge()), X[["Maker", "Origin"]], y)


def test_a_wrapper_for_several_classes_compiles(zoo):
    X, y = zoo.data("penguins")
    encode = PolynomialWrapper(ce.TargetEncoder())

    compiles(zoo, make_pipeline(encode, SimpleImputer(), LogisticRegression(max_iter=5000)), X, y)


def test_an_encoder_of_several_columns_together_says_why_it_does_not_compile(zoo, cars):
    X, y = cars
    encode = ce.TargetEncoder(composite_cols=[("Origin", "Maker")])

    compiled, _, _ = zoo.compile(make_pipeline(encode, TREES).fit(X, y), X)

    assert compiled.why == (
        "Pipeline / targetencoder: it joins several columns to one (composite_cols); "
        "a column that holds both compiles"
    )


def test_thousands_of_categories_compile_fast(zoo):
    random = np.random.default_rng(0)
    city = np.array([f"city {n}" for n in range(3000)])
    X = pd.DataFrame({"city": city[np.r_[0:3000, random.integers(0, 3000, 3000)]]})
    X["size"] = random.normal(size=len(X))
    y = X["size"] + X["city"].str.len()

    compiled = compiles(zoo, make_pipeline(ce.TargetEncoder(), Ridge()), X, y)
    binary = compiles(zoo, make_pipeline(ce.BinaryEncoder(), Ridge()), X, y)

    assert compiled.verification.seconds < 30
    assert binary.program is not None


@pytest.mark.parametrize("missing", ["value", "indicator", "ignore"])
def test_lists_of_items_are_texts_and_each_item_counts(zoo, cars, missing):
    X, y = cars
    listed = (X["Origin"] + " | " + X["Maker"].fillna("")).where(X.index % 9 > 0)
    X = X[["Weight_in_lbs"]].assign(words=listed)
    encoder = ce.MultiHotEncoder(cols=["words"], handle_missing=missing, drop_invariant=True)
    model = make_pipeline(encoder, TREES).fit(X, y)

    found, original, table = zoo.compile(model, X)
    assert found.program is not None, found.why
    rows = table.take(slice(0, 6))
    odd = ["ford|  Japan\t|x", "", " | ", None, "Ford|USA|USA|audi", "USA, fiat"]
    rows.columns["words"] = np.array(odd, object)
    np.testing.assert_array_equal(
        found.program.predict(rows).predictions, original.predict(rows).predictions
    )


def test_items_that_are_not_known_say_why_they_do_not_compile(zoo, cars):
    X, y = cars
    X = X[["Origin"]]
    model = make_pipeline(ce.MultiHotEncoder(handle_unknown="indicator"), TREES).fit(X, y)

    assert "only handle_unknown='value' compiles" in zoo.compile(model, X)[0].why
