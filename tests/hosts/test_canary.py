"""A challenger answers a share of the requests: whole requests, the same callers, in every lane."""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.access import Actor
from podium.bundle import Bundle
from podium.deployments.traffic import place
from podium.errors import ModelError
from podium.hosts.predicted import predicted
from podium.records.store import RecordQuery
from podium.testing import Client

sys.path.insert(0, str(Path(__file__).parent))
from own_connections import served_by_connections

PREDICT = "/api/models/constant/predict"
N_KEYS = 60


def packed(folder: Path, constant: int) -> Bundle:
    """The version of a model that always answers with its own number."""
    frame = pd.DataFrame({"x": np.arange(20.0), "customer": np.arange(20)})
    model = LinearRegression().fit(frame, np.full(20, float(constant)))
    path = folder / f"constant-{constant}.podium"
    return podium.pack(model, frame, name="constant", version=str(constant), path=path)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Bundle]:
    folder = tmp_path_factory.mktemp("bundles")
    return [packed(folder, constant) for constant in (1, 2, 3)]


@pytest.fixture
def served(bundles: list[Bundle], tmp_path: Path) -> Iterator[tuple[podium.App, int]]:
    """An app behind our own connections, and its port."""
    app = podium.App(bundles[0], home=str(tmp_path / "home"))
    app.start()
    for one in bundles[1:]:
        app.versions.registry.register(one)
    with served_by_connections(app) as port:
        yield app, port


# How a version is asked; each returns which one answered. The key is a customer, or a header.
Ask = Callable[[podium.App, int, int, str], str]


def by_http(accept: str, app: podium.App, port: int, customer: int, header: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"content-type": "application/json", "accept": accept}
    headers |= {"podium-key": header} if header else {}
    body = json.dumps({"x": 1, "customer": customer})
    connection.request("POST", PREDICT, body, headers)
    response = connection.getresponse()
    said = json.loads(response.read())
    connection.close()
    assert response.status == 200, said
    assert round(said["prediction"]) == int(said["version"])
    return str(said["version"])


def by_v2(app: podium.App, port: int, customer: int, header: str) -> str:
    cells = {"x": ("FP64", 1.0), "customer": ("INT64", customer)}
    inputs = [
        {"name": name, "shape": [1, 1], "datatype": datatype, "data": [cell]}
        for name, (datatype, cell) in cells.items()
    ]
    headers = {"podium-key": header} if header else {}
    url = f"http://127.0.0.1:{port}/v2/models/constant/infer"
    said = httpx.post(url, json={"inputs": inputs}, headers=headers).json()
    assert round(said["outputs"][0]["data"][0]) == int(said["model_version"])
    return str(said["model_version"])


def by_threads(app: podium.App, _port: int, customer: int, header: str) -> str:
    """As Flask and Django ask."""
    headers = {"podium-key": header} if header else {}
    said = Client(app).post(PREDICT, {"x": 1, "customer": customer}, **headers)
    value = said.json()
    assert round(value["prediction"]) == int(value["version"])
    return str(value["version"])


def by_python(app: podium.App, _port: int, customer: int, header: str) -> str:
    actor = Actor(header) if header else Actor()
    row = {"x": 1.0, "customer": customer}
    said: Any = predicted(app.service, app.deployments["constant"].traffic, row, actor=actor)
    assert round(said.prediction) == int(said.version)
    return str(said.version)


LANES: dict[str, Ask] = {
    "fast": partial(by_http, "*/*"),
    "asgi": partial(by_http, "application/json;q=0.9"),
    "v2": by_v2,
    "threads": by_threads,
    "python": by_python,
}


def expected(app: podium.App, key: str, share: float = 0.5) -> str:
    rollout = app.deployments["constant"].traffic.rollout
    return "2" if place("constant", rollout, key) < share else "1"


def test_every_lane_sends_a_key_to_the_same_version(served):
    app, port = served
    app.versions.set_traffic("constant", "2", share=0.5)

    for lane, ask in LANES.items():
        for n in range(N_KEYS):
            # The Python API knows no headers: its key is the actor, by their name.
            key = f"name:k{n}" if lane == "python" else f"k{n}"
            assert ask(app, port, n, f"k{n}") == expected(app, key), lane


def test_every_lane_sends_the_value_of_a_field_to_the_same_version(served):
    app, port = served
    app.versions.set_traffic("constant", "2", share=0.5, key="customer")

    for lane, ask in LANES.items():
        for n in range(N_KEYS):
            assert ask(app, port, n, "") == expected(app, str(n)), lane


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/json", b'{"x": 1, "customer": 7}'),
        ("application/json", b'{"x": 1, "customer": 7.0}'),
        ("application/json", b'[{"x": 1, "customer": 7}, {"x": 1, "customer": 8}]'),
        ("application/json", b'{"x": [1, 2], "customer": [7, 9]}'),
        ("text/csv", b"customer,x\n7,1\n8,2\n"),
        ("application/x-ndjson", b'{"x": 1, "customer": 7}\n{"x": 1, "customer": 8}\n'),
        ("application/x-www-form-urlencoded", b"x=1&customer=7"),
    ],
)
def test_the_first_row_decides_in_every_format_and_no_request_is_split(served, media, body):
    app, _ = served
    app.versions.set_traffic("constant", "2", share=0.5, key="customer")

    found = set()
    for share in (0.0, 0.5, 1.0):
        app.versions.set_traffic("constant", "2", share=share, key="customer")
        said = Client(app).request(
            "POST",
            PREDICT,
            body=body,
            headers={"content-type": media, "accept": "application/json"},
        )
        assert said.status == 200, said.body
        value = json.loads(said.body)
        assert value["version"] == expected(app, "7", share)
        numbers = value.get("predictions", [value.get("prediction")])
        assert {str(round(one)) for one in numbers} == {value["version"]}
        found.add(value["version"])
    assert found == {"1", "2"}


def test_requests_of_nobody_are_divided_by_their_record_and_records_name_who_answered(served):
    app, port = served
    app.versions.set_traffic("constant", "2", share=0.5)

    for lane in ("fast", "asgi", "threads", "python"):
        for n in range(N_KEYS):
            LANES[lane](app, port, n, "")

    page = app.site.store.page(RecordQuery(model="constant"), limit=500)
    assert len(page.records) == 4 * N_KEYS
    for record in page.records:
        assert record.version == expected(app, record.request_id)
        assert str(round(json.loads(record.outputs)["prediction"])) == record.version
    assert {one.version for one in page.records} == {"1", "2"}


def test_raising_the_share_moves_nobody_back_and_a_restart_nobody_at_all(served, bundles, tmp_path):
    app, port = served
    keys = [f"k{n}" for n in range(N_KEYS)]

    def canaries(port: int, app: podium.App) -> set[str]:
        return {key for key in keys if LANES["fast"](app, port, 1, key) == "2"}

    before: set[str] = set()
    for share in (0.1, 0.4, 0.8):
        app.versions.set_traffic("constant", "2", share=share)
        now = canaries(port, app)
        assert before <= now
        before = now
    # Another server on the same home: its first request goes where those here go.
    other = podium.App(bundles[0], home=str(tmp_path / "home"))
    assert other.deployments["constant"].traffic.canary is not None
    found = {key for key in keys if by_threads(other, 0, 1, key) == "2"}
    other.close()

    assert found == before
    assert 0 < len(before) < N_KEYS


def test_a_retry_gets_the_answer_of_the_version_that_gave_it(served):
    app, _ = served
    row = {"x": 1, "customer": 7}

    def ask(key: str) -> tuple[str, bool]:
        said = Client(app).post(PREDICT, row, **{"idempotency-key": key})
        return said.json()["version"], "idempotency-replayed" in said.headers

    first = ask("a")
    app.versions.set_traffic("constant", "2", share=1.0)
    second = ask("b")
    during = [ask("a"), ask("b")]
    app.versions.promote("constant", "3")
    after = [ask("a"), ask("b"), ask("c")]

    assert [first, second] == [("1", False), ("2", False)]
    assert during == [("1", True), ("2", True)]
    assert after == [("1", True), ("2", True), ("3", False)]


def test_a_request_that_was_broken_off_is_answered_by_the_version_that_began_it(served):
    """Its records may be stored: they name that version."""
    app, _ = served
    row = {"x": 1, "customer": 7}
    begun = app.service._keys
    stored, begun.store_response = begun.store_response, lambda *_: (_ for _ in ()).throw(OSError)
    broken = Client(app).post(PREDICT, row, **{"idempotency-key": "a"})
    begun.store_response = stored
    app.versions.promote("constant", "2")

    said = Client(app).post(PREDICT, row, **{"idempotency-key": "a"})

    assert broken.status == 500
    assert said.json()["version"] == "1"
    records = app.site.store.page(RecordQuery(model="constant"), limit=9).records
    assert [(one.id, one.version) for one in records] == [(said.json()["id"], "1")]


def test_who_sets_traffic_while_requests_run_fails_none(served):
    app, port = served
    is_over = threading.Event()
    found: set[str] = set()
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            n = 0
            while not is_over.is_set():
                n += 1
                found.add(LANES["fast" if n % 2 else "asgi"](app, port, n, ""))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        app.versions.set_traffic("constant", str(2 + number % 2), share=0.5)
        if number % 4 == 3:
            app.versions.stop("constant")
    is_over.set()
    for thread in threads:
        thread.join()

    assert errors == []
    assert found <= {"1", "2", "3"}
    assert len(found) > 1


def test_a_challenger_that_can_not_be_read_is_left_out_when_a_server_starts(bundles, tmp_path):
    home = tmp_path / "home"
    app = podium.App(bundles[0], home=str(home))
    app.versions.registry.register(bundles[1])
    app.versions.registry.set_traffic("constant", "2", share=1.0)
    app.close()
    (home / "versions" / f"{bundles[1].digest}.podium").write_bytes(b"")

    app = podium.App(bundles[0], home=str(home))
    app.start()
    said = by_threads(app, 0, 1, "k")
    is_ready = app.is_ready
    app.close()

    assert said == "1"
    assert is_ready


def test_failures_are_counted_for_the_version_that_failed(served, monkeypatch):
    app, port = served
    app.versions.set_traffic("constant", "2", share=1.0)
    canary = app.deployments["constant"].traffic.canary

    def fails(*_: object) -> None:
        raise ModelError("no")

    monkeypatch.setattr(canary.runtime, "predict", fails)
    if hasattr(canary.runtime, "predict_rows"):
        monkeypatch.setattr(canary.runtime, "predict_rows", fails)
    statuses = []
    for accept in ("*/*", "application/json;q=0.9"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"content-type": "application/json", "accept": accept}
        connection.request("POST", PREDICT, b'{"x": 1, "customer": 1}', headers)
        statuses.append(connection.getresponse().status)
        connection.close()
    statuses.append(Client(app).post(PREDICT, {"x": 1, "customer": 1}).status)

    lines = Client(app).get("/metrics").text.splitlines()
    failed = {
        line.split('version="')[1][0]: 0.0
        for line in lines
        if line.startswith("podium_requests_total") and 'outcome="failed"' in line
    }
    for line in lines:
        if line.startswith("podium_requests_total") and 'outcome="failed"' in line:
            failed[line.split('version="')[1][0]] += float(line.rsplit(" ", 1)[1])
    assert statuses == [500, 500, 500]
    assert failed == {"1": 0.0, "2": 3.0}
