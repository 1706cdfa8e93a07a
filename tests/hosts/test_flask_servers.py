"""A Flask app under each server that people use answers what every host is asked."""

from __future__ import annotations

import csv
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

import podium

sys.path.insert(0, str(Path(__file__).parent))
from exchanges import EXCHANGES, GOOD, PREDICT, Exchange
from flask_server import PREFIX, FlaskServer, Kind
from test_hosts import FUNCTION, Told, ask_client, ask_http, essence

from podium.hosts.flask.host import METRICS_S
from podium.outbox.outboxed import OutboxedStore
from podium.records.store import RecordQuery
from podium.records.stores.sqlite import SqliteStore
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
def test_each_request_gets_the_same_response_as_from_every_host(
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


def test_the_predictions_of_every_process_are_recorded_once(browser: httpx.Client) -> None:
    """In one list, whoever answered: one process ships what all of them answered."""
    ids = [browser.post(PREFIX + PREDICT, json=GOOD).json()["id"] for _ in range(20)]

    text = browser.get(f"{PREFIX}/models/loans/records.csv").text
    shown = [row["id"] for row in csv.DictReader(text.removeprefix("\ufeff").splitlines())]

    assert [shown.count(one) for one in ids] == [1] * 20


def test_metrics_count_the_predictions_of_every_process(browser: httpx.Client) -> None:
    def counted() -> float:
        text = browser.get(f"{PREFIX}/metrics").text
        found = re.findall(r"^podium_rows_total\{.*?\} (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))

    before = -1.0
    while before != (before := counted()):  # what the tests before this one asked is told soon
        time.sleep(1.2 * METRICS_S)
    for _ in range(10):
        browser.post(PREFIX + PREDICT, json=GOOD)
    until_s = time.monotonic() + 60
    while counted() < before + 10 and time.monotonic() < until_s:
        time.sleep(0.1)

    assert [counted() - before for _ in range(6)] == [10.0] * 6


@pytest.mark.parametrize("kind", ["development", "waitress", "gthread"])
def test_a_server_that_stops_loses_no_record(model: Path, tmp_path: Path, kind: Kind) -> None:
    environment = {"FLASK_PODIUM_MODELS": str(model), "PYTHONPATH": str(model.parent)}
    with FlaskServer(kind, "bare:make()", tmp_path, environment) as server:
        ids = {
            httpx.post(f"{server.address}{PREFIX}{PREDICT}", json=GOOD).json()["id"]
            for _ in range(10)
        }

    assert stored_ids(tmp_path) == ids


def test_a_worker_that_is_killed_loses_no_record(model: Path, tmp_path: Path) -> None:
    environment = {"FLASK_PODIUM_MODELS": str(model), "PYTHONPATH": str(model.parent)}
    with FlaskServer("preload", "bare:make()", tmp_path, environment) as server:
        address = f"{server.address}{PREFIX}{PREDICT}"
        ids = {httpx.post(address, json=GOOD).json()["id"] for _ in range(10)}
        for worker in server.workers:
            os.kill(worker, signal.SIGKILL)
        until_s = time.monotonic() + 60
        while len(ids) < 20 and time.monotonic() < until_s:
            with suppress(httpx.TransportError):  # until there are workers again
                ids.add(httpx.post(address, json=GOOD).json()["id"])

    assert len(ids) == 20
    assert stored_ids(tmp_path) == ids


def stored_ids(folder: Path) -> set[str]:
    """The ids of the records in a home folder, those that wait for the store among them."""
    home = folder / "podium-home"
    store = OutboxedStore(SqliteStore(home / "podium.db"), home / "outbox", ships=False)
    page = store.page(RecordQuery(), limit=100)
    store.close()
    return {record.id for record in page.records}
