"""skrub's vectorizers, cleaners and selections compile."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skrub
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from podium.compile.verify import TOLERANCE_SINGLE

SMALL = HistGradientBoostingRegressor(max_iter=10, categorical_features="from_dtype")
TREE = HistGradientBoostingRegressor(max_iter=5)
MODELS = {
    "boosting": lambda: skrub.tabular_pipeline(SMALL),
    "line": lambda: skrub.tabular_pipeline(Ridge()),
    "squashed": lambda: make_pipeline(
        skrub.TableVectorizer(), skrub.SquashingScaler(), HistGradientBoostingRegressor(max_iter=5)
    ),
    "cleaned": lambda: make_pipeline(
        skrub.Cleaner(drop_if_constant=True),
        skrub.ApplyToCols(skrub.CatEncoder(), cols=["Origin"]),
        HistGradientBoostingRegressor(max_iter=5),
    ),
    "selected": lambda: make_pipeline(
        skrub.SelectCols(["Origin", "Weight_in_lbs", "Cylinders"]),
        skrub.DropCols(["Cylinders"]),
        skrub.ApplyToCols(OneHotEncoder(sparse_output=False), cols=["Origin"]),
        skrub.ApplyToCols(StandardScaler(), cols=["Weight_in_lbs"], keep_original=True),
        Ridge(),
    ),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_pipeline_compiles(zoo, make):
    X, y = zoo.data("cars")

    found, _, _ = zoo.compile(make().fit(X, y), X)

    assert found.program is not None, found.why
    assert found.verification.n_labels == 0
    assert found.verification.difference < TOLERANCE_SINGLE


@pytest.mark.parametrize("kind", ["texts", "spline", "circular"])
def test_texts_and_times_compile(zoo, kind):
    X, y = zoo.data("cars")
    name = X["Origin"] + " " + X["Weight_in_lbs"].astype(str).str[:3]
    when = pd.date_range("2023-12-20", periods=len(X), freq="31h", tz="Europe/Berlin")
    X = X[["Cylinders"]].assign(name=name) if kind == "texts" else X[["Cylinders"]].assign(at=when)
    times = skrub.DatetimeEncoder(
        periodic_encoding=None if kind == "texts" else kind, add_weekday=True
    )
    vectorizer = skrub.TableVectorizer(
        datetime=times, high_cardinality=skrub.StringEncoder(4, random_state=0)
    )
    X.loc[X.index[::17], X.columns[1]] = None
    model = make_pipeline(vectorizer, SimpleImputer(), skrub.SquashingScaler(), Ridge()).fit(X, y)

    found, _, _ = zoo.compile(model, X)

    assert found.program is not None, found.why


@pytest.mark.parametrize("text", ["", "N/A", "  ", "Mars"])
def test_a_text_that_stands_for_nothing_is_missing(zoo, text):
    X, y = zoo.data("cars")
    X = X.assign(Origin=X["Origin"].where(X.index % 7 > 0))
    steps = skrub.TableVectorizer(), SimpleImputer(), skrub.SquashingScaler(), Ridge()
    model = make_pipeline(*steps).fit(X, y)

    found, original, table = zoo.compile(model, X)
    assert found.program is not None, found.why
    rows = table.take(slice(0, 9))
    rows.columns["Origin"] = np.array([text] * 9, object)
    np.testing.assert_allclose(
        found.program.predict(rows).predictions, original.predict(rows).predictions, rtol=1e-5
    )


def test_columns_that_are_made_cannot_be_selected_by_name(zoo):
    X, y = zoo.data("cars")
    model = make_pipeline(
        skrub.TableVectorizer(), skrub.SelectCols(["Origin_USA", "Cylinders"]), Ridge()
    ).fit(X, y)

    assert "select them before it" in zoo.compile(model, X)[0].why


@pytest.mark.parametrize("has_both", [False, True])
def test_hashes_of_texts_are_those_of_the_encoder(zoo, has_both):
    X, y = zoo.data("cars")
    X = X[["Origin"]].assign(name=("Opel " + X["Weight_in_lbs"].astype(str)).where(X.index % 9 > 0))
    encoder = skrub.MinHashEncoder(n_components=4, minmax_hash=has_both)
    model = make_pipeline(skrub.TableVectorizer(high_cardinality=encoder), TREE).fit(X, y)

    found, original, table = zoo.compile(model, X)
    assert found.program is not None, found.why
    rows = table.take(slice(0, 5))
    rows.columns["name"] = np.array(["", "O", "\u00d6l \u6f22\n" * 900, None, "Opel"], object)
    np.testing.assert_array_equal(
        found.program.predict(rows).predictions, original.predict(rows).predictions
    )


def test_similar_columns_are_dropped(zoo):
    X, y = zoo.data("cars")
    X = X.assign(maker=X["Origin"].str.lower())
    model = make_pipeline(skrub.DropSimilar(0.99), skrub.TableVectorizer(), TREE).fit(X, y)

    assert "maker" in model[0].to_drop_
    found, _, _ = zoo.compile(model, X)
    assert found.program is not None, found.why


def test_an_encoder_without_a_program_says_why(zoo):
    X, y = zoo.data("cars")
    encoder = skrub.MinHashEncoder(n_components=3, hashing="murmur")
    model = make_pipeline(skrub.ApplyToCols(encoder, cols=["Origin"]), TREE).fit(X, y)

    assert "hashing='fast' compiles" in zoo.compile(model, X)[0].why


@pytest.mark.parametrize("form", ["%m/%d/%Y", "%Y-%m-%d %H:%M:%S"])
def test_times_are_read_from_texts(zoo, form):
    X, y = zoo.data("cars")
    when = pd.Series(pd.date_range("2023-12-20", periods=len(X), freq="31h"), index=X.index)
    X = X[["Cylinders"]].assign(at=when.dt.strftime(form).where(X.index % 11 > 0))
    model = make_pipeline(skrub.TableVectorizer(), HistGradientBoostingRegressor(max_iter=5)).fit(
        X, y
    )

    found, original, table = zoo.compile(model, X)
    assert found.program is not None, found.why
    rows = table.take(slice(0, 4))
    rows.columns["at"] = np.array(["soon", "", "2024-13-01", None], object)
    np.testing.assert_array_equal(
        found.program.predict(rows).predictions, original.predict(rows).predictions
    )
