"""MLflow's scoring protocol: its routes, which name no model, and its own errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import podium
from podium.errors import SetupError
from podium.testing import Client
from podium.testing.client import Reply

JSON = "application/json"


@podium.model
def sums(a: float, b: float | None = None) -> float:
    """Their sum."""
    return a + (b or 0)


@podium.model
def halves(a: float) -> float:
    """Half of it."""
    if a < 0:
        raise ValueError(a)
    return a / 2


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[podium.App]:
    app = podium.App(sums, home=str(tmp_path_factory.mktemp("home")))
    app.start()
    yield app
    app.close()


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[podium.App]:
    app = podium.App(sums, halves, home=str(tmp_path_factory.mktemp("home")))
    yield app
    app.close()


def post(app: podium.App, value: object, media: str = JSON, **headers: str) -> Reply:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    headers = {"content-type": media} | headers
    return Client(app).request("POST", "/invocations", body=body, headers=headers)


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b'{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, NaN]]}}', JSON),
        (b'{"instances": [[1, 2], [3, null]]}', ""),
        (b"a,b\n1,2\n3,\n", "text/csv; charset=utf-8"),
    ],
)
def test_rows_get_predictions(app: podium.App, body: bytes, media: str):
    reply = post(app, body, media)

    assert (reply.status, reply.json()["predictions"]) == (200, [3, 3])
    assert (reply.media, len(reply.json()["ids"])) == (JSON, 2)


def test_the_server_says_that_it_is_there(app: podium.App):
    client = Client(app)

    for path in ("/ping", "/health"):
        assert (client.get(path).status, client.get(path).body) == (200, b"\n")
    assert client.get("/version").text == podium.__version__


def test_a_server_that_stops_is_not_ready(several: podium.App):
    several.site.stopping.set()

    status = Client(several).get("/ping").status

    several.site.stopping.clear()
    assert status == 503


@pytest.mark.parametrize(
    ("body", "media", "status", "code", "text"),
    [
        (b"{", JSON, 400, "BAD_REQUEST", "the body isn't JSON"),
        (b'{"inputs": [["x", 1]]}', JSON, 400, "BAD_REQUEST", "row 0, a"),
        (b"PAR1", "application/vnd.apache.parquet", 415, "BAD_REQUEST", "isn't supported"),
    ],
)
def test_errors_have_the_form_of_mlflow(app: podium.App, body, media, status, code, text):
    reply = post(app, body, media)

    assert (reply.status, reply.json()["error_code"]) == (status, code)
    assert text in reply.json()["message"]


def test_which_model_answers_is_a_setting_where_there_are_several(
    several: podium.App, tmp_path: Path
):
    named = podium.App(sums, halves, home=str(tmp_path), invocations_model="halves")

    unclear = post(several, {"inputs": [3]})
    clear, failed = post(named, {"inputs": [3]}), post(named, {"inputs": [-3]})

    named.close()
    assert (unclear.status, unclear.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    assert "set invocations_model, to one of: sums, halves" in unclear.json()["message"]
    assert (clear.status, clear.json()["predictions"]) == (200, [1.5])
    assert failed.status in (400, 500)


def test_a_setting_for_a_model_that_is_not_served_is_refused(tmp_path: Path):
    with pytest.raises(SetupError, match="invocations_model is 'doubles', which isn't served"):
        podium.App(sums, home=str(tmp_path), invocations_model="doubles")
