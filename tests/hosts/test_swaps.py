"""A version is swapped while requests run: each answer comes from the version that it names."""

from __future__ import annotations

import gc
import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle import Bundle
from podium.errors import SetupError
from podium.flow.submission import Submission
from podium.records.store import RecordQuery

sys.path.insert(0, str(Path(__file__).parent))
from own_connections import served_by_connections

N_SWAPS = 100
PREDICT = "/api/models/constant/predict"
JSON = {"content-type": "application/json"}
ROWS = json.dumps([{"x": float(n)} for n in range(300)]).encode()


def packed(folder: Path, constant: int) -> Bundle:
    """The version of a model that always answers with its own number."""
    frame = pd.DataFrame({"x": np.arange(20.0)})
    model = LinearRegression().fit(frame, np.full(20, float(constant)))
    path = folder / f"constant-{constant}.podium"
    return podium.pack(model, frame, name="constant", version=str(constant), path=path)


@pytest.fixture
def bundles(tmp_path: Path) -> list[Bundle]:
    return [packed(tmp_path, constant) for constant in (1, 2)]


class Counting:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[Submission] = []

    def observe(self, some: Any) -> None:
        self.seen += some


@pytest.fixture
def served(bundles: list[Bundle], tmp_path: Path) -> Iterator[tuple[podium.App, int]]:
    """An app behind our own connections, and its port."""
    app = podium.App(bundles[0], home=str(tmp_path / "home"))
    app.start()
    with served_by_connections(app) as port:
        yield app, port


def answer(
    connection: http.client.HTTPConnection, body: bytes, **headers: str
) -> tuple[int, bytes]:
    connection.request("POST", PREDICT, body, {**JSON, **headers})
    response = connection.getresponse()
    return response.status, response.read()


@pytest.mark.parametrize(
    "body", [b'{"x": 1}', b'[{"x": 1}, {"x": 2}]', ROWS], ids=["a row", "rows", "many rows"]
)
def test_no_answer_names_another_version_than_the_one_that_gave_it(served, bundles, body):
    app, port = served
    is_over = threading.Event()
    found: list[tuple[int, bytes]] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while not is_over.is_set():
            found.append(answer(connection, body))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(N_SWAPS):
        app.swap(bundles[(number + 1) % 2].path)
    is_over.set()
    for thread in threads:
        thread.join()

    assert len(found) > 4
    assert {status for status, _ in found} == {200}
    versions = set()
    for _, said in found:
        value = json.loads(said)
        versions.add(value["version"])
        predictions = value.get("predictions", [value.get("prediction")])
        assert {str(round(one)) for one in predictions} == {value["version"]}
    assert versions == {"1", "2"}
    records = app.site.store.page(RecordQuery(model="constant"), limit=50).records
    for record in records:
        prediction = json.loads(record.outputs)["prediction"]
        assert str(round(prediction)) == record.version


def test_the_version_before_stays_loaded_and_the_one_before_that_goes(served, bundles, tmp_path):
    import weakref

    app, port = served
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    assert answer(connection, b'{"x": 1}')[0] == 200
    connection.request("GET", "/docs")
    connection.getresponse().read()
    connection.close()

    first = weakref.ref(app.swap(bundles[1].path))
    assert first() is app.deployments["constant"].traffic.previous
    app.swap(packed(tmp_path, 3).path)

    until_s = time.monotonic() + 60  # monitoring counts what it answered a moment later
    while first() is not None and time.monotonic() < until_s:
        gc.collect()  # a page's template context is a cycle, and holds the versions that it showed
        time.sleep(0.05)
    assert first() is None


def test_what_is_no_version_of_a_served_model_changes_nothing(served, bundles, tmp_path):
    app, _ = served
    x = np.arange(20.0).reshape(-1, 1)
    other = podium.pack(
        LinearRegression().fit(x, x[:, 0]), x, name="other", path=tmp_path / "other.podium"
    )

    with pytest.raises(SetupError, match="no model is called 'other'"):
        app.swap(other.path)

    assert app.deployments["constant"].choose().version == "1"


@pytest.mark.parametrize(
    "headers", [{}, {"accept": "text/csv"}, {"idempotency-key": "k{}"}], ids=str
)
def test_every_way_in_is_counted_recorded_and_observed_once_a_request(served, headers):
    app, port = served
    counting = Counting()
    app.service.observers.append(counting)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    for body in (b'{"x": 1}', ROWS):
        own = {name: value.format(len(body)) for name, value in headers.items()}
        assert answer(connection, body, **own)[0] == 200
    connection.close()

    assert [len(one.outputs) for one in counting.seen] == [1, 300]
    assert [len(one.ids) for one in counting.seen] == [1, 300]
    counted = app.site.metrics.snapshot().counted.counters
    rows = [value for series, value in counted.items() if series[0] == "podium_rows_total"]
    assert rows == [301]
    n_records = sum(1 for _ in app.site.store.page(RecordQuery(), limit=500).records)
    assert n_records == 301
