"""Alerts of real servers: whoever of many workers looks, each alert is sent once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle import Bundle
from podium.monitoring.counts_file import CountsFile
from podium.monitoring.layout import Layout
from podium.monitoring.lookout import SETTLED_US
from podium.monitoring.pieces import HOUR_US
from podium.records.counted import Key, Tally
from podium.table import Table
from podium.testing import ServerProcess

pytestmark = pytest.mark.slow
RANDOM = np.random.default_rng(0)
FIRING = 'podium_alerts{model="delay",kind="drift",state="firing"} 2'


class Receiver(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[dict[str, object]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received += json.loads(body)["alerts"]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


def wait_for(is_so: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def count_two_hours_of_drift(home: Path, bundle: Bundle) -> None:
    layout = Layout(bundle.baseline, bundle.signature)
    table = Table.of(pd.DataFrame({"x": RANDOM.normal(1.0, 1.0, 500)}))
    counts = layout.count(table, bundle.runtime.predict(table))
    hour = (time.time_ns() // 1_000 - SETTLED_US) // HOUR_US
    file = CountsFile(home / "monitoring.db")
    # The hour may end while the servers start.
    for at in range(hour - 2, hour + 1):
        file.add({Key("delay", bundle.digest, "primary", at): Tally(layout.text, counts, 500, 500)})
    file.close()


def test_two_servers_of_two_workers_each_send_an_alert_once(tmp_path, receiver):
    rows = pd.DataFrame({"x": RANDOM.normal(size=5_000)})
    model = LinearRegression().fit(rows, rows.x)
    bundle = podium.pack(model, rows, rows.x, name="delay", path=tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    count_two_hours_of_drift(home, bundle)
    settings = {
        "PODIUM_ALERTS_WEBHOOK": f"http://127.0.0.1:{receiver.server_port}/",
        "PODIUM_ALERTS_WINDOWS": "hour",
    }
    options = {"home": tmp_path / "home", "environment": settings}
    arguments = (str(bundle.path), "--workers", "2")

    with ServerProcess(*arguments, **options) as one, ServerProcess(*arguments, **options) as two:
        for server in (one, two):
            wait_for(lambda: FIRING in httpx.get(f"{server.address}/metrics").text)  # noqa: B023
        wait_for(lambda: len(receiver.received) > 0)
        listed = httpx.get(f"{two.address}/api/models/delay/alerts").json()["alerts"]

    numbers = [one["notice"] for one in receiver.received]
    assert len(numbers) == len(set(numbers))
    firing = {(one["kind"], one["name"]) for one in listed if one["state"] == "firing"}
    assert {(one["kind"], one["name"]) for one in receiver.received} == firing
    assert ("drift", "x") in firing
