"""Transformers of numbers compile: functions, bins, powers, quantiles, splines."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)

AVERAGED = {"quantile_method": "averaged_inverted_cdf"}
SCALERS = [
    Binarizer(),
    Binarizer(threshold=0.02),
    FunctionTransformer(),
    FunctionTransformer(np.sin),
    FunctionTransformer(np.square, validate=True),
    KBinsDiscretizer(4, encode="onehot", **AVERAGED),
    KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"),
    KBinsDiscretizer(4, encode="ordinal", strategy="kmeans", random_state=0),
    KBinsDiscretizer(3, encode="ordinal", dtype=np.float32, strategy="uniform"),
    Normalizer(),
    Normalizer("l1"),
    Normalizer("max"),
    PolynomialFeatures(),
    PolynomialFeatures(3, include_bias=False),
    PolynomialFeatures(3, interaction_only=True),
    PolynomialFeatures((2, 3)),
    PolynomialFeatures((2, 2), include_bias=False, interaction_only=True),
    PowerTransformer(),
    PowerTransformer(standardize=False),
    QuantileTransformer(n_quantiles=50),
    QuantileTransformer(n_quantiles=100, output_distribution="normal"),
    SplineTransformer(),
    SplineTransformer(degree=2, extrapolation="linear", include_bias=False),
    SplineTransformer(degree=1, n_knots=3),
    SplineTransformer(extrapolation="continue", knots="quantile"),
    SplineTransformer(extrapolation="error", n_knots=6),
    SplineTransformer(extrapolation="periodic", n_knots=6),
    SplineTransformer(degree=2, extrapolation="periodic", include_bias=False, n_knots=5),
    SplineTransformer(degree=5, extrapolation="linear", sparse_output=True),
]


def compiles(zoo, model, X, **options):
    compiled, _, _ = zoo.compile(model, X, **options)
    assert compiled.program is not None, compiled.why
    return compiled


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("scaler", SCALERS, ids=str)
@pytest.mark.filterwarnings("ignore:Bins whose width are too small", "ignore:Number of distinct")
def test_a_scaler_compiles(zoo, scaler, data):
    zoo.check(make_pipeline(scaler, Ridge()), data)


@pytest.mark.parametrize(
    "scaler",
    [PowerTransformer(), QuantileTransformer(n_quantiles=20), SplineTransformer()],
    ids=str,
)
def test_a_scaler_before_a_classifier_compiles(zoo, scaler):
    zoo.check(make_pipeline(StandardScaler(), scaler, LogisticRegression()), "wine")
    zoo.check(make_pipeline(scaler, LogisticRegression()), "penguins")


@pytest.mark.parametrize("degree", [0, 1])
def test_straight_ends_of_low_degree_compile_for_one_column(zoo, degree):
    X, y = zoo.data("cars")
    X = X[["Displacement"]]
    splines = SplineTransformer(degree=degree, extrapolation="linear", n_knots=4)

    compiles(zoo, make_pipeline(splines, Ridge()).fit(X, y), X)


@pytest.mark.parametrize("standardize", [True, False])
def test_powers_of_positive_numbers_compile_and_refuse_others(zoo, standardize):
    X, y = zoo.data("wine")
    X = X + 0.5
    model = make_pipeline(PowerTransformer("box-cox", standardize=standardize), Ridge())

    compiled = compiles(zoo, model.fit(X, y * 1.0), X)

    assert compiled.verification.n_refused > 0


@pytest.mark.parametrize(
    "function",
    [np.log1p, np.log, np.sqrt, np.exp, np.expm1, np.abs, np.cos, np.tan, np.reciprocal, np.log10,
     np.log2, np.cbrt, np.tanh, np.arctan, np.sign, np.floor, np.ceil, np.exp2, np.sinh, np.cosh,
     np.arcsinh],
    ids=lambda function: function.__name__,
)  # fmt: skip
def test_a_function_of_numpy_compiles(zoo, function):
    X, y = zoo.data("wine")
    X = X.iloc[:, [0, 1, 6]]

    compiles(zoo, make_pipeline(FunctionTransformer(function), Ridge()).fit(X, y * 1.0), X)
    checked = make_pipeline(FunctionTransformer(function, validate=True), Ridge())
    compiles(zoo, checked.fit(X, y * 1.0), X)


@pytest.mark.parametrize("name", ["cars", "diabetes"])
def test_functions_with_options_compile(zoo, name):
    clip = FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1})
    zoo.check(make_pipeline(clip, Ridge()), name)
    zoo.check(make_pipeline(FunctionTransformer(np.nan_to_num), Ridge()), name)


@pytest.mark.parametrize(
    ("transformer", "why"),
    [
        (FunctionTransformer(np.sort), "np.sort"),
        (FunctionTransformer(np.reciprocal), "whole numbers"),
        (FunctionTransformer(np.log1p), "int8"),
        (SplineTransformer(degree=0), "degree 0"),
        (SplineTransformer(degree=1, extrapolation="linear"), "below degree 2"),
    ],
    ids=lambda one: re.sub(r" at 0x\w+", "", str(one)),
)
def test_what_is_not_known_exactly_is_not_compiled(zoo, transformer, why):
    X, y = zoo.data("cars")
    X = X[["Weight_in_lbs", "Cylinders"]].astype({"Cylinders": "int8" if why == "int8" else "int"})

    compiled, _, _ = zoo.compile(make_pipeline(transformer, Ridge()).fit(X, y), X)

    assert compiled.program is None
    assert why in compiled.why


@pytest.mark.parametrize(
    "scaler",
    [
        FunctionTransformer(np.cbrt),
        PowerTransformer(),
        QuantileTransformer(n_quantiles=50),
        QuantileTransformer(n_quantiles=50, output_distribution="normal"),
        SplineTransformer(handle_missing="zeros"),
        SplineTransformer(handle_missing="zeros", extrapolation="linear"),
        SplineTransformer(handle_missing="zeros", extrapolation="periodic", degree=2),
    ],
    ids=str,
)
def test_missing_numbers_pass(zoo, scaler):
    X, y = zoo.data("cars")
    X = X[["Cylinders", "Displacement", "Horsepower"]].astype(float)
    X.loc[::7, "Displacement"] = np.nan
    model = make_pipeline(scaler, HistGradientBoostingRegressor(max_iter=5))

    compiles(zoo, model.fit(X, y), X)


@pytest.mark.parametrize(
    "scaler",
    [Binarizer(threshold=0.1), FunctionTransformer(np.sin), Normalizer(), PolynomialFeatures(2),
     KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"), PowerTransformer(),
     QuantileTransformer(n_quantiles=50), SplineTransformer(extrapolation="linear"),
     QuantileTransformer(n_quantiles=50, output_distribution="normal")],
    ids=str,
)  # fmt: skip
def test_numbers_of_single_precision_compile(zoo, scaler):
    X, y = zoo.data("diabetes")
    X = MinMaxScaler((-1, 1)).fit_transform(X).astype(np.float32)

    compiles(zoo, make_pipeline(scaler, Ridge(1.0)).fit(X, y), X)
