"""Labels with words, scores and thresholds, on every way out of the app."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import FixedThresholdClassifier

import podium
from podium.cli.main import run
from podium.signature import Output
from podium.testing import Client
from podium.web.result import result_of

ODD, USUAL = {"a": 60.0, "b": -60.0}, {"a": 0.1, "b": 0.2}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> dict[str, podium.Bundle]:
    """One of outliers, one of clusters, one of a mixture, one with a threshold of its own."""
    folder = tmp_path_factory.mktemp("labels")
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    state = np.where(rows["a"] > 0.5, "sick", "well")
    fixed = FixedThresholdClassifier(LogisticRegression(), threshold=0.337, pos_label="sick")
    models = {
        "odd": IsolationForest(n_estimators=10, random_state=0).fit(rows),
        "heaps": KMeans(3, n_init=1, random_state=0).fit(rows),
        "cut": fixed.fit(rows, state),
        "mixed": GaussianMixture(2, random_state=0).fit(rows),
    }
    return {name: podium.pack(m, rows, name=name, path=folder) for name, m in models.items()}


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


def page(client: Client, name: str, row: dict[str, float]) -> str:
    values = {key: str(value) for key, value in row.items()}
    return client.send_form(f"/models/{name}", values, follows=True).text


def test_the_api_returns_label_and_score(client):
    one = json.loads(asked(client, "odd", ODD).body)
    many = json.loads(asked(client, "odd", [ODD, USUAL]).body)

    assert (one["prediction"], one["label"]) == (-1, "outlier")
    assert one["score"] < 0 < many["scores"][1]
    assert many["predictions"] == [-1, 1]
    assert many["labels"] == ["outlier", "normal"]


@pytest.mark.parametrize("media", ["text/csv", "application/x-ndjson"])
def test_tables_have_a_column_of_each(client, media):
    text = asked(client, "odd", [ODD, USUAL], accept=media).body.decode()

    if media == "text/csv":
        assert text.splitlines()[0] == "prediction,label,score,id"
        assert text.splitlines()[1].startswith("-1,outlier,-0.")
    else:
        assert [json.loads(line)["label"] for line in text.splitlines()] == ["outlier", "normal"]


def test_the_api_returns_the_distance_to_each_cluster(client, bundles):
    one = json.loads(asked(client, "heaps", USUAL).body)
    many = json.loads(asked(client, "heaps", [ODD, USUAL]).body)
    lines = asked(client, "heaps", [ODD, USUAL], accept="text/csv").body.decode().splitlines()

    assert list(one["distances"]) == ["0", "1", "2"]
    assert one["distances"][str(one["prediction"])] == min(one["distances"].values())
    assert many["distances"][1] == one["distances"]
    assert lines[0] == "prediction,label,score,distance_0,distance_1,distance_2,id"
    assert [float(cell) for cell in lines[2].split(",")[3:6]] == list(one["distances"].values())
    expected = bundles["heaps"].predict([ODD, USUAL]).distances
    assert [list(row.values()) for row in many["distances"]] == expected.tolist()


def test_records_and_pages_show_the_distance_to_each_cluster(client):
    answer = json.loads(asked(client, "heaps", USUAL).body)

    csv = client.request("GET", "/models/heaps/records.csv").body.decode().lstrip("\ufeff")
    shown = client.request("GET", f"/records/{answer['id']}").body.decode()
    listed = client.request("GET", "/models/heaps/records?columns=out.d.1").body.decode()
    text = page(client, "heaps", USUAL)

    line = next(one for one in csv.splitlines() if one.startswith(answer["id"]))
    told = dict(zip(csv.splitlines()[0].split(","), line.split(","), strict=True))
    assert [float(told[f"distance.{label}"]) for label in "012"] == list(
        answer["distances"].values()
    )
    assert "Distance to each cluster" in shown
    assert "Distance to cluster 1" in listed
    assert f"<bdi>cluster {answer['prediction']}</bdi>" in listed
    assert f'<option value="{answer["label"]}">cluster {answer["prediction"]}</option>' in listed
    bars = text[text.index("Distance to each cluster") :]
    ranked = sorted(answer["distances"], key=answer["distances"].get)
    assert re.findall(r"<bdi>cluster (\d)</bdi>", bars)[:3] == ranked
    assert bars.count('class="chosen"') == 1


def test_of_many_clusters_the_nearest_are_shown_at_once():
    words = tuple(f"cluster {label} of 40" for label in range(40))
    output = Output(task="clustering", classes=tuple(range(40)), words=words, has_distances=True)
    signature = podium.Signature(fields=(), outputs=(output,))
    distances = {str(label): abs(label - 20.0) for label in range(40)}

    # A tree of centres doesn't always choose the nearest.
    (shares,) = result_of(signature, {"prediction": 0, "distances": distances}).shares

    assert [bar.label for bar in shares.bars[:4]] == [
        f"cluster {label}" for label in (20, 19, 21, 18)
    ]
    assert (shares.bars[4].label, shares.bars[4].is_top) == ("cluster 0", True)
    assert (len(shares.more), shares.others) == (35, "clusters")
    assert (shares.bars[0].width, shares.bars[4].width) == ("0.00", "100.00")


def test_responses_match_the_document(client):
    document = json.loads(client.request("GET", "/openapi.json").body)
    schemas = document["components"]["schemas"]
    for name in ("odd", "heaps", "cut", "mixed"):
        one = schemas[f"{name}_answer"] | {"components": document["components"]}

        answer = json.loads(asked(client, name, USUAL).body)

        jsonschema.validate(answer, one)
        assert set(answer) == set(one["properties"])


def test_the_api_returns_the_threshold_with_each_prediction_and_with_the_model(client):
    answer = json.loads(asked(client, "cut", USUAL).body)
    model = json.loads(client.request("GET", "/api/models/cut").body)

    threshold = {"label": "sick", "value": 0.337, "of": "probability"}
    assert answer["threshold"] == threshold
    assert model["signature"]["outputs"][0]["threshold"] == threshold
    assert any("at least 33.7 %" in note for note in model["card"]["notes"])


def test_records_hold_label_and_score_and_are_found_by_the_word(client):
    record = json.loads(asked(client, "odd", ODD).body)["id"]

    found = client.request("GET", "/models/odd/records?outcome=outlier").body.decode()
    rest = client.request("GET", "/models/odd/records?outcome=normal").body.decode()
    csv = client.request("GET", "/models/odd/records.csv?outcome=outlier").body.decode()
    shown = client.request("GET", f"/records/{record}").body.decode()

    assert record in found
    assert record not in rest
    header, line = csv.splitlines()[0].split(","), csv.splitlines()[1].split(",")
    told = dict(zip(header, line, strict=True))
    assert told["label"] == "outlier"
    assert float(told["score"]) < 0
    assert "Decision score" in shown


def test_the_page_shows_the_label_the_size_and_where_the_score_lies(client):
    odd, heap = page(client, "odd", ODD), page(client, "heaps", USUAL)

    assert re.search(r'class="value figure"><bdi>outlier</bdi>', odd)
    assert "Outliers score below 0." in odd
    assert re.search(r"of 200 training rows \([\d.]+\s%\) have this label", odd)
    assert re.search(r"<bdi>cluster \d</bdi>", heap)
    assert re.search(
        r"of 200 training rows \([\d.]+\s%\) are in this cluster\. The 3 clusters are", heap
    )
    assert "Distance to the centre of its cluster" in heap
    among = re.compile('<figure class="among">.*?</figure>', re.DOTALL)
    assert [among.findall(one)[0].count("<line") for one in (odd, heap)] == [1, 1]


def test_a_mixture_has_the_probability_of_each_component_beside_the_score(client):
    answer = json.loads(asked(client, "mixed", USUAL).body)
    text = page(client, "mixed", USUAL)

    assert list(answer["probabilities"]) == ["0", "1"]
    assert answer["probabilities"][str(answer["prediction"])] == max(
        answer["probabilities"].values()
    )
    assert answer["score"] < 0
    bars = text[text.index("Probability of each class") :]
    assert re.search(r"<bdi>cluster \d</bdi>", bars)


def test_the_form_shows_the_predictions_in_training(client):
    text = client.request("GET", "/models/odd").body.decode()

    assert "Labels of the training rows" in text
    assert re.search(r"normal \([\d.]+\s%\)", text)


def test_a_mark_shows_where_the_threshold_is(client):
    text = page(client, "cut", USUAL)

    assert text.count('class="threshold" x1="33.70"') == 1
    assert "is predicted when its probability is at least 33.7 %" in text


def test_the_command_line_shows_the_same(bundles, capsys):
    assert run(["predict", str(bundles["odd"].path), "a=60", "b=-60"]) == 0
    predicted = capsys.readouterr().out
    assert run(["predict", str(bundles["cut"].path), "a=60", "b=-60"]) == 0
    cut = capsys.readouterr().out
    assert run(["inspect", str(bundles["heaps"].path)]) == 0
    inspected = capsys.readouterr().out
    assert run(["predict", str(bundles["heaps"].path), "a=0", "b=0"]) == 0
    heap = capsys.readouterr().out

    assert "outlier (-1)" in predicted
    assert "Decision score" in predicted
    assert "33.7 %" in cut
    assert len(re.findall(r"cluster \d +[\d.]+", heap[heap.index("Distance to each") :])) == 3
    assert re.search(r"cluster\s0\s\([\d.]+\s%\)", inspected)


def test_a_file_is_scored_with_label_and_score(bundles, tmp_path):
    rows, scored = tmp_path / "rows.csv", tmp_path / "scored.csv"
    pd.DataFrame([ODD, USUAL]).to_csv(rows, index=False)

    assert run(["score", str(bundles["odd"].path), str(rows), "-o", str(scored)]) == 0

    found = pd.read_csv(scored)
    assert found["label"].tolist() == ["outlier", "normal"]
    assert found["score"].tolist() == pytest.approx(bundles["odd"].predict([ODD, USUAL]).scores)


def test_a_file_is_scored_with_the_distance_to_each_cluster(bundles, tmp_path):
    rows, scored = tmp_path / "rows.csv", tmp_path / "scored.parquet"
    pd.DataFrame([ODD, USUAL]).to_csv(rows, index=False)

    assert run(["score", str(bundles["heaps"].path), str(rows), "-o", str(scored)]) == 0

    found = pd.read_parquet(scored)[["distance_0", "distance_1", "distance_2"]]
    assert found.dtypes.unique().tolist() == [np.float64]
    expected = bundles["heaps"].predict([ODD, USUAL]).distances
    assert found.to_numpy() == pytest.approx(expected, rel=1e-15)


def test_records_of_another_version_have_no_mark(bundles):
    answer = {"prediction": "sick", "probabilities": {"sick": 0.4, "well": 0.6}}
    signature = bundles["cut"].signature

    assert [bar.mark for bar in result_of(signature, answer).shares[0].bars] == [None, "33.70"]
    old = result_of(signature, answer, is_current=False)
    assert (old.threshold, [bar.mark for bar in old.shares[0].bars]) == ("", [None, None])


def test_a_signature_of_before_reads_as_ever():
    old = b'{"fields":[{"name":"a"}],"outputs":[{"task":"anomaly"}]}'

    output = msgspec.json.decode(old, type=podium.Signature).output

    assert (output.words, output.score, output.extras) == ((), "", ())
