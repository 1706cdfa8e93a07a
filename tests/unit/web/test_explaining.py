"""Why a model answers as it does: in the API, on the page, and for whom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import podium
from podium.access import Action, Actor
from podium.errors import TimedOut
from podium.testing import Client
from podium.web.explaining import RECORDS_MIN, WAITING_MAX

PREDICTS, EXPLAINS = Action.PREDICT, Action.EXPLAIN
ACTORS = {
    "ada": Actor("ada", grants={"*": frozenset({PREDICTS, Action.SEE_OWN, EXPLAINS})}),
    "bob": Actor("bob", grants={"*": frozenset({PREDICTS, Action.SEE})}),
    "eve": Actor("eve", grants={"*": frozenset({EXPLAINS})}),
}
ROW = {"area": 50.0, "rooms": 2}
FORM = {"area": "50", "rooms": "2"}
URL = "/api/models/rents/explain"


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"area": rng.normal(80, 20, 300), "rooms": rng.integers(1, 6, 300)})


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[podium.Bundle]:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    folder, rows = tmp_path_factory.mktemp("bundles"), frame()
    rent = 10 * rows["area"] + 100 * rows["rooms"]
    dear = np.where(rent > rent.median(), "dear", "cheap")
    linear, logistic = LinearRegression(), LogisticRegression(max_iter=1_000)
    return [
        podium.pack(linear.fit(rows, rent), rows, rent, name="rents", path=folder),
        podium.pack(logistic.fit(rows, dear), rows, dear, name="dear", path=folder),
        podium.pack(linear.fit(rows, rent), rows, rent, name="alone", path=folder, background=0),
    ]


@pytest.fixture
def client(
    bundles: list[podium.Bundle], models_file: Path, log: Any, tmp_path: Path
) -> Iterator[Client]:
    sources = [*bundles, f"{models_file}:arrival"]
    app = podium.App(*sources, home=str(tmp_path), identify=log, quota_explanations=3)
    yield Client(app)
    app.close()


def test_the_contributions_and_the_base_add_up_to_the_prediction(client, bundles):
    told = client.post(URL, {"row": ROW}, x_who="ada").json()

    assert told["value"] == pytest.approx(700)
    assert told["base"] + sum(told["contributions"].values()) == pytest.approx(told["value"])
    background = bundles[0].background
    assert background is not None
    expected = 10 * (50 - background.columns["area"].mean())
    assert told["contributions"]["area"] == pytest.approx(expected)
    assert (told["model"], told["output"], told["label"], told["link"]) == (
        "rents",
        "prediction",
        None,
        "identity",
    )


def test_any_class_can_be_explained(client):
    both = [
        client.post("/api/models/dear/explain", {"row": ROW, "label": label}, x_who="ada").json()
        for label in ("dear", "cheap")
    ]

    assert [one["label"] for one in both] == ["dear", "cheap"]
    dear, cheap = (one["contributions"]["area"] for one in both)
    assert dear == pytest.approx(-cheap)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"row": {}}, 422, "invalid_rows"),
        ({"row": ROW, "label": "dear"}, 422, "invalid_rows"),
        ({"row": ROW, "output": "other"}, 422, "invalid_rows"),
        ({"row": [ROW]}, 400, "malformed_body"),
        ({}, 400, "malformed_body"),
        ({"row": ROW, "more": 1}, 400, "malformed_body"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_a_reason(client, body, status, code):
    reply = client.post(URL, body, x_who="ada")

    assert (reply.status, reply.json()["code"]) == (status, code)


@pytest.mark.parametrize(("who", "status"), [("ada", 200), ("bob", 403), ("eve", 403)])
def test_explanations_need_a_permission_of_their_own_beside_that_to_predict(client, who, status):
    assert client.post(URL, {"row": ROW}, x_who=who).status == status


def test_a_record_is_explained_for_those_who_may_see_it_and_explanations(client):
    where = client.send_form("/models/rents", FORM, x_who="ada").headers["location"]
    url = f"/api/records/{where[-32:]}/explanation"

    told = client.get(url, x_who="ada")

    assert told.status == 200
    assert told.json()["id"] == where[-32:]
    assert told.json()["value"] == pytest.approx(700)
    assert [client.get(url, x_who=who).status for who in ("bob", "eve")] == [403, 404]
    page = client.get(where, x_who="ada").text
    assert "Why this prediction" in page
    assert "On average over 100 other rows, the prediction is" in page
    assert page.count('<tr role="row" class="down">') == 2
    assert "Why this prediction" not in client.get(where, x_who="bob").text


def test_too_many_explanations_are_refused_and_the_result_is_shown_all_the_same(client):
    where = client.send_form("/models/rents", FORM, x_who="ada").headers["location"]

    replies = [client.post(URL, {"row": ROW}, x_who="ada") for _ in range(4)]
    page = client.get(where, x_who="ada")

    assert [one.status for one in replies] == [200, 200, 200, 429]
    assert "explanations a minute" in replies[-1].json()["detail"]
    assert int(replies[-1].headers["retry-after"]) >= 1
    assert page.status == 200
    assert "Not explained now" in page.text


def test_without_training_rows_it_is_compared_with_records(client):
    url = "/api/models/alone/explain"
    few = client.post(url, {"row": ROW}, x_who="ada")
    rows = [ROW | {"area": float(area)} for area in range(40, 40 + RECORDS_MIN)]
    client.post("/api/models/alone/predict", rows, x_who="ada")

    told = client.post(url, {"row": ROW}, x_who="ada")

    assert few.status == 400
    assert f"{RECORDS_MIN} records" in few.json()["detail"]
    assert told.status == 200, told.text
    assert told.json()["base"] == pytest.approx(10 * np.mean([row["area"] for row in rows]) + 200)


def test_a_function_is_not_explained(client):
    body = {"row": {"distance": 1.0, "hour": 2}}

    assert client.post("/api/models/arrival-delay/explain", body, x_who="ada").status == 400


def test_at_most_so_many_wait_and_nobody_waits_for_ever(client, bundles):
    site = client.app.site
    version, explanations = site.deployments["rents"].choose(), site.explanations
    assert explanations is not None
    row = version.reader.table([version.reader.one(b'{"area": 80.0, "rooms": 1}')])
    held, drained = threading.Event(), threading.Event()
    explanations._pool.start(held.wait)
    try:
        with pytest.raises(TimedOut):
            explanations.explain(version, row, wait_s=0.01)
        for work in [held.wait] * (WAITING_MAX - 1) + [drained.set]:
            explanations._pool.start(work)
        refused = client.post(URL, {"row": ROW}, x_who="ada")
    finally:
        held.set()

    assert (refused.status, refused.json()["code"]) == (503, "overloaded")
    assert drained.wait(60)
    assert explanations.explain(version, row).value == pytest.approx(900)
