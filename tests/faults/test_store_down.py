"""A database that stops, crashes or answers no more fails no prediction and loses no record."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from podium.records.open import open_store
from podium.records.store import RecordQuery
from podium.testing import ServerProcess
from podium.testing.databases import (
    DatabaseServer,
    MariaServer,
    MongoServer,
    NoidaServer,
    PostgresServer,
    ValkeyServer,
)
from podium.testing.stores.samples import pages

sys.path.insert(0, str(Path(__file__).parent))
from asking import SCALE, Asker, Reply, in_parallel, request_of

STOPPED_S = 3 if SCALE == 1 else 60
PAUSED_S = 2 if SCALE == 1 else 30
DRAIN_S = 60 + 2 * STOPPED_S
N_CLIENTS = 4

Fault = Callable[[DatabaseServer], None]


def stopped(server: DatabaseServer) -> None:
    server.stop()
    time.sleep(STOPPED_S)
    server.start()


def crashed(server: DatabaseServer) -> None:
    server.stop(signal.SIGKILL)
    time.sleep(STOPPED_S)
    server.start()


def paused(server: DatabaseServer) -> None:
    server.pause()
    time.sleep(PAUSED_S)
    server.resume()


# Every day these two; `test_store_faults.py` plays more of them, without a server of Podium before them.
FAULTS = [
    (PostgresServer, crashed),
    (ValkeyServer, paused),
    (PostgresServer, stopped),
    (PostgresServer, paused),
    (MariaServer, stopped),
    (NoidaServer, stopped),  # killed, this emulator loses what it has
    # Otherwise this emulator loses the latest writes, whatever its clients ask for.
    pytest.param(partial(MongoServer, "--sync-on-commit"), crashed, id="MongoServer-crashed"),
    (ValkeyServer, crashed),
]


@pytest.mark.skipif(sys.platform != "linux", reason="all processes of a server are found on Linux")
@pytest.mark.parametrize(("kind", "fault"), FAULTS[:2] if SCALE == 1 else FAULTS)
def test_a_database_that_is_away_fails_no_prediction_and_gets_all_later(
    bundles, search, tmp_path, kind, fault
):
    environment = search | {"PODIUM_WORKERS": "2"}

    with kind() as database:
        address = environment["PODIUM_STORE"] = database.new_database()
        with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:
            during, replies = asyncio.run(play(server.address, database, fault))
            asked = [one.json()["id"] for one in replies if one.status == 200]
            began_s = time.monotonic()
            kept = drained(address, len(set(asked)))
            drained_s = time.monotonic() - began_s

    failed = sum(one.status != 200 for one in replies)
    lost, twice = set(asked) - set(kept), len(kept) - len(set(kept))
    slowest_ms = max(one.seconds for one in replies) * 1e3
    print(
        f"{database.package} {fault.__name__}: {len(asked)} answered, {during} of them while it was "
        f"away, {failed} failed, slowest {slowest_ms:.0f} ms; {len(lost)} lost, {twice} twice, "
        f"all there {drained_s:.1f} s later"
    )
    assert during > 100
    assert failed == 0
    assert lost == set()
    assert len(kept) == len(set(asked))


def test_a_server_starts_and_predicts_before_its_database_does(bundles, search, tmp_path):
    with PostgresServer() as database:
        address = database.new_database()
        database.stop()

        environment = search | {"PODIUM_STORE": address}
        with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:
            (reply,) = asyncio.run(in_parallel(server.address, [request_of(21)], n_clients=1))
            database.start()
            kept = drained(address, 1)

    assert reply.json()["prediction"] == 42.0
    assert kept == [reply.json()["id"]]


async def play(address: str, database: DatabaseServer, fault: Fault) -> tuple[int, list[Reply]]:
    """How many were answered while the database was away, and every reply."""
    replies: list[Reply] = []
    is_over = False

    async def client() -> None:
        asker = Asker(address)
        while not is_over:
            replies.append(await asker.ask(request_of(len(replies)), within_s=10))
            await asyncio.sleep(0.002)  # the fault is played, not the load
        await asker.close()

    clients = [asyncio.create_task(client()) for _ in range(N_CLIENTS)]
    await asyncio.sleep(0.5)
    before = len(replies)
    await asyncio.to_thread(fault, database)
    during = len(replies) - before
    await asyncio.sleep(0.5)
    is_over = True
    await asyncio.gather(*clients)
    return during, replies


def drained(address: str, n_records: int) -> list[str]:
    """The ids in the database once so many are there, or after a while."""
    store = open_store(address)
    until_s = time.monotonic() + DRAIN_S
    found: list[str] = []
    while len(found) < n_records and time.monotonic() < until_s:
        time.sleep(0.2)
        found = [one.id for page in pages(store, RecordQuery(), limit=5_000) for one in page]
    store.close()
    return found
