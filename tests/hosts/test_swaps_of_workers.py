"""A version that one worker swaps is swapped by all, and by those that are started later."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium

SCRIPT = """
import os, sys, threading
import podium

def tell(address, app):
    print(address, os.getpid(), flush=True)
    def wait():
        sys.stdin.readline()
        app.swap({path!r})
        print("swapped", flush=True)
    threading.Thread(target=wait, daemon=True).start()

podium.serve({first!r}, workers=3, port=0, tell=tell, home={home!r}, deadline_s=60)
"""
LONG_S = 60


def packed(folder: Path, constant: int) -> str:
    frame = pd.DataFrame({"x": np.arange(20.0)})
    model = LinearRegression().fit(frame, np.full(20, float(constant)))
    path = folder / f"{constant}.podium"
    podium.pack(model, frame, name="constant", version=str(constant), path=path)
    return str(path)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """A server of three workers that swaps when a line comes; its port and its first worker."""
    script = SCRIPT.format(
        first=packed(tmp_path, 1), path=packed(tmp_path, 2), home=str(tmp_path / "home")
    )
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    server = subprocess.Popen([sys.executable, "-c", script], text=True, **pipes)
    assert server.stdout is not None
    found = re.fullmatch(r"http://127.0.0.1:(\d+) (\d+)\n", server.stdout.readline())
    assert found
    yield server, int(found[1]), int(found[2])
    server.terminate()
    server.communicate(timeout=LONG_S)


def version(port: int) -> str:
    """Which version answers on a new connection, of whichever worker takes it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONG_S)
    headers = {"content-type": "application/json"}
    connection.request("POST", "/api/models/constant/predict", b'{"x": 1}', headers)
    response = connection.getresponse()
    said = json.loads(response.read())
    connection.close()
    assert response.status == 200, said
    assert round(said["prediction"]) == int(said["version"])
    return str(said["version"])


def test_all_workers_follow_the_one_that_swapped(running):
    server, port, first = running
    assert {version(port) for _ in range(40)} == {"1"}

    server.stdin.write("\n")
    server.stdin.flush()
    assert server.stdout.readline() == "swapped\n"

    until_s = time.monotonic() + LONG_S
    while {version(port) for _ in range(40)} != {"2"}:
        assert time.monotonic() < until_s, "a worker goes on with the version of before"

    os.kill(first, signal.SIGKILL)
    assert {version(port) for _ in range(40)} == {"2"}
    assert "another starts" in server.stdout.readline()
    until_s = time.monotonic() + 3
    while time.monotonic() < until_s:
        assert version(port) == "2"
