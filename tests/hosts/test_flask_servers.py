"""A Flask app under each server that people use answers what every host is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

import podium

sys.path.insert(0, str(Path(__file__).parent))
from exchanges import EXCHANGES, Exchange
from flask_server import PREFIX, FlaskServer
from test_hosts import FUNCTION, Told, ask_client, ask_http, essence

from podium.testing import Client

KINDS = ("development", "waitress", "sync", "gthread", "preload")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loans")
    (folder / "flask_loans.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    import flask_loans

    sys.path.remove(str(folder))
    return podium.pack(flask_loans.loans, name="loans", path=folder).path


@pytest.fixture(scope="module")
def client(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    app = podium.App(str(model), home=str(tmp_path_factory.mktemp("home")))
    yield Client(app)
    app.close()


@pytest.fixture(scope="module", params=KINDS)
def server(
    model: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[FlaskServer]:
    environment = {
        "FLASK_PODIUM_MODELS": str(model),
        "FLASK_PODIUM_ALLOWED_HOSTS": "127.0.0.1",
        "PYTHONPATH": str(model.parent),
    }
    folder = tmp_path_factory.mktemp(request.param)
    with FlaskServer(request.param, "bare:make()", folder, environment) as server:
        yield server


@pytest.fixture(scope="module")
def browser(server: FlaskServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.address) as browser:
        yield browser


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda one: one.name)
def test_each_request_is_answered_as_by_every_host(
    browser: httpx.Client, client: Client, exchange: Exchange
) -> None:
    told = ask_http(browser, replace(exchange, path=PREFIX + exchange.path))
    expected = ask_client(client, exchange)

    assert told.status == exchange.status, told.body[:500]
    assert told.media == expected.media
    for name in ("content-security-policy", "cache-control", "allow", "x-content-type-options"):
        assert told.headers.get(name) == expected.headers.get(name), name
    # Lists grow with each test.
    if "records" not in exchange.path:
        body = told.body.replace(f'"url":"{PREFIX}"'.encode(), b'"url":"/"')
        bare = body.replace(f'href="{PREFIX}/'.encode(), b'href="/').replace(PREFIX.encode(), b"")
        assert essence(Told(told.status, told.media, bare, {})) == essence(expected)
