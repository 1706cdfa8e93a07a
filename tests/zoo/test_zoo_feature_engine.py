"""feature_engine's steps compile, and what can't be exact says why."""

from __future__ import annotations

import feature_engine.creation as fc
import feature_engine.discretisation as fd
import feature_engine.encoding as fe
import feature_engine.imputation as fi
import feature_engine.outliers as fo
import feature_engine.preprocessing as fp
import feature_engine.selection as fs
import feature_engine.transformation as ft
import numpy as np
import pandas as pd
import pytest
from feature_engine.datetime import DatetimeFeatures, DatetimeOrdinal, DatetimeSubtraction
from feature_engine.pipeline import Pipeline
from feature_engine.text import TextFeatures
from feature_engine.timeseries.forecasting import LagFeatures
from feature_engine.wrappers import SklearnTransformerWrapper
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from podium.errors import ModelError

pytestmark = [
    pytest.mark.filterwarnings("ignore:The number of unique categories"),
    pytest.mark.filterwarnings("ignore:During the"),
    # Its own code calls pandas in ways that pandas 4 will no longer have.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:feature_engine"),
    pytest.mark.filterwarnings("ignore:The inplace keyword"),
]
SIZES = ["Displacement", "Horsepower", "Weight_in_lbs"]


def compiled(zoo, steps, *, gaps=False):
    """The steps and a line, fitted on the cars, as a program that agrees; with the rows."""
    X, y = zoo.data("cars")
    X = X if gaps else X.fillna({"Horsepower": 100.0})[[*SIZES[:2], "Origin"]]
    model = make_pipeline(*steps, Ridge()).fit(X, y)
    found, _, table = zoo.compile(model, X)
    assert found.program is not None, found.why
    return found.program, table


STEPS = {
    "numbers": [fi.MeanMedianImputer(), fe.OneHotEncoder()],
    "indicators": [fi.AddMissingIndicator(), fi.EndTailImputer(), fe.OrdinalEncoder("arbitrary")],
    "numbers as labels": [
        fi.CategoricalImputer(
            imputation_method="frequent", variables=["Cylinders"], ignore_format=True
        ),
        fi.ArbitraryNumberImputer(-1),
        fe.OneHotEncoder(variables=["Cylinders", "Origin"], ignore_format=True, drop_last=True),
    ],
    "means": [fi.MeanMedianImputer(), fe.MeanEncoder(smoothing=3.0, unseen="encode")],
    "winsorised": [
        fi.MeanMedianImputer(),
        fo.Winsorizer(tail="both", fold=1.5, add_indicators=True, variables=SIZES),
        fe.CountFrequencyEncoder(),
    ],
    "capped": [
        fo.ArbitraryOutlierCapper({"Horsepower": 150}, {"Horsepower": 60}, "ignore"),
        fi.MeanMedianImputer(),
        fe.DecisionTreeEncoder(random_state=0),
    ],
    "rare": [fi.MeanMedianImputer(), fe.RareLabelEncoder(0.2, 1), fe.OneHotEncoder()],
    "rare, then scikit-learn's": [
        fi.MeanMedianImputer(),
        fe.RareLabelEncoder(0.2, 1),
        SklearnTransformerWrapper(OneHotEncoder(sparse_output=False), ["Origin"]),
    ],
    "selected": [
        fi.MeanMedianImputer(),
        fe.OneHotEncoder(),
        fs.DropCorrelatedFeatures(threshold=0.85),
        fs.DropFeatures(["Origin_USA"]),
    ],
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_steps_compile_where_cells_are_missing(zoo, steps):
    compiled(zoo, steps, gaps=True)


ONE = ["Horsepower"]
FULL = {
    "binned": [fd.EqualFrequencyDiscretiser(q=4, variables=ONE, return_object=True)],
    "boundaries": [
        fd.EqualWidthDiscretiser(bins=4, variables=ONE, return_boundaries=True),
        fe.OrdinalEncoder(),
    ],
    "edges": [fd.ArbitraryDiscretiser({"Horsepower": [40, 90, 300]}, errors="raise")],
    "trees": [fd.DecisionTreeDiscretiser(variables=ONE, precision=1, random_state=0)],
    "logarithms": [ft.LogTransformer(variables=ONE), ft.YeoJohnsonTransformer(variables=ONE)],
    "logarithms plus": [ft.LogCpTransformer(C={"Horsepower": 2}, base="10")],
    "powers": [ft.PowerTransformer(variables=ONE), ft.ReciprocalTransformer(variables=ONE)],
    "Box-Cox": [ft.BoxCoxTransformer(variables=ONE), ft.ArcSinhTransformer(variables=ONE)],
    "aggregated": [
        fc.MathFeatures(SIZES[:2], ["sum", "mean", "std", "min", "max", "prod", "median"]),
        StandardScaler(),
    ],
    "relative": [fc.RelativeFeatures(ONE, SIZES[:1], ["sub", "div", "mod"], fill_value=0)],
    "cycles": [fc.CyclicalFeatures(ONE, drop_original=True)],
    "tree features": [fc.DecisionTreeFeatures(SIZES[:2], 2, precision=2)],
    "polynomials": [SklearnTransformerWrapper(PolynomialFeatures(2), SIZES[:2]), StandardScaler()],
}


@pytest.mark.parametrize("steps", FULL.values(), ids=FULL)
def test_steps_that_take_no_missing_cells_compile(zoo, steps):
    compiled(zoo, [fe.OneHotEncoder(), *steps])


@pytest.mark.parametrize("unseen", ["ignore", "raise", "encode"])
def test_a_category_that_is_new_is_taken_as_the_encoder_says(zoo, unseen):
    X, y = zoo.data("cars")
    model = make_pipeline(
        fi.MeanMedianImputer(), fe.MeanEncoder(unseen=unseen), HistGradientBoostingRegressor()
    ).fit(X, y)

    found, original, table = zoo.compile(
        model, X, said={"fields": [{"name": "Origin", "unknown": "warn"}]}
    )
    assert found.program is not None, found.why
    row = table.take(slice(0, 1))
    row.columns["Origin"][:] = "Mars"
    if unseen == "raise":
        with pytest.raises(ModelError):
            found.program.predict(row)
        return
    np.testing.assert_allclose(
        found.program.predict(row).predictions, original.predict(row).predictions, rtol=1e-12
    )


def test_a_row_that_its_pipeline_drops_is_refused(zoo):
    X, y = zoo.data("penguins")
    model = Pipeline(
        [
            ("gaps", fi.DropMissingData()),
            ("far", fo.OutlierTrimmer(variables=["body_mass_g"], fold=1.5)),
            ("words", fe.OneHotEncoder()),
            ("scale", StandardScaler()),
            ("model", LogisticRegression()),
        ]
    ).fit(X, y)
    whole = X.dropna()
    whole = whole[whole["body_mass_g"].between(3300, 5000)]

    found, original, table = zoo.compile(model, whole)
    assert found.program is not None, found.why
    heavy = table.take(slice(0, 2))
    heavy.columns["body_mass_g"] = np.array([4000.0, 60_000.0])
    for predict in (found.program.predict, original.predict):
        with pytest.raises(ModelError):
            predict(heavy)


def test_declared_categories_that_match_go_into_boosting(zoo):
    X, y = zoo.data("cars")
    X = X.assign(Origin=X["Origin"].astype("category"))
    model = make_pipeline(
        fp.MatchCategories(missing_values="ignore"),
        HistGradientBoostingRegressor(max_iter=10, categorical_features="from_dtype"),
    ).fit(X, y)

    found, _, _ = zoo.compile(model, X)
    assert found.program is not None, found.why


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (fi.RandomSampleImputer(random_state=0), "at random"),
        (fc.MathFeatures(SIZES, ["skew"]), "isn't known to programs"),
        (LagFeatures(variables=SIZES[:1], drop_original=True), "compute the lags before"),
    ],
)
def test_what_cannot_be_exact_says_why(zoo, step, why):
    X, y = zoo.data("cars")
    X = X.fillna({"Horsepower": 100.0})
    model = make_pipeline(fe.OneHotEncoder(), step, HistGradientBoostingRegressor(max_iter=2)).fit(
        X, y
    )

    assert why in zoo.compile(model, X)[0].why


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_parts_of_times_compile_and_so_does_the_time_between_them(zoo, zone):
    X, y = zoo.data("cars")
    X = X[["Weight_in_lbs"]].assign(
        seen=pd.date_range("2023-12-20", periods=len(X), freq="31h", tz=zone),
        sold=pd.date_range("2024-01-03 11:59:59.5", periods=len(X), freq="7h", tz=zone),
    )
    model = make_pipeline(
        DatetimeSubtraction(["sold"], ["seen"], output_unit="D"),
        DatetimeOrdinal(variables=["sold"], drop_original=False),
        DatetimeFeatures(features_to_extract="all"),
        StandardScaler(),
        Ridge(),
    ).fit(X, y)

    found, _, _ = zoo.compile(model, X)

    assert found.program is not None, found.why


def test_times_in_texts_need_their_format(zoo):
    X, y = zoo.data("cars")
    when = pd.Series(pd.date_range("2023-12-20", periods=len(X), freq="31h"), index=X.index)
    X = X[["Cylinders"]].assign(at=when.dt.strftime("%Y-%m-%d %H:%M"))

    def why(**options):
        steps = DatetimeFeatures(variables=["at"], **options), HistGradientBoostingRegressor()
        found, _, _ = zoo.compile(make_pipeline(*steps).fit(X, y), X)
        return found.why

    assert why(format="%Y-%m-%d %H:%M") == ""
    assert "tell it the format" in why()


ODD = [
    "",
    "A",
    "b? ",
    "x1\u0661 \u00a02",
    "Say: no.\n",
    "two\nlines!",
    "\u00c9t\u00e9 \u00e9T\u00c9",
    "a\tA\x0bA",
]


@pytest.mark.parametrize("dtype", ["str", object])
def test_numbers_of_texts_are_those_that_pandas_finds(zoo, dtype):
    X, y = zoo.data("cars")
    said = [f"{ODD[i % len(ODD)]} {w} pounds. {ODD[-i % 5]}" for i, w in enumerate(X.iloc[:, 3])]
    X = X[["Cylinders"]].assign(said=pd.array(said, dtype=dtype))
    X.loc[X.index[::13], "said"] = None
    steps = TextFeatures("said", drop_original=True), HistGradientBoostingRegressor(max_iter=5)
    model = make_pipeline(*steps).fit(X, y)

    found, original, table = zoo.compile(model, X)
    assert found.program is not None, found.why
    rows = table.take(np.arange(len(ODD)))
    rows.columns["said"] = np.array(ODD, object)
    np.testing.assert_array_equal(
        found.program.predict(rows).predictions, original.predict(rows).predictions
    )


PLACES = ["lat1", "lon1", "lat2", "lon2"]


@pytest.mark.parametrize("method", ["haversine", "euclidean", "manhattan"])
def test_distances_between_places_compile(zoo, method):
    spread = np.random.default_rng(0).uniform([-60, -170] * 2, [60, 170] * 2, (200, 4))
    X = pd.DataFrame(spread, columns=PLACES)
    step = fc.GeoDistanceFeatures(*PLACES, method=method, output_unit="miles", drop_original=True)
    model = make_pipeline(step, Ridge()).fit(X, X["lat1"] - X["lat2"])

    found, _, _ = zoo.compile(model, X)
    assert found.program is not None, found.why


@pytest.mark.parametrize("missing", ["impute", "ignore"])
def test_similar_texts_compile(zoo, missing):
    X, y = zoo.data("cars")
    name = "No. " + X["Weight_in_lbs"].astype(str) + " " + X["Origin"]
    X = X[["Cylinders"]].assign(name=name.where(X.index % 9 > 0))
    encoder = fe.StringSimilarityEncoder(top_categories=6, missing_values=missing)
    model = make_pipeline(encoder, HistGradientBoostingRegressor(max_iter=5)).fit(X, y)

    found, original, table = zoo.compile(model, X)
    assert found.program is not None, found.why
    rows = table.take(np.arange(4))
    rows.columns["name"] = np.array(["", "on 2130", "\u00c9 \u6f22", None], object)
    np.testing.assert_array_equal(
        found.program.predict(rows).predictions, original.predict(rows).predictions
    )
