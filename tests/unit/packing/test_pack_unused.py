"""Columns that the model never reads are optional, and said so; all others must be given."""

from __future__ import annotations

import html
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Lasso, LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import podium
from podium.testing import Client

RANDOM = np.random.default_rng(0)
N = 300
ROWS = pd.DataFrame(
    {
        "a": RANDOM.normal(size=N),
        "idle": RANDOM.normal(size=N),
        "kind": RANDOM.choice(["x", "y"], N),
        "count": RANDOM.integers(0, 9, N),
    }
)
TRUTH = ROWS.a * 10 + (ROWS.kind == "x") * 5
NUMBERS = ROWS[["a", "idle", "count"]]

DROPPING = make_column_transformer((OneHotEncoder(), ["kind"]), ("passthrough", ["a"]))
ENCODED = make_column_transformer(
    (OneHotEncoder(), ["kind"]), (StandardScaler(), ["a", "idle"]), remainder="passthrough"
)
BOTH = {"idle", "count"}
CASES = [
    (make_pipeline(DROPPING, LinearRegression()), ROWS, BOTH),
    (make_pipeline(DROPPING, KNeighborsRegressor()), ROWS, BOTH),
    (make_pipeline(ENCODED, Lasso(alpha=1.0)), ROWS, BOTH),
    (make_pipeline(StandardScaler(), SelectKBest(f_regression, k=1), LinearRegression()), NUMBERS, BOTH),
    (RandomForestRegressor(max_depth=1, max_features=None, n_estimators=5), NUMBERS, BOTH),
    (LinearRegression(), NUMBERS, set()),
    (make_pipeline(SimpleImputer(), LinearRegression()), NUMBERS, set()),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("compiles", [True, False], ids=["program", "original"])
@pytest.mark.parametrize(("model", "rows", "unused"), CASES)
def test_what_changes_no_answer_may_be_missing_without_a_word(
    model, rows, unused, compiles, tmp_path
):
    model.fit(rows, TRUTH)

    bundle = podium.pack(model, rows, TRUTH, name="m", path=tmp_path, compiles=compiles)

    is_dropped = any(step is DROPPING for _, step in getattr(model, "steps", []))
    expected = unused if compiles or is_dropped else set()
    assert {one.name for one in bundle.signature.fields if not one.is_used} == expected
    (row,) = rows[:1].to_dict("records")
    outputs = bundle.predict({name: value for name, value in row.items() if name not in expected})
    assert outputs.predictions == pytest.approx(model.predict(rows[:1]))
    assert outputs.warnings == ()
    some = rows[:20].assign(**dict.fromkeys(expected, None))
    assert bundle.predict(some).predictions == pytest.approx(model.predict(rows[:20]))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A model that uses two of four columns, and takes missing numbers although training had none."""
    words = make_column_transformer((OneHotEncoder(), ["kind"]), (SimpleImputer(), ["a"]))
    model = make_pipeline(words, LinearRegression()).fit(ROWS, TRUTH)
    path = tmp_path_factory.mktemp("partly")
    bundle = podium.pack(model, ROWS, TRUTH, name="partly", path=path)
    app = podium.App(bundle, home=str(path / "home"))
    yield Client(app)
    app.close()


def test_the_form_has_what_changes_no_answer_last_and_folded_away(client):
    page = html.unescape(client.get("/models/partly").text)

    folded = page.index("2 fields that the model doesn't use")
    assert (
        page.index('name="kind"') < folded < page.index('name="idle"') < page.index('name="count"')
    )
    assert "The model doesn't use 2 of its columns: idle, count." in page
    refused = client.send_form("/models/partly", {"a": "1", "kind": "x", "count": "many"})
    assert refused.status == 422
    assert '<details class="unused wide" open>' in refused.text
    taken = client.send_form("/models/partly", {"a": "1", "kind": "x", "idle": ""}, follows=True)
    assert taken.status == 200


def test_what_training_never_missed_is_required_and_null_passes_only_when_it_is_said(client):
    predict = "/api/models/partly/predict"
    page = client.get("/models/partly").text
    required = client.get("/openapi.json").json()["components"]["schemas"]["partly_row"]["required"]

    assert set(required) == {"a", "kind"}
    assert re.search(r'name="a"[^>]* required', page)
    said = client.post(predict, {"a": None, "kind": "x"})
    assert (said.status, said.json()["warnings"][0]["code"]) == (200, "missing")
    for body in ({"kind": "x"}, [{"a": 1, "kind": "x"}, {"kind": "x"}], {"kind": ["x", "y"]}):
        refused = client.post(predict, body)
        assert refused.status == 422
        assert {(one["field"], one["code"]) for one in refused.json()["cells"]} == {
            ("a", "missing")
        }
    mixed = client.post(predict, [{"a": 1.0, "kind": "x"}, {"a": None, "kind": "x"}])
    assert mixed.status == 200


def test_what_a_person_requires_is_in_sight_whether_or_not_the_model_uses_it(tmp_path, client_of):
    model = make_pipeline(DROPPING, LinearRegression()).fit(ROWS, TRUTH)
    said = {"fields": [{"name": "idle", "missing": "refuse"}]}

    bundle = podium.pack(model, ROWS, TRUTH, name="m", path=tmp_path, signature=said)

    page = client_of(bundle).get("/models/m").text
    assert (
        page.index('name="idle"')
        < page.index('<details class="unused')
        < page.index('name="count"')
    )


def test_a_model_of_one_answer_takes_a_row_without_anything(tmp_path, client_of):
    bundle = podium.pack(
        DummyRegressor().fit(ROWS[["a"]], TRUTH), ROWS[["a"]], name="m", path=tmp_path
    )
    client = client_of(bundle)

    assert client.get("/models/m").status == 200
    answered = client.post("/api/models/m/predict", [{}, {"a": 1.0}])
    assert answered.json()["predictions"] == pytest.approx([TRUTH.mean()] * 2)
