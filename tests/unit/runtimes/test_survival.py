"""Survival models, asked about some times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sksurv.datasets import load_whas500
from sksurv.ensemble import RandomSurvivalForest
from sksurv.linear_model import CoxPHSurvivalAnalysis

import podium
from podium.errors import SetupError

X, DEATHS = load_whas500()
X = X[["age", "bmi", "hr"]]
LAST = float(DEATHS["lenfol"].max())
COX = make_pipeline(StandardScaler(), CoxPHSurvivalAnalysis())


@pytest.fixture(scope="module")
def cox() -> Any:
    return COX.fit(X, DEATHS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [COX, RandomSurvivalForest(5, random_state=0)], ids=["cox", "forest"]
)
def test_the_outputs_are_the_risk_and_the_probabilities_of_surviving(model, tmp_path):
    fitted, times = model.fit(X, DEATHS), [0.5, 365, LAST]

    bundle = podium.pack(podium.SurvivalAt(fitted, times), X, DEATHS, name="heart", path=tmp_path)
    predicted = bundle.predict(X[:20]).predictions

    names = ["risk", "survival_0.5", "survival_365", f"survival_{LAST:g}"]
    assert [one.name for one in bundle.signature.outputs] == names
    np.testing.assert_allclose(predicted[:, 0], fitted.predict(X[:20]))
    curves = fitted.predict_survival_function(X[:20])
    np.testing.assert_allclose(predicted[:, 2:], [curve(times[1:]) for curve in curves])
    assert (predicted[:, 1] == 1.0).all()  # before the first death


@pytest.mark.parametrize(
    ("times", "why"),
    [([], "no times"), ([0], "0 isn't among"), ([LAST + 1], "isn't among the training times")],
)
def test_times_that_training_does_not_reach_are_refused(cox, times, why):
    with pytest.raises(SetupError, match=why):
        podium.SurvivalAt(cox, times)


def test_what_has_no_survival_function_is_refused():
    with pytest.raises(SetupError, match="Ridge has no survival function"):
        podium.SurvivalAt(Ridge().fit([[0.0], [1.0]], [0, 1]), [1])
