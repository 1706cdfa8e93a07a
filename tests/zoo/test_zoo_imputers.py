"""Imputers that use other columns or rows compile, and so do encodings by the target."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - it brings the imputer
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.tree import DecisionTreeRegressor

NUMBERS = ["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs"]
IMPUTERS = [
    KNNImputer(),
    KNNImputer(n_neighbors=3, weights="distance"),
    KNNImputer(n_neighbors=1, add_indicator=True),
    KNNImputer(n_neighbors=10_000),
    IterativeImputer(random_state=0, max_iter=5),
    IterativeImputer(random_state=0, max_iter=3, add_indicator=True),
    IterativeImputer(random_state=0, max_iter=3, skip_complete=True, initial_strategy="median"),
    IterativeImputer(random_state=0, max_iter=3, min_value=60, max_value=150),
    IterativeImputer(random_state=0, max_iter=3, n_nearest_features=2, imputation_order="random"),
    IterativeImputer(Ridge(), random_state=0, max_iter=3, imputation_order="roman"),
    IterativeImputer(
        DecisionTreeRegressor(max_depth=3, random_state=0), max_iter=2, random_state=0
    ),
    IterativeImputer(make_pipeline(StandardScaler(), Ridge()), max_iter=2, random_state=0),
    IterativeImputer(max_iter=0),
]
QUIET = pytest.mark.filterwarnings("ignore:.*Early stopping criterion not reached")


def compiles(zoo, model, X, **options):
    compiled, _, _ = zoo.compile(model, X, **options)
    assert compiled.program is not None, compiled.why
    return compiled


def holey_cars(zoo):
    """Columns of numbers, with holes in all of them."""
    X, y = zoo.data("cars")
    X = X[NUMBERS].astype(float)
    for n, name in enumerate(NUMBERS):
        X.loc[X.index[n :: 11 + n], name] = np.nan
    return X, y


@QUIET
@pytest.mark.parametrize("imputer", IMPUTERS, ids=str)
def test_an_imputer_compiles(zoo, imputer):
    X, y = holey_cars(zoo)

    compiles(zoo, make_pipeline(imputer, Ridge()).fit(X, y), X)


@QUIET
@pytest.mark.parametrize("imputer", IMPUTERS, ids=str)
def test_an_imputer_of_scaled_numbers_compiles(zoo, imputer):
    # Not cars: scaled, several of its rows are equally near but for rounding, and the original
    # itself fills a row alone with other donors than the same row in a batch.
    X, y = zoo.data("wine")
    X = X.iloc[:, [0, 1, 6, 12]].copy()
    for n, name in enumerate(X.columns):
        X.loc[X.index[n :: 11 + n], name] = np.nan

    compiles(zoo, make_pipeline(StandardScaler(), imputer, Ridge()).fit(X, y * 1.0), X)


@QUIET
@pytest.mark.parametrize("imputer", [KNNImputer(), IterativeImputer(max_iter=3)], ids=str)
def test_an_imputer_among_columns_compiles(zoo, imputer):
    X, y = zoo.data("cars")
    columns = ColumnTransformer([("n", imputer, NUMBERS), ("w", TargetEncoder(), ["Origin"])])

    compiles(zoo, make_pipeline(columns, Ridge()).fit(X, y), X)


@QUIET
@pytest.mark.parametrize(
    "imputer",
    [KNNImputer(), KNNImputer(keep_empty_features=True), IterativeImputer(max_iter=2)],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_a_column_that_was_empty_is_dropped_or_kept(zoo, imputer):
    X, y = holey_cars(zoo)
    X["Cylinders"] = np.nan

    compiles(zoo, make_pipeline(imputer, Ridge()).fit(X, y), X)


@QUIET
@pytest.mark.parametrize(
    ("imputer", "why"),
    [
        (IterativeImputer(sample_posterior=True, max_iter=2), "random"),
        (KNNImputer(weights=lambda far: 1 / (1 + far)), "code"),
        (KNNImputer(missing_values=-1), "-1"),
    ],
)
def test_what_is_not_known_exactly_is_not_compiled(zoo, imputer, why):
    X, y = holey_cars(zoo)
    X = X.fillna(-1) if why == "-1" else X

    compiled, _, _ = zoo.compile(make_pipeline(imputer, Ridge()).fit(X, y), X)

    assert compiled.program is None
    assert why in compiled.why


@pytest.mark.parametrize("smooth", ["auto", 3.0])
@pytest.mark.parametrize("data", ["cars", "penguins"])
def test_an_encoding_by_the_target_compiles(zoo, data, smooth):
    X, y = zoo.data(data)
    words = X.select_dtypes(exclude="number").columns.tolist()
    columns = ColumnTransformer([("w", TargetEncoder(smooth=smooth), words)])
    model = Ridge() if data == "cars" else LogisticRegression()
    said = {"fields": [{"name": name, "unknown": "warn", "missing": "accept"} for name in words]}

    compiles(zoo, make_pipeline(columns, model).fit(X, y), X)
    compiles(zoo, make_pipeline(columns, model).fit(X, y), X, said=said)
    if data == "penguins":
        compiles(zoo, make_pipeline(columns, model).fit(X, y == "Gentoo"), X)


def test_numbers_are_encoded_by_the_target(zoo):
    X, y = zoo.data("cars")
    X = X[["Cylinders", "Horsepower"]]

    compiles(zoo, make_pipeline(TargetEncoder(), Ridge()).fit(X, y), X)
