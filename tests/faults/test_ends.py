"""Processes end with the one that started them, and are replaced when they no longer run."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from asking import SCALE, Asker, children_of, request_of, workers_of

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="processes and their sockets are found in /proc"
)


def signals(pids: list[int], *sent: signal.Signals) -> None:
    for one in sent:
        for pid in pids:
            os.kill(pid, one)


def is_running(pid: int) -> bool:
    try:
        found = re.search(r"State:\s+(\w)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return False
    return found is not None and found[1] != "Z"


def is_free(host: str, port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
    return True


def within(seconds: float, is_so: Callable[[], object]) -> bool:
    until_s = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True


def sockets_of(pid: int) -> set[str]:
    found = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(str(one.readlink()))
        except OSError:
            continue
    return {one for one in found if one.startswith("socket:")}


@pytest.mark.parametrize("moment", ["running", "continued", "stopped"])
def test_no_child_outlives_its_supervisor(bundles, search, tmp_path, moment):
    environment = search | {"PODIUM_WORKERS": "2"}

    for number in range(2 * SCALE):
        with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:
            place = urlsplit(server.address)
            children = children_of(server.pid)
            assert len(children) == 3
            if moment == "continued":
                signals(children, signal.SIGSTOP, signal.SIGCONT)
            elif moment == "stopped":
                signals(children, signal.SIGSTOP)
            server.stop(signal.SIGKILL)
            ended = within(60, lambda some=children: not any(map(is_running, some)))
            left = [one for one in children if is_running(one)]
            signals(left, signal.SIGKILL)

        assert ended, f"after {number} of these {left} were still there"
        # The last thread of each may take a moment longer than what /proc calls the process.
        assert within(60, lambda to=place: is_free(to.hostname or "", to.port or 0))


def test_no_child_outlives_a_supervisor_that_is_killed_while_it_starts_them(
    bundles, search, tmp_path
):
    for number in range(3 * SCALE):
        mark = f"{tmp_path.name}-{number}"
        command = [sys.executable, "-m", "podium", "serve", bundles[0], "--port", "0"]
        environment = {**os.environ, **search, "PODIUM_WORKERS": "2", "MARK": mark}
        supervisor = subprocess.Popen(
            [*command, "--home", str(tmp_path / "home")],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        assert within(60, lambda pid=supervisor.pid: children_of(pid))
        time.sleep(random.uniform(0, 0.02))
        supervisor.kill()
        supervisor.wait()

        assert within(60, lambda mark=mark: not marked(mark))


def marked(mark: str) -> list[int]:
    """Processes that were started with this mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            is_so = f"MARK={mark}\0".encode() in path.read_bytes()
        except OSError:
            continue
        if is_so and is_running(int(path.parent.name)):
            found.append(int(path.parent.name))
    return found


def test_the_shipper_holds_no_socket_of_the_server(bundles, search, tmp_path):
    with ServerProcess(*bundles, home=tmp_path, environment=search) as server:
        (worker,) = workers_of(server.pid)
        (shipper,) = set(children_of(server.pid)) - {worker}
        shared = sockets_of(server.pid) & sockets_of(worker)
        held = sockets_of(shipper)

    assert shared  # it listens there
    assert not held & shared


@pytest.mark.parametrize("n_workers", [1, 2])
def test_what_a_signal_has_stopped_is_replaced(bundles, search, tmp_path, n_workers):
    environment = search | {"PODIUM_WORKERS": str(n_workers), "PODIUM_HANG_S": "3"}

    with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:
        before = children_of(server.pid)
        signals(before, signal.SIGSTOP)
        replaced = within(60, lambda: not set(before) & set(children_of(server.pid)))
        # On a busy machine those that come may be taken for hung, too, before they answer.
        request = [request_of(21)]
        is_answered = within(60, lambda: asyncio.run(statuses_of(server.address, request)) == [200])
        log = server.log.read_text()

    assert replaced
    assert is_answered, log
    assert log.count("no sign of life") >= n_workers + 1


def test_a_worker_whose_loop_hangs_is_replaced_and_what_hung_it_is_refused(
    bundles, search, tmp_path
):
    environment = search | {"PODIUM_HANG_S": "3", "PODIUM_DEADLINE_S": "30"}

    with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:
        (first,) = workers_of(server.pid)
        replies = asyncio.run(statuses_of(server.address, [request_of(1, "hang")] * 3))
        (last,) = workers_of(server.pid)
        replies += asyncio.run(statuses_of(server.address, [request_of(21)]))

    assert first != last
    assert replies == [0, 0, 422, 200]


def test_a_worker_with_a_call_that_never_ends_is_replaced(bundles, search, tmp_path):
    environment = search | {"PODIUM_HANG_S": "3", "PODIUM_DEADLINE_S": "1"}

    with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:
        (stuck,) = workers_of(server.pid)
        replies = asyncio.run(statuses_of(server.address, [request_of(1, "sleep600")]))
        replaced = within(60, lambda: workers_of(server.pid) not in ([], [stuck]))
        # On a busy machine the one that comes may be too late, too, or be taken for hung.
        request = [request_of(21)]
        is_answered = within(60, lambda: asyncio.run(statuses_of(server.address, request)) == [200])

    assert replaced
    assert replies == [504]
    assert is_answered


def test_a_server_that_was_stopped_as_a_whole_goes_on_as_it_was(bundles, search, tmp_path):
    with ServerProcess(
        *bundles, home=tmp_path, environment=search | {"PODIUM_HANG_S": "6"}
    ) as server:
        before = children_of(server.pid)
        signals([server.pid, *before], signal.SIGSTOP)
        time.sleep(7)  # longer than a worker may be silent
        signals([server.pid, *before], signal.SIGCONT)
        replies = asyncio.run(statuses_of(server.address, [request_of(21)]))
        time.sleep(2)
        after = children_of(server.pid)

    assert replies == [200]
    assert after == before


async def statuses_of(address: str, requests: list[bytes]) -> list[int]:
    """The statuses of requests, one after the other; 0 is a connection that was lost."""
    statuses = []
    for request in requests:
        asker = Asker(address)
        for _ in range(200):
            reply = await asker.ask(request, within_s=20)
            if reply.status or reply.seconds > 0.1:
                break
            await asyncio.sleep(0.05)  # nobody listens for a moment
        statuses.append(reply.status)
        await asker.close()
    return statuses
