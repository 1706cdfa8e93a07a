"""Models of the same rows that are packed together: each is an output."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import podium
from podium.errors import SetupError
from podium.runtimes.together import quantile_of

X, SUGAR = load_diabetes(return_X_y=True, as_frame=True)
X = X[["age", "bmi", "bp"]]


@pytest.fixture
def pack(tmp_path) -> Any:
    return lambda model, *args, **kw: podium.pack(model, *args, name="m", path=tmp_path, **kw)


def ridge(alpha: float = 1.0) -> Ridge:
    return Ridge(alpha).fit(X, SUGAR)


@pytest.mark.parametrize("compiles", [True, False])
def test_each_model_is_an_output_of_its_name(pack, compiles):
    ill = np.where(SUGAR > 150, "yes", "no")
    models = {"sugar": ridge(), "ill": LogisticRegression().fit(X, ill)}

    bundle = pack(models, X, compiles=compiles)
    outputs = podium.load(bundle.path).predict(X)  # without trust: nothing in it is code

    assert [(one.name, one.task) for one in bundle.signature.outputs] == [
        ("sugar", "regression"),
        ("ill", "classification"),
    ]
    np.testing.assert_allclose(outputs.columns()[0], models["sugar"].predict(X))
    assert outputs.predictions[:, 1].tolist() == models["ill"].predict(X).tolist()
    np.testing.assert_allclose(outputs.probabilities, models["ill"].predict_proba(X))
    assert bundle.card.model == "sugar: Ridge; ill: LogisticRegression"


def test_one_target_is_that_of_all_numbers(pack):
    bundle = pack({"weak": ridge(0.1), "strong": ridge(10.0)}, X, SUGAR)

    assert bundle.signature.shared_target == "target"
    assert {one.output for one in bundle.card.metrics} == {"weak", "strong"}


def test_several_targets_are_those_of_the_models_in_order(pack):
    two = pd.DataFrame({"up": SUGAR, "down": -SUGAR})

    bundle = pack({"a": ridge(), "b": Ridge().fit(X, -SUGAR)}, X, two)

    assert bundle.signature.shared_target == ""
    assert {m.output: m.value for m in bundle.card.metrics if m.name == "r2"}["b"] > 0.3


@pytest.mark.parametrize(
    ("models", "why"),
    [
        ({}, "at least two of them, not 0"),
        ({"only": ridge()}, "at least two of them, not 1"),
        ({1: ridge(), "b": ridge()}, "1 can't be the name of an output"),
        ({"a": ridge(), "b": Ridge().fit(X[["bp", "age", "bmi"]], SUGAR)}, "different columns"),
        ({"a": ridge(), "b": Ridge().fit(X, np.c_[SUGAR, SUGAR])}, "b has 2 outputs"),
        ({"a": ridge(), "b": StandardScaler().fit(X)}, "StandardScaler has no predict"),
    ],
)
def test_what_cannot_be_packed_together_is_refused(pack, models, why):
    with pytest.raises(SetupError, match=why):
        pack(models, X, SUGAR)


@pytest.mark.parametrize(
    ("model", "quantile"),
    [
        (QuantileRegressor(quantile=0.1), 0.1),
        (make_pipeline(StandardScaler(), QuantileRegressor(quantile=0.2)), 0.2),
        (GradientBoostingRegressor(loss="quantile", alpha=0.8), 0.8),
        (GradientBoostingRegressor(), None),
        (HistGradientBoostingRegressor(loss="quantile", quantile=0.3), 0.3),
        (lightgbm.LGBMRegressor(objective="quantile", alpha=0.05), 0.05),
        (Ridge(alpha=0.5), None),
    ],
    ids=str,
)
def test_the_quantile_of_a_model_is_known(model, quantile):
    assert quantile_of(model) == quantile
