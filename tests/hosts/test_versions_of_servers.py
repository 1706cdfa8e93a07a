"""Versions over HTTP and the command line: every worker of every server of a home folder follows."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.testing import ServerProcess

MODEL = "/api/models/sums"


def packed(folder: Path, factor: int) -> str:
    frame = pd.DataFrame({"x": np.arange(20.0)})
    model = LinearRegression().fit(frame, factor * frame["x"])
    path = folder / f"sums-{factor}.podium"
    podium.pack(model, frame, name="sums", version=str(factor), path=path)
    return str(path)


@pytest.fixture
def bundles(tmp_path: Path) -> list[str]:
    return [packed(tmp_path, factor) for factor in (1, 2)]


@pytest.fixture
def servers(bundles: list[str], tmp_path: Path) -> Iterator[list[ServerProcess]]:
    """Two servers with one home folder, one of them of two workers."""
    home = tmp_path / "home"
    one = ServerProcess(bundles[0], home=home, environment={"PODIUM_WORKERS": "2"})
    with one, ServerProcess(bundles[0], home=home) as two:
        yield [one, two]


def send(
    server: ServerProcess, method: str, path: str, value: object = None
) -> tuple[int, dict[str, Any]]:
    body = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(server.address + path, body, method=method)
    request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def answers(server: ServerProcess) -> set[str]:
    """Which versions answer, each request on a connection of its own."""
    found = set()
    for _ in range(12):
        status, value = send(server, "POST", f"{MODEL}/predict", {"x": 3})
        assert status == 200
        assert round(value["prediction"]) == 3 * int(value["version"])
        found.add(value["version"])
    return found


def within(seconds: float, is_so: Callable[[], bool]) -> bool:
    until_s = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until_s:
            return False
    return True


def command(home: Path, *arguments: str) -> str:
    line = [sys.executable, "-m", "podium", *arguments, "--home", str(home)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_all_follow_what_is_promoted_on_the_command_line_and_rolled_back_by_http(
    servers, bundles, tmp_path
):
    home = tmp_path / "home"
    before = [answers(one) for one in servers]
    registered = command(home, "register", bundles[1], "--note", "better")
    promoted = command(home, "promote", "sums", "2", "--expect", "1")
    is_followed = within(60, lambda: all(answers(one) == {"2"} for one in servers))
    status, state = send(servers[1], "POST", f"{MODEL}/rollback", {"note": "worse"})
    is_back = within(60, lambda: all(answers(one) == {"1"} for one in servers))
    shown = command(home, "versions", "sums")

    assert before == [{"1"}, {"1"}]
    assert "sums 2 (" in registered
    assert "podium promote sums" in registered
    assert "champion now" in promoted
    assert is_followed
    assert status == 200
    assert [(one["version"], one["aliases"], one["is_live"]) for one in state["versions"]] == [
        ("2", ["previous"], False),
        ("1", ["champion"], True),
    ]
    assert state["events"][0]["note"] == "worse"
    assert is_back
    assert "rolled_back 2 -> 1: worse" in shown


def test_what_can_not_be_promoted_is_told_and_changes_nothing(servers, bundles, tmp_path):
    command(tmp_path / "home", "register", bundles[1])
    champion = f"{MODEL}/aliases/champion"
    told = [
        send(servers[0], "PUT", champion, {"version": "9"}),
        send(servers[0], "PUT", champion, {"version": "2", "expect": "0" * 64}),
        send(servers[0], "PUT", champion, {"version": 2}),
        send(servers[0], "PUT", champion, {}),
        send(servers[0], "PUT", f"{MODEL}/aliases/challenger", {"version": "1"}),
        send(servers[0], "PUT", "/api/models/others/aliases/champion", {"version": "2"}),
        send(servers[0], "POST", f"{MODEL}/rollback"),
    ]
    by_command = command(tmp_path / "home", "promote", "sums", "2", "--expect", "2")

    assert [(status, problem["code"]) for status, problem in told] == [
        (404, "not_found"),
        (409, "version_changed"),
        (400, "malformed_body"),
        (400, "malformed_body"),
        (400, "input"),
        (404, "not_found"),
        (404, "not_found"),
    ]
    assert "the champion of sums is version 1" in by_command
    assert [answers(one) for one in servers] == [{"1"}, {"1"}]


def test_a_server_that_starts_later_serves_the_champion(bundles, tmp_path):
    home = tmp_path / "home"
    with ServerProcess(bundles[0], home=home) as server:
        command(home, "register", bundles[1])
        send(server, "PUT", f"{MODEL}/aliases/champion", {"version": "2"})
    with ServerProcess(bundles[0], home=home) as server:
        later = answers(server)

    assert later == {"2"}


def test_predictions_go_on_while_the_registry_is_damaged(servers, tmp_path):
    (tmp_path / "home" / "registry.db").write_bytes(b"no database" * 500)

    status, problem = send(servers[0], "GET", f"{MODEL}/versions")

    assert (status, problem["code"]) == (503, "registry")
    assert [answers(one) for one in servers] == [{"1"}, {"1"}]


def test_a_server_of_another_file_takes_no_running_one_over(bundles, tmp_path):
    home = tmp_path / "home"
    with ServerProcess(bundles[0], home=home) as one, ServerProcess(bundles[1], home=home) as two:
        time.sleep(1)  # ten looks at the registry
        found = [answers(one), answers(two)]

    assert found == [{"1"}, {"2"}]
