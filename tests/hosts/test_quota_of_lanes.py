"""Both lanes and all workers count with one counter."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from podium.testing import ServerProcess

MODEL = '''
import podium


@podium.model
def half(number: float) -> float:
    """Half of it."""
    return number / 2
'''
PREDICT, INFER = "/api/models/half/predict", "/v2/models/half/infer"
IN_V2 = {"inputs": [{"name": "number", "shape": [1], "datatype": "FP64", "data": [1]}]}


def test_lanes_and_workers_share_a_quota(tmp_path: Path):
    file = tmp_path / "half.py"
    file.write_text(MODEL)
    environment = {"PODIUM_QUOTA_ADDRESS": "8"}
    arguments = (f"{file}:half", "--workers", "2")
    with ServerProcess(*arguments, home=tmp_path / "home", environment=environment) as server:
        replies = []
        for n in range(10):
            # With CSV wanted a request leaves the fast lane; each comes on a connection of its own.
            accept = "text/csv" if n % 2 else "application/json"
            path, body = (INFER, IN_V2) if n in (3, 4) else (PREDICT, {"number": n})
            address = f"{server.address}{path}"
            replies.append(httpx.post(address, json=body, headers={"accept": accept}))
        page = httpx.get(f"{server.address}/models/half")
        form = httpx.post(f"{server.address}/models/half", data={"number": "1"})
        alive = httpx.get(f"{server.address}/livez")

    assert [one.status_code for one in replies] == [200] * 8 + [429] * 2
    assert [one.headers["ratelimit-remaining"] for one in replies] == [*"76543210", "0", "0"]
    for one in replies[-2:]:
        assert 1 <= int(one.headers["retry-after"]) <= 8
        assert one.json()["code"] == "rate_limited"
    assert page.status_code == 200
    assert form.status_code == 429
    assert "Too many requests" in form.text
    assert alive.status_code == 200


@pytest.mark.slow
def test_servers_on_several_machines_share_a_quota(tmp_path: Path, valkey):
    file = tmp_path / "half.py"
    file.write_text(MODEL)
    environment = {"PODIUM_QUOTA_ADDRESS": "8", "PODIUM_QUOTA_STORE": valkey.new_database()}
    homes = (tmp_path / "one", tmp_path / "other")

    def status(server: ServerProcess) -> int:
        return httpx.post(f"{server.address}{PREDICT}", json={"number": 1}).status_code

    with ExitStack() as stack:
        one, other = (
            stack.enter_context(ServerProcess(f"{file}:half", home=home, environment=environment))
            for home in homes
        )
        first = [status(one) for _ in range(8)]
        until_s = time.monotonic() + 60
        second = status(other)
        while second == 200 and time.monotonic() < until_s:
            time.sleep(0.1)
            second = status(other)
        page = httpx.get(f"{other.address}/models/half")

    assert first == [200] * 8
    assert second == 429
    assert page.status_code == 200
