"""What if a field had another value: curves in the API and on the page, and no record of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import podium
from podium.records.store import RecordQuery
from podium.testing import Client

URL, PAGE = "/api/models/rents/whatif", "/models/rents/whatif"
ROW: dict[str, Any] = {"area": 50.0, "rooms": 2, "town": "Bonn", "lift": True}
FORM = {"area": "50", "rooms": "2", "town": "Bonn", "lift": "true"}


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 400
    return pd.DataFrame(
        {
            "area": rng.lognormal(4, 0.5, n),
            "rooms": rng.integers(1, 6, n),
            "town": pd.Categorical(rng.choice(["Bonn", "Ulm", "Jena"], n)),
            "lift": rng.choice([True, False], n),
        }
    )


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, podium.Bundle]:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    folder = tmp_path_factory.mktemp("bundles")
    rows = frame()
    rent = 10 * rows["area"] + 50 * rows["rooms"] + (rows["town"] == "Ulm") * 90
    towns = make_column_transformer((OneHotEncoder(), ["town"]), remainder="passthrough")
    linear = make_pipeline(towns, LinearRegression()).fit(rows, rent)
    boosted = HistGradientBoostingClassifier(max_iter=20, categorical_features="from_dtype")
    dear = np.where(rent > rent.median(), "dear", "cheap")
    return {
        "rents": podium.pack(linear, rows, rent, name="rents", path=folder),
        "dear": podium.pack(boosted.fit(rows, dear), rows, dear, name="dear", path=folder),
    }


@pytest.fixture(scope="module")
def client(bundles: dict[str, podium.Bundle], models_file: Path, tmp_path_factory: Any) -> Any:
    home = str(tmp_path_factory.mktemp("home"))
    app = podium.App(*bundles.values(), f"{models_file}:arrival", home=home)
    yield Client(app)
    app.close()


@pytest.fixture
def unrecorded(client: Client) -> Iterator[Client]:
    """The client, whose questions must leave no record."""

    def n_records() -> int:
        store = client.app.site.store
        assert store is not None
        return len(store.page(RecordQuery(), limit=100).records)

    before = n_records()
    yield client
    assert n_records() == before


@pytest.mark.parametrize("field", ["area", "rooms", "town", "lift"])
@pytest.mark.parametrize("model", ["rents", "dear"])
def test_each_point_is_the_prediction_for_the_row_with_that_value(
    unrecorded, bundles, model, field
):
    reply = unrecorded.post(f"/api/models/{model}/whatif", {"row": ROW, "field": field})

    assert reply.status == 200, reply.text
    told = reply.json()
    rows = [ROW | {field: point["value"]} for point in told["curve"]]
    expected = bundles[model].predict(rows)
    answers = [told["prediction"], *(point["prediction"] for point in told["curve"])]
    (own,) = bundles[model].predict(ROW).predictions.tolist()
    # Sums may differ in their last bit when the model gets more rows at once.
    exact = model == "dear"
    alike = [own, *expected.predictions.tolist()]
    assert answers == (alike if exact else pytest.approx(alike, rel=1e-12))
    assert (told["field"], told["value"]) == (field, ROW[field])
    if model == "dear":
        shares = [point["probabilities"]["dear"] for point in told["curve"]]
        assert shares == pytest.approx(expected.probabilities[:, 1])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"row": {}, "field": "area"}, 422, "invalid_rows"),
        ({"row": ROW | {"area": "wide"}, "field": "area"}, 422, "invalid_rows"),
        ({"row": ROW, "field": "nothing"}, 422, "invalid_rows"),
        ({"row": ROW | {"other": 1}, "field": "area"}, 422, "invalid_rows"),
        ({"row": ROW}, 400, "malformed_body"),
        ({"row": [ROW], "field": "area"}, 400, "malformed_body"),
        ([], 400, "malformed_body"),
        ({"row": ROW, "field": "area", "values": [1]}, 400, "malformed_body"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_reason(unrecorded, body, status, code):
    reply = unrecorded.post(URL, body)

    assert (reply.status, reply.json()["code"]) == (status, code)
    assert reply.json()["detail"]


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 99_999, b'{"row":' * 9_999, b"{}"])
def test_no_bytes_make_it_fail(unrecorded, body):
    assert unrecorded.post(URL, body=body).status == 400


def test_a_function_is_not_called_to_see_what_would_be(unrecorded):
    body = {"row": {"distance": 1.0, "hour": 2}, "field": "hour"}
    form = {"distance": "1", "hour": "2"}

    replies = [
        unrecorded.post("/api/models/arrival-delay/whatif", body),
        unrecorded.send_form("/models/arrival-delay/whatif", form, accept="application/json"),
    ]

    assert [reply.status for reply in replies] == [400, 400]
    assert "effects" in replies[0].json()["detail"]


def test_a_form_is_tried_without_a_record_and_keeps_its_values(unrecorded):
    page = unrecorded.send_form(PAGE, FORM | {"area": "77"})

    assert page.status == 200
    assert "What if · not recorded" in page.text
    assert 'name="area" value="77"' in page.text
    assert "/records/" not in re.sub("<nav.*?</nav>", "", page.text, flags=re.DOTALL)
    assert page.text.count('data-part="f') == 4


def test_a_script_gets_the_part_that_changes_and_a_refusal_as_json(unrecorded):
    told = unrecorded.send_form(PAGE, FORM, accept="application/json")
    wrong = unrecorded.send_form(PAGE, FORM | {"area": "x"}, accept="application/json")
    shown = unrecorded.send_form(PAGE, FORM | {"area": "x"}, accept="text/html,*/*;q=0.8")

    parts = re.findall('data-part="([^"]*)"', told.json()["html"])
    assert parts == ["now", "f0", "f1", "f2", "f3"]
    assert wrong.status == 422
    assert wrong.json()["cells"][0]["field"] == "area"
    assert (shown.status, shown.media[:9]) == (422, "text/html")


def test_the_result_of_a_form_has_its_curves_with_the_value_on_the_line(client):
    where = client.send_form("/models/rents", FORM).headers["location"]
    page = client.get(where).text

    found = re.search(r'class="line" d="M([^"]*)".*?class="dot" d="M([^h]*)h0"', page)
    assert found is not None
    line, dot = found.groups()
    assert dot in line.split("L")
    assert re.search(r'<input type="range" min="[\d.]+" max="[\d.]+" step="any" value="50', page)
    assert client.send_form(f"{PAGE}?version=0", FORM).status == 200


def test_a_value_beyond_the_training_data_has_no_mark_and_no_slider(unrecorded):
    page = unrecorded.send_form(PAGE, FORM | {"area": "99999", "rooms": "3"}).text

    assert page.count('class="dot"') == 1
    assert page.count("data-moves=") == 1
