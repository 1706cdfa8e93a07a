"""Whole numbers that boosters take as categories: categories in the signature, the same answers."""

from __future__ import annotations

import itertools
from typing import Any

import catboost
import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier
from sklearn.multiclass import OneVsRestClassifier

import podium
from podium.runtimes.uses import uses_of

CODES, STEPS = (0, 1, 2, 5), (10, 20, 30)
FEW: dict[str, Any] = {"n_estimators": 10, "n_jobs": 1}
# Codes that were seen, between and beyond them, and what is none.
ASKED = [0, 1, 2, 5, 4, 9, 1e9, -1, -0.5, 2.5, np.nan]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    noise = np.random.default_rng(0)
    columns = {"code": noise.choice(CODES, 400), "step": noise.choice(STEPS, 400)}
    return pd.DataFrame(columns | {"x": noise.normal(size=400)})


@pytest.fixture(scope="module")
def truth(rows) -> pd.Series:
    return (rows["code"] * 3 % 7 + rows["step"] % 4 + rows["x"]).rename("y")


def by_types(types: list[str]) -> xgb.XGBRegressor:
    return xgb.XGBRegressor(**FEW, feature_types=types, enable_categorical=True)


def native(rows, truth, types: list[str]) -> xgb.Booster:
    matrix = xgb.DMatrix(rows, truth, feature_types=types, enable_categorical=True)
    return xgb.train({"nthread": 1}, matrix, 10)


def trained(rows, truth, params: dict, **options: Any) -> lgb.Booster:
    return lgb.train(
        {"verbose": -1, "num_threads": 1} | params, lgb.Dataset(rows, truth, **options), 10
    )


def light(**options: Any) -> lgb.LGBMRegressor:
    return lgb.LGBMRegressor(**FEW, verbose=-1, **options)


MODELS = {
    "xgboost, types": (lambda x, y: by_types(["c", "q", "q"]).fit(x, y), ["code"]),
    "xgboost, two": (lambda x, y: by_types(["c", "c", "q"]).fit(x, y), ["code", "step"]),
    "xgboost, native": (lambda x, y: native(x, y, ["c", "q", "q"]), ["code"]),
    "lightgbm, indices": (lambda x, y: light().fit(x, y, categorical_feature=[0]), ["code"]),
    "lightgbm, both": (
        lambda x, y: light().fit(x, y, categorical_feature=[1, 0]),
        ["code", "step"],
    ),
    "lightgbm, parameter": (lambda x, y: light(categorical_feature=[0]).fit(x, y), ["code"]),
    "lightgbm, native": (lambda x, y: trained(x, y, {}, categorical_feature=[0]), ["code"]),
    "lightgbm, text": (lambda x, y: trained(x, y, {"categorical_feature": "0"}), ["code"]),
}


def original(model, asked, is_array: bool):
    if not isinstance(model, xgb.Booster):
        return model.predict(asked.to_numpy() if is_array else asked)
    return model.predict(xgb.DMatrix(asked, feature_types=["c", "q", "q"], enable_categorical=True))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.filterwarnings("ignore:.*categorical_feature")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "holes") for name in MODELS),
        *((name, "frame") for name in ("xgboost, two", "lightgbm, both")),
        *((name, "array") for name in ("xgboost, types", "lightgbm, indices")),
    ],
)
def test_codes_are_categories_and_answers_those_of_the_model(rows, truth, name, kind):
    make, categories = MODELS[name]
    is_array = kind == "array"
    if kind == "holes":
        rows = rows.astype({"code": float})
        rows.loc[::7, "code"] = np.nan
    model = make(rows.to_numpy() if is_array else rows, truth)
    bundle = podium.pack(model, rows.to_numpy() if is_array else rows, truth, name="t")
    asked = pd.DataFrame(
        itertools.product(ASKED, [10.0, 25.0, np.nan], [0.3]), columns=list(bundle.signature.names)
    )

    outputs = bundle.predict(asked)

    assert bundle.is_compiled
    found = [one.name for one in bundle.signature.fields if one.type == "category"]
    assert found == [bundle.signature.names[rows.columns.get_loc(one)] for one in categories]
    assert set(bundle.signature.field(found[0]).labels) == set(CODES)
    assert outputs.predictions == pytest.approx(original(model, asked, is_array), rel=1e-5)


def test_a_code_that_training_never_saw_warns(rows, truth):
    model = light().fit(rows, truth, categorical_feature=["code"])
    bundle = podium.pack(model, rows, truth, name="t")

    outputs = bundle.predict({"code": 4, "step": 20, "x": 0.0})

    assert [(one.field, one.code) for one in outputs.warnings] == [("code", "unknown")]


def test_codes_that_only_the_booster_saw_are_known(rows, truth):
    model = light().fit(rows, truth, categorical_feature=["code"])
    some = rows["code"] != 5

    bundle = podium.pack(model, rows[some], truth[some], name="t")

    field = bundle.signature.field("code")
    assert {one.value: one.frequency > 0 for one in field.categories} == {
        0: True,
        1: True,
        2: True,
        5: False,
    }
    assert bundle.predict({"code": 5, "step": 20, "x": 0.0}).warnings == ()


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_column_of_categories_keeps_its_own_levels_and_order(truth, rows, library):
    sizes = pd.Categorical.from_codes(rows["code"] % 3, ["S", "M", "L", "XL"], ordered=True)
    frame = rows[["x"]].assign(size=sizes, code=pd.Categorical(rows["code"], [5, 2, 1, 0]))
    model = light() if library == "lightgbm" else xgb.XGBRegressor(**FEW, enable_categorical=True)
    bundle = podium.pack(model.fit(frame, truth), frame, truth, name="t")

    size, code = bundle.signature.field("size"), bundle.signature.field("code")
    assert (size.labels, size.is_ordered) == (("S", "M", "L", "XL"), True)
    assert (code.labels, code.is_ordered) == ((5, 2, 1, 0), False)
    assert bundle.is_compiled
    assert bundle.predict(frame).predictions == pytest.approx(model.predict(frame), rel=1e-5)


BOOSTERS = {
    "xgboost": lambda: xgb.XGBClassifier(
        **FEW, feature_types=["c", "q", "q"], enable_categorical=True
    ),
    "catboost": lambda: catboost.CatBoostClassifier(
        iterations=5, thread_count=1, verbose=0, allow_writing_files=False
    ),
}


@pytest.mark.parametrize("library", BOOSTERS)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda booster: CalibratedClassifierCV(booster, cv=2),
        lambda booster: BaggingClassifier(booster, 2, random_state=0),
        OneVsRestClassifier,
    ],
    ids=["calibrated", "bagging", "one by one"],
)
def test_models_of_boosters_show_their_categories(rows, truth, library, wrap):
    """Beside the fitted boosters stands the one that they were made from, which isn't fitted."""
    model = wrap(BOOSTERS[library]())

    uses = uses_of(model.fit(rows.to_numpy(), truth > truth.mean()), list(rows.columns))

    assert list(uses) == (["code"] if library == "xgboost" else [])


@pytest.mark.parametrize("library", BOOSTERS)
def test_a_booster_that_is_not_fitted_shows_nothing(library):
    assert uses_of(BOOSTERS[library](), ["a"]) == {}
