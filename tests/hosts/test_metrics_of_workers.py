"""What `/metrics` tells of real traffic, over both lanes and several workers."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import podium
from podium.testing import ServerProcess

Told = dict[tuple[str, ...], float]
PREDICT = "/api/models/doubled/predict"
OTHER_LANE = {"accept": "application/json;q=0.9"}
FUNCTION = '''
import podium

@podium.model
def doubled(number: float) -> float:
    """Twice the number."""
    if number == 13:
        raise ValueError("unlucky")
    return 2 * number
'''


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("counted")
    (folder / "counted_model.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    import counted_model

    yield str(podium.pack(counted_model.doubled, name="doubled", path=folder).path)
    sys.path.remove(str(folder))


def told(address: str) -> Told:
    text = httpx.get(f"{address}/metrics").text
    return {
        (sample.name, *(sample.labels.get(k, "") for k in ("lane", "outcome"))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "le" not in sample.labels and "reason" not in sample.labels
    }


def of_both_lanes(numbers: Told) -> Told:
    """Requests by outcome alone: in a worker that still loads the model all take the other lane."""
    found: Told = {}
    for (name, lane, outcome), value in numbers.items():
        key = (name, "" if name == "podium_requests_total" else lane, outcome)
        found[key] = found.get(key, 0.0) + value
    return found


def told_until(server: ServerProcess, expected: Told) -> Told:
    """What is told once it is as expected, or after a while."""
    numbers: Told = {}
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s and not expected.items() <= of_both_lanes(numbers).items():
        time.sleep(0.1)
        with contextlib.suppress(httpx.TransportError):  # of a worker that was killed
            numbers = told(server.address)
    return numbers


EXPECTED = {
    ("podium_requests_total", "", "ok"): 36.0,
    ("podium_requests_total", "", "invalid"): 6.0,
    ("podium_requests_total", "", "failed"): 6.0,
    ("podium_rows_total", "", ""): 42.0,
    ("podium_request_duration_seconds_count", "", ""): 36.0,
}


@pytest.mark.parametrize("n_workers", [1, 2])
def test_every_request_is_counted_once_and_outlives_its_worker(bundle, tmp_path, n_workers):
    environment = {
        "PYTHONPATH": str(Path(bundle).parent),
        "PODIUM_WORKERS": str(n_workers),
    }
    with ServerProcess(bundle, home=tmp_path, environment=environment) as server:
        for _ in range(6):  # on connections of their own, so that both workers have some
            with httpx.Client(base_url=server.address) as http:
                for _ in range(5):
                    http.post(PREDICT, json={"number": 1})
                http.post(PREDICT, json=[{"number": 1}, {"number": 2}], headers=OTHER_LANE)
                http.post(PREDICT, json={"number": "one"})
                http.post(PREDICT, json={"number": 13})
        before = told_until(server, EXPECTED)  # workers tell each other once a second
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        for pid in children:
            if Path(f"/proc/{pid}/comm").read_text().strip() == "podium-worker":
                os.kill(int(pid), signal.SIGKILL)
        after = told_until(server, EXPECTED)

    for numbers in (before, after):
        both = of_both_lanes(numbers)
        assert {key: both.get(key) for key in EXPECTED} == EXPECTED
        assert numbers["podium_requests_total", "asgi", "ok"] >= 6
        assert numbers["podium_requests_total", "fast", "ok"] >= 20
    assert before["podium_workers", "", ""] == n_workers
    assert before["process_resident_memory_bytes", "", ""] > 10 * 2**20


def test_forms_and_requests_refused_at_the_gate_are_counted(bundle, tmp_path):
    environment = {
        "PYTHONPATH": str(Path(bundle).parent),
        "PODIUM_BODY_MAX_BYTES": "100",
        "PODIUM_BULK_BODY_MAX_BYTES": "100",
    }
    with (
        ServerProcess(bundle, home=tmp_path, environment=environment) as server,
        httpx.Client(base_url=server.address) as http,
    ):
        statuses = [
            http.get("/models/doubled").status_code,  # asks for nothing
            http.post("/models/doubled", data={"number": "1"}).status_code,
            http.post("/models/doubled", data={"number": "one"}).status_code,
            http.post(PREDICT, json=[{"number": 1}] * 50).status_code,
            http.post("/api/models/nobody/predict", json={"number": 1}).status_code,
        ]
        numbers = told(server.address)

    assert statuses == [200, 303, 422, 413, 404]
    assert numbers["podium_requests_total", "asgi", "ok"] == 1
    assert numbers["podium_requests_total", "asgi", "invalid"] == 2
    assert numbers["podium_rows_total", "", ""] == 1
    assert numbers["podium_request_duration_seconds_count", "", ""] == 1
