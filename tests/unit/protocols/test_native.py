"""The API: predictions in and out, what is told of the models, and whether the server is well."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import podium
from podium.access import NOBODY
from podium.http import Request
from podium.protocols.native import NATIVE
from podium.testing import Client
from podium.web import routes

PREDICT = "/api/models/loans/predict"
YES = {"no": 0.25, "yes": 0.75}


def test_an_object_is_one_row(client: Client, loan):
    reply = client.post(PREDICT, loan)

    told = reply.json()
    assert (reply.status, reply.media) == (200, "application/json")
    assert (told["prediction"], told["probabilities"]) == ("yes", YES)
    assert (told["model"], told["warnings"]) == ("loans", [])
    assert told["version"] == client.app.deployments["loans"].choose().version
    assert len(told["id"]) == 32


def test_an_array_is_many_rows(client: Client, loan):
    told = client.post(PREDICT, [loan, loan | {"member": False}]).json()

    assert told["predictions"] == ["yes", "no"]
    assert told["probabilities"] == [YES, {"no": 0.75, "yes": 0.25}]
    assert len(set(told["ids"])) == 2


def test_an_array_of_one_row_gets_an_array(client: Client, loan):
    assert client.post(PREDICT, [loan]).json()["predictions"] == ["yes"]


def test_an_object_of_arrays_is_columns(client: Client):
    body = {"distance": [100, 200], "hour": [1, 2]}

    assert client.post("/api/models/arrival-delay/predict", body).json()["predictions"] == [2, 4]


def test_csv_gets_csv(client: Client):
    body = b"distance,hour\n100,1\n200,2\n"

    reply = client.post("/api/models/arrival-delay/predict", body=body, content_type="text/csv")

    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert reply.media.startswith("text/csv")
    assert [float(row["prediction"]) for row in rows] == [2.0, 4.0]


def test_ndjson_gets_ndjson(client: Client):
    body = b'{"distance":100,"hour":1}\n{"distance":200,"hour":2}\n'
    media = "application/x-ndjson"

    reply = client.post("/api/models/arrival-delay/predict", body=body, content_type=media)

    assert reply.media == media
    assert [json.loads(line)["prediction"] for line in reply.text.splitlines()] == [2.0, 4.0]


def test_a_form_is_one_row(client: Client):
    reply = client.send_form("/api/models/arrival-delay/predict", {"distance": "100", "hour": "1"})

    assert reply.json()["prediction"] == 2.0


@pytest.mark.parametrize("accept", ["text/csv", "text/csv, application/json;q=0.5"])
def test_accept_chooses_csv(client: Client, loan, accept):
    reply = client.post(PREDICT, loan, accept=accept)

    (row,) = csv.DictReader(io.StringIO(reply.text))
    assert reply.media.startswith("text/csv")
    assert row["prediction"] == "yes"


def test_a_value_outside_the_training_range_is_predicted_with_a_warning(client: Client, loan):
    one = client.post(PREDICT, loan | {"income": 95_000}).json()
    many = client.post(PREDICT, [loan, loan | {"income": 95_000}]).json()

    (warning,) = one["warnings"]
    assert (warning["field"], warning["code"]) == ("income", "outside")
    assert [(w["row"], w["field"]) for w in many["warnings"]] == [(1, "income")]


def test_every_bad_cell_is_named_with_what_would_be_accepted(client: Client, loan):
    rows = [loan, loan | {"age": "old", "plan": "gold"}, loan | {"since": None}]

    reply = client.post(PREDICT, rows)

    cells = reply.json()["cells"]
    assert reply.status == 422
    assert [(c["row"], c["field"], c.get("value")) for c in cells] == [
        (1, "age", "old"),
        (1, "plan", "gold"),
        (2, "since", None),
    ]
    assert all(cell["problem"] and cell["accepted"] for cell in cells)


@pytest.mark.parametrize(
    ("body", "media", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_body"),
        (b"", "application/json", 400, "malformed_body"),
        (b"\xff\xfe", "application/json", 400, "malformed_body"),
        (b'{"x": NaN}', "application/json", 400, "malformed_body"),
        (b'{"x": 1e400}', "application/json", None, ""),
        (b'{"x": "1"}', "application/json", 422, "invalid_rows"),
        (b'{"x": true}', "application/json", 422, "invalid_rows"),
        (b'{"x": null}', "application/json", 422, "invalid_rows"),
        (b'{"x": 1, "y": 2}', "application/json", 422, "invalid_rows"),
        (b'"x"', "application/json", 422, "invalid_rows"),
        (b"[]", "application/json", 422, "invalid_rows"),
        (b"[1]", "application/json", 422, "invalid_rows"),
        (b"[" * 1_000 + b"]" * 1_000, "application/json", None, ""),
        (b'{"x":' * 1_000 + b"1" + b"}" * 1_000, "application/json", None, ""),
        (b"[" + b'{"x":1},' * 1_000 + b'{"x":1}]', "application/json", 413, "too_large"),
        (b"x\n1,2\n", "text/csv", 422, "invalid_rows"),
        (b"x,x\n1,2\n", "text/csv", 400, "malformed_body"),
        (b"x\ninf\n", "text/csv", 422, "invalid_rows"),
        (b'{"x": 1}\n{', "application/x-ndjson", 400, "malformed_body"),
        (b"x=nan", "application/x-www-form-urlencoded", 422, "invalid_rows"),
        (b"x=1", "text/plain", 415, "unsupported_media"),
        (b"x=1", "multipart/form-data", 400, "malformed_body"),
    ],
)
def test_bad_input_is_the_callers_and_never_a_fault(client: Client, body, media, status, code):
    reply = client.post("/api/models/fragile/predict", body=body, content_type=media)

    assert reply.media == "application/problem+json"
    assert reply.status == status or (status is None and reply.status in (400, 422))
    assert reply.json()["code"] == code or not code


def test_nothing_is_recorded_of_a_refused_request(client: Client, loan):
    before = client.get("/models/loans/records.csv").text

    client.post(PREDICT, loan | {"age": "old"})

    assert client.get("/models/loans/records.csv").text == before


def test_the_models_are_listed_in_their_order(client: Client):
    models = client.get("/api/models").json()["models"]

    assert [one["name"] for one in models] == list(client.app.deployments)
    cards = [one.choose().card for one in client.app.deployments.values()]
    told = [(one["title"], one["description"], one["version"]) for one in models]
    assert told == [(card.title, card.description, card.version) for card in cards]
    assert "Whether a loan is granted" in models[0]["title"] + models[0]["description"]
    assert (models[0]["task"], models[1]["task"]) == ("classification", "regression")


@pytest.mark.slow
def test_every_link_of_a_model_leads_somewhere(client: Client):
    for one in client.get("/api/models").json()["models"]:
        links = one["links"]
        assert client.request("OPTIONS", links.pop("predict")).status == 204
        assert {
            name: client.get(link.partition("#")[0]).status for name, link in links.items()
        } == {
            "self": 200,
            "form": 200,
            "docs": 200,
            "openapi": 200,
            "records": 200,
        }


def test_without_records_nothing_links_to_them(models_file: Path, tmp_path: Path):
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path), records=False)
    client = Client(app)

    told = client.get("/api/models/arrival-delay").json()
    answer = client.post(told["links"]["predict"], {"distance": 1, "hour": 1}).json()

    assert "records" not in told["links"]
    assert "id" not in answer
    app.close()


def test_a_model_is_described_completely(client: Client, loan):
    told = client.get("/api/models/loans").json()

    deployment = client.app.deployments["loans"].choose()
    assert told["card"]["name"] == "loans"
    assert told["card"]["version"] == deployment.version
    assert [one["name"] for one in told["signature"]["fields"]] == list(deployment.signature.names)
    assert told["signature"]["outputs"][0]["classes"] == ["no", "yes"]
    assert told["examples"]
    rows = Draft202012Validator(told["input_schema"])
    for row in [*told["examples"], loan]:
        rows.validate(row)
        answer = client.post(told["links"]["predict"], row).json()
        Draft202012Validator(told["output_schema"]).validate(answer)


def test_the_process_lives_before_its_models_are_loaded(models_file: Path, tmp_path: Path):
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path))
    folder = tmp_path / "packed" / "arrival-delay.podium"
    lazy = podium.App(str(folder), home=str(tmp_path))

    def asked(path: str) -> tuple[int, Any]:
        response = routes.respond(lazy.site, Request("GET", path))
        assert isinstance(response.body, bytes)
        return response.status, json.loads(response.body)

    assert asked("/livez") == (200, {"status": "alive"})
    loading = {"status": "loading", "models": {"arrival-delay": False}, "records": "kept"}
    assert asked("/readyz") == (503, loading)
    assert routes.respond(lazy.site, Request("GET", "/readyz")).headers["retry-after"] == "1"

    lazy.start()

    ready = {"status": "ready", "models": {"arrival-delay": True}, "records": "kept"}
    assert asked("/readyz") == (200, ready)
    lazy.close()
    app.close()


def test_a_request_holds_its_actor_and_its_options():
    headers = {"content-type": "Text/CSV; charset=utf-8", "accept": "application/json"}

    request = NATIVE.read(Request("POST", PREDICT, headers=headers, body=b"x\n1\n"), {})

    context = request.context
    assert (request.body, request.media) == (b"x\n1\n", "text/csv")
    assert (context.accept, context.source, context.actor) == ("application/json", "api", NOBODY)
