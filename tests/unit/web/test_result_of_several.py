"""Several outputs with probabilities each, on every way out of the app."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier

import podium
from podium.cli.main import run
from podium.testing import Client

ROW = {"a": 0.9, "b": -0.4}
ROWS = [ROW, {"a": -1.0, "b": 0.7}, {"a": 0.1, "b": 0.1}]
SHARES = {
    "state": ["mild", "sick", "well"],
    "again": ["no", "yes"],
}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> dict[str, podium.Bundle]:
    """One with two targets, one of labels that a row has or hasn't."""
    folder = tmp_path_factory.mktemp("several")
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    state = np.select([rows["a"] > 0.5, rows["b"] > 0.5], ["sick", "mild"], "well")
    both = pd.DataFrame({"state": state, "again": np.where(rows["b"] > 0, "yes", "no")})
    tags = pd.DataFrame({f"tag_{i}": (rows["a"] * i > rows["b"]).astype(int) for i in range(9)})
    models = {
        "both": (MultiOutputClassifier(LogisticRegression()), both),
        "tags": (OneVsRestClassifier(LogisticRegression()), tags),
    }
    return {
        name: podium.pack(model.fit(rows, y), rows, y, name=name, path=folder)
        for name, (model, y) in models.items()
    }


@pytest.fixture(scope="module")
def client(bundles, tmp_path_factory) -> Iterator[Client]:
    home = str(tmp_path_factory.mktemp("home"))
    app = podium.App(*(str(one.path) for one in bundles.values()), home=home)
    yield Client(app)
    app.close()


def asked(client: Client, name: str, rows: Any, **headers: str) -> Any:
    body = json.dumps(rows).encode()
    reply = client.request("POST", f"/api/models/{name}/predict", body=body, headers=headers)
    assert reply.status == 200, reply.body
    return reply


def test_the_api_returns_the_probabilities_of_each_output(client, bundles):
    one = json.loads(asked(client, "both", ROW).body)
    many = json.loads(asked(client, "both", ROWS).body)

    assert {name: list(shares) for name, shares in one["probabilities"].items()} == SHARES
    assert one["prediction"] == {
        name: max(shares, key=shares.get) for name, shares in one["probabilities"].items()
    }
    assert many["probabilities"][0] == one["probabilities"]
    flat = [share for shares in one["probabilities"].values() for share in shares.values()]
    assert flat == bundles["both"].predict([ROW]).probabilities[0].tolist()


def test_responses_match_the_document(client):
    document = json.loads(client.request("GET", "/openapi.json").body)
    for name in ("both", "tags"):
        schema = document["components"]["schemas"][f"{name}_answer"]

        answer = json.loads(asked(client, name, ROW).body)

        jsonschema.validate(answer, schema | {"components": document["components"]})
        assert set(answer) == set(schema["properties"])


def test_tables_have_a_column_of_each_probability(client):
    text = asked(client, "both", ROWS, accept="text/csv").body.decode()

    columns = text.splitlines()[0].split(",")
    shares = [f"probability_{name}_{label}" for name, labels in SHARES.items() for label in labels]
    assert columns == ["prediction_state", "prediction_again", *shares, "id"]


@pytest.mark.parametrize("rows", [ROW, ROWS], ids=["a record", "a block"])
def test_records_hold_them_and_their_file_has_a_column_of_each(client, rows):
    answer = json.loads(asked(client, "both", rows).body)
    id_ = answer["id"] if rows is ROW else answer["ids"][0]
    shares = answer["probabilities"] if rows is ROW else answer["probabilities"][0]

    record = json.loads(client.request("GET", f"/api/records/{id_}").body)
    file = client.request("GET", "/models/both/records.csv").body.decode("utf-8-sig")

    assert record["outputs"]["probabilities"] == shares
    (line,) = [one for one in csv.DictReader(io.StringIO(file)) if one["id"] == id_]
    assert float(line["probability.state.sick"]) == shares["state"]["sick"]


def test_a_list_of_records_can_show_them_and_be_sorted_by_them(client):
    asked(client, "both", ROWS)

    page = client.request(
        "GET", "/models/both/records?column=out.p.again.yes&sort=out.p.again.yes"
    ).text

    assert "Probability of again: yes" in page


def test_the_page_draws_the_classes_of_each_output(client):
    page = client.send_form("/models/both", {k: str(v) for k, v in ROW.items()}, follows=True).text

    captions = re.findall(r"<caption>.*?<bdi>(\w+)</bdi></caption>", page)
    assert captions == ["State", "Again"]


def test_an_explanation_names_the_output(client):
    page = client.send_form("/models/both", {k: str(v) for k, v in ROW.items()}, follows=True).text

    plain = re.sub("[\u2066-\u2069]", "", page)
    assert "the log-odds that State is “sick” against the other classes" in plain
    assert "How the probability that State is “sick” would change" in plain


def test_the_page_draws_labels_together_the_most_probable_first(client):
    answer = json.loads(asked(client, "tags", ROW).body)
    page = client.send_form("/models/tags", {k: str(v) for k, v in ROW.items()}, follows=True).text

    seconds = {name: shares["1"] for name, shares in answer["probabilities"].items()}
    best = max(seconds, key=lambda name: seconds[name])
    bars = page[page.index("Probability of each output") :]
    assert re.search(r"<bdi>(.*?)</bdi>", bars)[1] == best.replace("tag_", "Tag ")
    assert "4 other outputs" in bars


def test_a_scored_file_has_a_column_of_each(bundles, tmp_path):
    rows, out = tmp_path / "rows.csv", tmp_path / "out.parquet"
    pd.DataFrame(ROWS).to_csv(rows, index=False)

    assert run(["score", str(bundles["both"].path), str(rows), "-o", str(out)]) == 0

    found = pd.read_parquet(out)
    expected = bundles["both"].predict(ROWS).probabilities
    assert found["probability_again_yes"].tolist() == expected[:, -1].tolist()


def test_the_command_line_shows_each(bundles, capsys):
    assert run(["predict", str(bundles["both"].path), "a=0.9", "b=-0.4"]) == 0

    told = capsys.readouterr().out
    assert re.search(r"State\n +sick", told)
    assert re.search(r"Again\n +no", told)
