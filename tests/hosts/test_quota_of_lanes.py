"""Both lanes and all workers count with one counter."""

from __future__ import annotations

from pathlib import Path

import httpx

from podium.testing import ServerProcess

MODEL = '''
import podium


@podium.model
def half(number: float) -> float:
    """Half of it."""
    return number / 2
'''
PREDICT = "/api/models/half/predict"


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
            replies.append(
                httpx.post(
                    f"{server.address}{PREDICT}", json={"number": n}, headers={"accept": accept}
                )
            )
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
