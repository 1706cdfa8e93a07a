"""The monitoring pages, without a script: what they show, and to whom."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import podium
from podium.access import ALL, Action, Actor
from podium.testing import Client

ROW = {"distance": 100.0, "hour": 3}
PAGE = "/models/arrival-delay/monitor"
ACTORS = {
    "sue": Actor("sue", "Sue", {ALL: frozenset({Action.SEE})}),
    "ada": Actor("ada", "Ada", {"arrival-delay": frozenset({Action.PREDICT})}),
}


@pytest.fixture
def app(models_file: Path, tmp_path: Path) -> Iterator[podium.App]:
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path))
    yield app
    app.close()


@pytest.fixture
def client(app: podium.App) -> Client:
    return Client(app)


def test_the_page_counts_what_was_answered_and_what_was_not(client):
    for _ in range(3):
        client.post("/api/models/arrival-delay/predict", ROW)
    client.post("/api/models/arrival-delay/predict", {"distance": "far"})

    page = client.get(PAGE)

    assert page.status == 200
    assert "<dt>Rows since the start</dt><dd>3</dd>" in page.text
    assert "<dt>Turned away since the start</dt><dd>1\u00a0invalid</dd>" in page.text
    assert "<strong>champion</strong>" in page.text


def test_the_series_of_the_page_are_columns_for_the_script(client):
    page = client.get(PAGE).text

    (series,) = re.findall(r'data-series="([^"]*)"', page)
    assert json.loads(html.unescape(series)) == [[], [], [], [], []]


def test_only_a_host_with_websockets_names_one(app, client):
    assert f'data-stream="/api{PAGE}/stream?' in client.get(PAGE).text

    object.__setattr__(app.site, "has_streams", False)
    assert 'data-stream=""' in client.get(PAGE).text


@pytest.mark.parametrize("query", ["window=year", "version=nothing"])
def test_a_query_that_is_not_right_is_refused(client, query):
    page, stream = client.get(f"{PAGE}?{query}"), client.get(f"/api{PAGE}/stream?{query}")

    assert page.status in (400, 404)
    assert stream.status == 426


def test_a_plain_request_for_the_stream_is_told_what_it_is(client):
    answer = client.get(f"/api{PAGE}/stream")

    assert (answer.status, answer.json()["code"]) == (426, "upgrade_required")
    assert answer.headers["upgrade"] == "websocket"


def test_the_overview_has_the_models_that_one_may_see(models_file, tmp_path, log):
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path), identify=log)
    client = Client(app)

    sees, predicts = (client.get("/monitor", x_who=who).text for who in ("sue", "ada"))
    app.close()

    assert f'href="{PAGE}"' in sees
    assert PAGE not in predicts
    assert "no model whose monitoring you may see" in predicts
