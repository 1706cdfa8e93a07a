"""KServe's V1 protocol: rows in several forms, and its own errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import podium
from podium.records.store import RecordQuery
from podium.settings import Settings
from podium.testing import Client
from podium.testing.client import Reply

PREDICT = "/v1/models/sums:predict"


@podium.model
def sums(a: float, b: float | None = None) -> float:
    """Their sum."""
    return a + (b or 0)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[podium.App]:
    app = podium.App(sums, home=str(tmp_path_factory.mktemp("home")), is_local=True)
    app.start()
    yield app
    app.close()


def post(app: podium.App, value: object, path: str = PREDICT, **headers: str) -> Reply:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Client(app).request("POST", path, body=body, headers=headers)


@pytest.mark.parametrize(
    "value",
    [
        {"instances": [{"a": 1, "b": 2}, {"a": 3}]},
        {"instances": [[1, 2], [3, None]]},
        {"inputs": [[1, 2], [3, None]], "signature_name": "x"},
        {"inputs": {"a": [1, 3], "b": [2, None]}},
    ],
)
def test_rows_of_every_form_get_predictions(app: podium.App, value: object):
    reply = post(app, value)

    assert (reply.status, reply.json()["predictions"]) == (200, [3, 3])
    assert len(reply.json()["ids"]) == 2
    assert reply.media == "application/json"


def test_an_answer_is_recorded_under_its_id(app: podium.App):
    (id_,) = post(app, {"instances": [[1, 2]]}).json()["ids"]

    page = app.site.store.page(RecordQuery(), limit=1)
    assert [(one.id, one.inputs) for one in page.records] == [(id_, b'{"a":1.0,"b":2.0}')]


def test_a_repeated_key_gets_the_same_answer(app: podium.App):
    first, again = (post(app, {"instances": [[4, 5]]}, **{"idempotency-key": "k"}) for _ in "12")

    assert first.body == again.body
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("value", "path", "status", "text"),
    [
        (b"", PREDICT, 400, "the body isn't JSON"),
        (b"{", PREDICT, 400, "the body isn't JSON"),
        (b'{"instances": [[NaN, 1]]}', PREDICT, 400, "the body isn't JSON"),
        ([], PREDICT, 400, "the body isn't a JSON object"),
        ({"rows": []}, PREDICT, 400, "exactly one of instances, inputs; it has rows"),
        ({"instances": []}, PREDICT, 400, "there are no rows"),
        ({"instances": 3}, PREDICT, 400, "isn't a row"),
        ({"instances": [[1]]}, PREDICT, 400, "row 0: has 1 values (accepted: 2 values: a, b)"),
        ({"instances": [{"a": "much"}, {}]}, PREDICT, 400, "2 values are not accepted: row 0, a"),
        ({"instances": [{"a": 1, "c": 1}]}, PREDICT, 400, "c"),
        ({}, "/v1/models/nope:predict", 404, "Model with name nope does not exist."),
        ({}, "/v1/models/sums:explain", 400, "instances"),
        ({}, "/v1/nothing", 404, "there is nothing at /v1/nothing"),
    ],
)
def test_errors_have_the_form_of_kserve(app: podium.App, value, path, status, text):
    reply = post(app, value, path)

    assert (reply.status, list(reply.json())) == (status, ["error"])
    assert text in reply.json()["error"]


def test_more_rows_than_allowed_are_refused(tmp_path: Path):
    app = podium.App(sums, home=str(tmp_path), rows_max=2, bulk_rows_max=2)

    reply = post(app, {"instances": [[1, 2]] * 3})

    app.close()
    assert (reply.status, list(reply.json())) == (413, ["error"])


def test_models_say_whether_they_are_loaded(app: podium.App, tmp_path: Path):
    client = Client(app)
    other = podium.App(sums, home=str(tmp_path))

    early = other.site.deployments["sums"].choose()
    assert client.get("/v1/models").json() == {"models": ["sums"]}
    assert client.get("/v1/models/sums").json() == {"name": "sums", "ready": True}
    missing = client.get("/v1/models/nope")
    assert missing.status == 404
    assert missing.json() == {"error": "Model with name nope does not exist."}
    assert not early.is_loaded
    other.close()


def test_a_setting_turns_it_off(tmp_path: Path):
    app = podium.App(sums, settings=Settings(home=str(tmp_path), protocols=()))

    reply = Client(app).get("/v1/models")

    app.close()
    assert reply.status == 404
