"""A home folder, or a file in it, that is removed under a running server: told, never silent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from asking import Asker, request_of


@pytest.fixture
def server(bundles, search, tmp_path) -> Iterator[ServerProcess]:
    # Its output is kept elsewhere, so that it can be read when the home folder is gone.
    with ServerProcess(
        *bundles,
        home=tmp_path,
        environment=search | {"PODIUM_WORKERS": "2", "PODIUM_HOME": str(tmp_path / "home")},
        sets_home=False,
    ) as server:
        yield server


def readiness(server: ServerProcess) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(f"{server.address}/readyz", timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def predicted(server: ServerProcess, n_requests: int = 8, extra: str = "") -> list[int]:
    """The statuses of predictions, each on a connection of its own, so that all workers answer."""

    async def play() -> list[int]:
        statuses = []
        for number in range(n_requests):
            asker = Asker(server.address)
            statuses.append((await asker.ask(request_of(number, extra=extra))).status)
            await asker.close()
        return statuses

    return asyncio.run(play())


def becomes(is_so: Callable[[], bool], within_s: float = 60.0) -> bool:
    until_s = time.monotonic() + within_s
    in_a_row = 0
    while in_a_row < 6:  # of both workers
        if time.monotonic() > until_s:
            return False
        in_a_row = in_a_row + 1 if is_so() else 0
        time.sleep(0.05)
    return True


def removed(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):  # what was written while it was being removed
        shutil.rmtree(home)


def moved(home: Path) -> None:
    home.rename(home.with_name("elsewhere"))


@pytest.mark.parametrize("fault", [removed, moved])
def test_a_missing_home_is_reported_and_nothing_is_predicted_until_it_is_back(
    server, tmp_path, fault
):
    home = tmp_path / "home"
    before = predicted(server)

    fault(home)
    is_told = becomes(lambda: readiness(server)[0] == 503)
    said = readiness(server)[1]
    during = predicted(server) + predicted(server, 2, "Idempotency-Key: a\r\n")
    is_made_by_us = home.exists()
    if fault is moved:
        home.with_name("elsewhere").rename(home)
    else:
        home.mkdir()
    is_back = becomes(lambda: readiness(server)[0] == 200)
    is_logged = becomes(lambda: "outbox_gone" in server.log.read_text())
    after = predicted(server)

    assert set(before) == {200}
    assert is_told
    assert said["status"] == said["records"] == "failing"
    assert "home folder" in said["reason"]
    assert str(tmp_path) not in said["reason"]
    assert set(during) == {503}
    assert not is_made_by_us
    assert is_back
    assert set(after) == {200}
    assert is_logged


def test_records_from_shortly_before_their_file_was_removed_survive(server, tmp_path):
    """The outbox is made anew, with what it held."""
    home = tmp_path / "home"
    predicted(server)

    for path in home.glob("outbox/*/*.db*"):
        path.unlink()
    is_back = becomes(lambda: readiness(server)[0] == 200 and set(predicted(server, 1)) == {200})
    n_kept = len(exported(server))
    is_logged = becomes(lambda: "outbox_recreated" in server.log.read_text())

    assert is_back
    assert is_logged
    assert n_kept >= 8


def test_a_removed_store_is_reported_and_used_again_when_it_is_back(server, tmp_path):
    store = tmp_path / "home" / "podium.db"
    predicted(server)
    before = exported(server)
    copy = tmp_path / "copy.db"
    shutil.copy(store, copy)

    for one in store.parent.glob("podium.db*"):
        one.unlink()
    is_told = becomes(lambda: "podium.db was removed" in readiness(server)[1].get("reason", ""))
    status, _ = readiness(server)
    during = predicted(server)
    was_made = store.exists()
    shutil.copy(copy, store)
    is_back = becomes(lambda: readiness(server)[1]["records"] == "kept")
    after = exported(server)

    assert is_told
    assert status == 200  # predictions are kept in the outbox meanwhile
    assert set(during) == {200}
    assert not was_made
    assert is_back
    assert len(before) <= len(after)
    assert len(after) >= len(during)
    assert len(set(after)) == len(after)


def test_two_servers_share_a_home(server, bundles, search, tmp_path):
    with ServerProcess(
        *bundles,
        home=tmp_path / "second",
        environment=search | {"PODIUM_HOME": str(tmp_path / "home")},
        sets_home=False,
    ) as second:
        statuses = predicted(server) + predicted(second)
        both = exported(server), exported(second)

    assert set(statuses) == {200}
    assert set(both[0]) == set(both[1])
    assert len(both[0]) == 16


def exported(server: ServerProcess) -> list[str]:
    address = f"{server.address}/models/fragile/records.csv"
    with urllib.request.urlopen(address, timeout=30) as response:
        lines = response.read().decode().splitlines()
    return [line.split(",")[0] for line in lines[1:]]
