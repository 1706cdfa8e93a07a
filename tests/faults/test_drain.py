"""A server that is told to stop says so first, and fails no request until it is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from asking import Asker, children_of, request_of
from test_nothing_is_lost import stored_ids

N_CLIENTS = 64
PROBE = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass
class Seen:
    """What clients and a probe saw of a server that was stopped."""

    ids: list[str] = field(default_factory=list)
    after_unready: int = 0
    closing: int = 0
    failed: list[int] = field(default_factory=list)
    is_unready: bool = False
    is_leaving: bool = False
    probes: list[tuple[int, str]] = field(default_factory=list)
    is_busy: asyncio.Event = field(default_factory=asyncio.Event)
    is_watched: asyncio.Event = field(default_factory=asyncio.Event)


async def client(address: str, number: int, seen: Seen) -> None:
    """Ask on a connection that is kept, as a balancer's: it leaves once the probe has failed."""
    asker = Asker(address)
    while not seen.is_leaving:
        began_unready = seen.is_unready
        reply = await asker.ask(request_of(number))
        if reply.status != 200:
            seen.failed.append(reply.status)
            break
        seen.ids.append(reply.json()["id"])
        if len(seen.ids) > 2 * N_CLIENTS:
            seen.is_busy.set()
        seen.after_unready += began_unready
        seen.closing += reply.headers.get("connection") == "close"
    await asker.close()


async def probe(address: str, seen: Seen) -> None:
    """Look whether it is ready, each time on a new connection, until nobody listens any more."""
    while True:
        asker = Asker(address)
        reply = await asker.ask(PROBE, within_s=5)
        await asker.close()
        if reply.status == 0:
            return
        seen.probes.append((reply.status, reply.json()["status"]))
        seen.is_watched.set()
        if reply.status == 503 and not seen.is_unready:
            seen.is_unready = True
            # The balancer sends requests for a while yet, and no more then.
            asyncio.get_running_loop().call_later(0.5, setattr, seen, "is_leaving", True)
        await asyncio.sleep(0.05)


async def play(server: ServerProcess, seen: Seen) -> None:
    clients = [
        asyncio.create_task(client(server.address, number, seen)) for number in range(N_CLIENTS)
    ]
    await asyncio.wait_for(seen.is_busy.wait(), 60)
    watching = asyncio.create_task(probe(server.address, seen))
    await asyncio.wait_for(seen.is_watched.wait(), 60)
    stopping = asyncio.create_task(asyncio.to_thread(server.stop, signal.SIGTERM))
    await asyncio.gather(*clients, watching, stopping)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_sigterm_under_load_fails_no_request_and_loses_no_record(
    bundles, search, tmp_path, n_workers
):
    environment = search | {"PODIUM_WORKERS": str(n_workers), "PODIUM_DRAIN_S": "3"}
    seen = Seen()

    with ServerProcess(bundles[0], home=tmp_path, environment=environment) as server:
        asyncio.run(play(server, seen))
    found = stored_ids(tmp_path)

    print(f"{len(seen.ids)} answered, {seen.after_unready} of them while it was stopping")
    assert seen.failed == []
    assert seen.after_unready > N_CLIENTS  # new connections are accepted yet
    assert seen.closing >= seen.after_unready  # and each of them is closed by its response
    assert seen.probes[0] == (200, "ready")
    assert seen.probes[-1] == (503, "stopping")
    assert sorted(set(seen.probes)) == [(200, "ready"), (503, "stopping")]
    assert sorted(found) == sorted(seen.ids)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_whoever_connects_until_nobody_listens_is_answered(bundles, search, tmp_path, n_workers):
    """As the clients of a balancer that doesn't look whether the server is ready."""
    environment = search | {"PODIUM_WORKERS": str(n_workers), "PODIUM_DRAIN_S": "0.5"}
    ids: list[str] = []

    async def connect_anew(address: str, is_busy: asyncio.Event) -> list[int]:
        failed: list[int] = []
        while True:
            asker = Asker(address)
            reply = await asker.ask(request_of(1))
            await asker.close()
            if asker.is_refused:
                return failed
            if reply.status == 200:
                ids.append(reply.json()["id"])
            else:
                failed.append(reply.status)
            if len(ids) > 100:
                is_busy.set()

    async def play(server: ServerProcess) -> list[int]:
        is_busy = asyncio.Event()
        asking = [connect_anew(server.address, is_busy) for _ in range(16)]
        clients = [asyncio.create_task(one) for one in asking]
        await asyncio.wait_for(is_busy.wait(), 60)
        await asyncio.to_thread(server.stop, signal.SIGTERM)
        return [status for client in clients for status in await client]

    with ServerProcess(bundles[0], home=tmp_path, environment=environment) as server:
        failed = asyncio.run(play(server))
    found = stored_ids(tmp_path)

    print(f"{len(ids)} answered, {len(failed)} connections were reset")
    # What comes in the microseconds between the last look at the queue and its end is reset.
    assert len(failed) <= 1
    assert set(ids) <= set(found)


@pytest.mark.parametrize("how", ["twice", "by the keyboard"])
def test_whoever_does_not_want_to_wait_need_not(bundles, search, tmp_path, how):
    environment = search | {"PODIUM_DRAIN_S": "600"}

    with ServerProcess(bundles[0], home=tmp_path, environment=environment) as server:
        if how == "twice":
            os.kill(server.pid, signal.SIGTERM)
            assert asyncio.run(readiness_once_it_stops(server.address)) == 503
        else:
            for pid in children_of(server.pid):  # a terminal sends it to all of them
                os.kill(pid, signal.SIGINT)

        assert server.stop(signal.SIGTERM if how == "twice" else signal.SIGINT) == 0


async def readiness_once_it_stops(address: str) -> int:
    asker, until_s, status = Asker(address), time.monotonic() + 60, 200
    while status == 200 and time.monotonic() < until_s:
        status = (await asker.ask(PROBE)).status
        await asyncio.sleep(0.02)
    await asker.close()
    return status
