"""Intervals: models of quantiles that are packed together."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, QuantileRegressor

import podium
from podium.testing import Client

RANDOM = np.random.default_rng(0)
X = pd.DataFrame({"x": RANDOM.uniform(0, 10, 400)})
PRICE = pd.Series(2 * X["x"] + RANDOM.normal(0, 1, 400), name="price_eur")


def quantiles(**levels: float) -> dict[str, QuantileRegressor]:
    return {
        name: QuantileRegressor(quantile=q, alpha=0).fit(X, PRICE) for name, q in levels.items()
    }


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> podium.Bundle:
    models = quantiles(high=0.9, low=0.1, middle=0.5)
    return podium.pack(models, X, PRICE, name="price", path=tmp_path_factory.mktemp("bundle"))


def test_the_card_says_how_many_true_values_are_below_each(bundle):
    (note,) = [one for one in bundle.card.notes if "at or below" in one]

    assert note.startswith("True values of training rows at or below low 10.")
    assert "middle 50." in note
    assert note.endswith("(meant: 90 %).")


def test_a_quantile_is_measured_by_its_own_loss(bundle):
    metrics = {(one.output, one.name): one.value for one in bundle.card.metrics}

    missed = PRICE - bundle.predict(X).columns()[0]
    loss = np.where(missed > 0, 0.9 * missed, -0.1 * missed).mean()
    assert metrics["high", "mean_pinball_loss"] == pytest.approx(loss)
    assert ("high", "mean_absolute_error") not in metrics
    assert ("middle", "mean_absolute_error") in metrics


def test_the_card_says_how_often_they_cross(tmp_path):
    models = quantiles(low=0.1, high=0.9)
    flat = LinearRegression().fit(X, PRICE)
    models["low"].coef_, models["low"].intercept_ = flat.coef_ * 2, -8.0

    bundle = podium.pack(models, X, PRICE, name="price", path=tmp_path)

    low, high = bundle.predict(X).predictions.T
    n_crossed = int((low > high).sum())
    assert 0 < n_crossed < 400
    assert f"low is above high in {n_crossed} of 400 training rows." in bundle.card.notes


def test_their_feedback_is_one_true_value(bundle, tmp_path):
    app = podium.App(str(bundle.path), home=str(tmp_path))
    client = Client(app)
    answer = json.loads(
        client.request("POST", "/api/models/price/predict", body=b'{"x": 5.0}').body
    )
    page = client.request("GET", f"/records/{answer['id']}").text

    body = json.dumps({"truth": 11.5}).encode()
    reply = client.request("PUT", f"/api/records/{answer['id']}/feedback", body=body)
    shown = client.request("GET", f"/records/{answer['id']}").text
    app.close()

    assert list(answer["prediction"]) == ["high", "low", "middle"]
    assert page.count('name="t.truth') <= 1
    assert reply.status in (200, 201, 204), reply.body
    assert "11.5" in shown
