"""Nothing answered is lost: each line of that promise, with its figures."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import apsw
import pytest

from podium.flow.block import BLOCK_ROWS_MIN
from podium.flow.limits import CHUNK_ROWS
from podium.outbox.shipper import Shipper
from podium.records.stores.sqlite import SqliteStore
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from asking import SCALE, Asker, request_of, request_of_many, workers_of


def stored_ids(home: Path) -> list[str]:
    """The ids in the store."""
    connection = apsw.Connection(str(home / "podium.db"))
    connection.set_busy_timeout(60_000)  # a server that was killed may be recovering its log
    try:
        assert connection.execute("PRAGMA integrity_check").get == "ok"
        return [id_ for (id_,) in connection.execute("SELECT id FROM record")]
    finally:
        connection.close()


async def ask_until(
    address: str, is_over: Callable[[], bool], acknowledged: list[str], n_rows: int | None = None
) -> None:
    """Ask single rows, or so many in each request, and note the ids in the answers."""
    asker = Asker(address)
    number = 0
    while not is_over():
        number += 1
        request = request_of(number) if n_rows is None else request_of_many(number, n_rows)
        reply = await asker.ask(request, within_s=5)
        if reply.status == 200:
            answer = reply.json()
            acknowledged += [answer["id"]] if n_rows is None else answer["ids"]
        else:
            await asyncio.sleep(0.01)
    await asker.close()


async def ask_while(
    happening: Awaitable[object],
    address: str,
    acknowledged: list[str],
    n_clients: int,
    n_rows: int | None = None,
) -> None:
    """Have clients ask while something happens, and until it is over."""
    is_over = asyncio.Event()
    asking = [
        asyncio.create_task(ask_until(address, is_over.is_set, acknowledged, n_rows))
        for _ in range(n_clients)
    ]
    await happening
    is_over.set()
    await asyncio.gather(*asking)


async def more(n_more: int, acknowledged: list[str]) -> None:
    """Wait until so many more are acknowledged, which takes as long as the machine needs."""
    wanted = len(acknowledged) + n_more
    async with asyncio.timeout(60):
        while len(acknowledged) < wanted:  # noqa: ASYNC110 - a list tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("durability", ["normal", "full"])
@pytest.mark.parametrize("n_workers", [1, 2])
def test_recorded_predictions_survive_kills_of_the_whole_group(
    bundles, search, tmp_path, n_workers, durability
):
    n_kills = 3 * SCALE
    environment = search | {"PODIUM_WORKERS": str(n_workers), "PODIUM_DURABILITY": durability}
    acknowledged: list[str] = []
    chosen = random.Random(n_workers)

    async def end(server: ServerProcess) -> None:
        await more(51, acknowledged)
        await asyncio.sleep(chosen.uniform(0, 0.5))
        await asyncio.to_thread(kill_group, server)

    for _ in range(n_kills):
        with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:
            asyncio.run(ask_while(end(server), server.address, acknowledged, 8))
    with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:
        until_s = time.monotonic() + 60
        while len(set(acknowledged) - set(stored_ids(tmp_path))) and time.monotonic() < until_s:
            time.sleep(0.1)  # the shipper finds what the dead have left
    found = stored_ids(tmp_path)

    lost = set(acknowledged) - set(found)
    print(f"{n_kills} kills, {len(acknowledged)} acknowledged, {len(found)} kept, {len(lost)} lost")
    assert len(acknowledged) > 50 * n_kills
    assert lost == set()
    assert len(found) == len(set(found))


@pytest.mark.slow
@pytest.mark.parametrize("n_rows", [BLOCK_ROWS_MIN, 2 * CHUNK_ROWS + 1])
def test_blocks_of_rows_survive_kills_of_the_whole_group_as_a_whole_or_not_at_all(
    bundles, search, tmp_path, n_rows
):
    n_kills = 2 * SCALE
    environment = search | {"PODIUM_WORKERS": "2", "PODIUM_ROWS_MAX": "5000"}
    acknowledged: list[str] = []

    async def end(server: ServerProcess) -> None:
        await more(2 * n_rows, acknowledged)
        await asyncio.sleep(random.uniform(0, 0.2))
        await asyncio.to_thread(kill_group, server)

    for _ in range(n_kills):
        with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:
            asyncio.run(ask_while(end(server), server.address, acknowledged, 2, n_rows))
    store, until_s = SqliteStore(tmp_path / "podium.db"), time.monotonic() + 60
    while list((tmp_path / "outbox").glob("*/*.db")) and time.monotonic() < until_s:
        shipper = Shipper(tmp_path / "outbox", store)  # the last one may not be quite dead
        shipper.drain(10)
        shipper.close()
    store.close()
    with contextlib.closing(apsw.Connection(str(tmp_path / "podium.db"))) as connection:
        sizes = connection.execute("SELECT count(*) FROM record GROUP BY request_id").fetchall()
    found = stored_ids(tmp_path)

    lost = set(acknowledged) - set(found)
    print(f"{n_kills} kills, {len(acknowledged)} acknowledged, {len(found)} kept, {len(lost)} lost")
    assert len(acknowledged) > n_rows * n_kills
    assert lost == set()
    assert len(found) == len(set(found))
    assert {size for (size,) in sizes} == {n_rows}
    assert list((tmp_path / "outbox").glob("*/*.db")) == []


def kill_group(server: ServerProcess) -> None:
    listed = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    os.kill(server.pid, signal.SIGKILL)
    for pid in listed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    server.stop(signal.SIGKILL)


def test_recorded_predictions_survive_kills_of_single_workers(bundles, search, tmp_path):
    acknowledged: list[str] = []
    n_kills = 6 * SCALE

    with ServerProcess(
        *bundles, home=tmp_path, environment=search | {"PODIUM_WORKERS": "2"}
    ) as server:

        async def kill() -> None:
            for _ in range(n_kills):
                await more(100, acknowledged)
                with contextlib.suppress(IndexError, ProcessLookupError):
                    os.kill(random.choice(workers_of(server.pid)), signal.SIGKILL)
                await asyncio.sleep(0.3)
            await more(1, acknowledged)

        asyncio.run(ask_while(kill(), server.address, acknowledged, 8))
    found = stored_ids(tmp_path)

    lost = set(acknowledged) - set(found)
    print(f"{n_kills} kills, {len(acknowledged)} acknowledged, {len(lost)} lost")
    assert len(acknowledged) > 100 * n_kills
    assert lost == set()
    assert len(found) == len(set(found))


def test_a_page_shows_the_latest_predictions_of_every_worker(bundles, search, tmp_path):
    environment = search | {"PODIUM_WORKERS": "2"}

    with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:

        async def play() -> list[int]:
            shown = []
            for number in range(40):
                asker, reader = Asker(server.address), Asker(server.address)
                id_ = (await asker.ask(request_of(number))).json()["id"]
                page = b"GET /records/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % id_.encode()
                shown.append((await reader.ask(page)).status)
                await asker.close()
                await reader.close()
            return shown

        assert asyncio.run(play()) == [200] * 40


def test_a_store_that_is_down_fails_no_prediction_and_gets_all_later(bundles, search, tmp_path):
    acknowledged: list[str] = []

    with ServerProcess(*bundles, home=tmp_path, environment=search) as server:
        asyncio.run(ask_until(server.address, lambda: len(acknowledged) > 20, acknowledged))
        # Another program holds the database, as a backup may: nothing can be written.
        holder = apsw.Connection(str(tmp_path / "podium.db"))
        holder.set_busy_timeout(60_000)  # the shipper may be at it just now
        holder.execute("BEGIN IMMEDIATE")
        before = len(acknowledged)

        async def wait() -> None:
            await asyncio.sleep(3)
            await more(before + 101 - len(acknowledged), acknowledged)

        asyncio.run(ask_while(wait(), server.address, acknowledged, 1))
        during = len(acknowledged) - before
        holder.execute("ROLLBACK")
        holder.close()
    found = stored_ids(tmp_path)

    print(f"{during} answered while the store was down, {len(set(acknowledged) - set(found))} lost")
    assert during > 100
    assert set(acknowledged) <= set(found)


def test_a_full_outbox_refuses_and_says_so_until_the_store_is_back(bundles, search, tmp_path):
    environment = search | {"PODIUM_OUTBOX_ROWS_MAX": "200"}
    ready = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:
        holder = apsw.Connection(str(tmp_path / "podium.db"))
        holder.set_busy_timeout(60_000)  # the shipper may be at it just now
        holder.execute("BEGIN IMMEDIATE")

        async def play() -> tuple[list[int], list[str], int, int, int]:
            asker = Asker(server.address)
            replies = [await asker.ask(request_of(i)) for i in range(400)]
            acknowledged = [one.json()["id"] for one in replies if one.status == 200]
            unready = (await asker.ask(ready)).status
            holder.execute("ROLLBACK")
            holder.close()
            again = 0
            until_s = time.monotonic() + 60
            while again != 200 and time.monotonic() < until_s:
                await asyncio.sleep(0.1)
                again = (await asker.ask(request_of(1))).status
            is_ready = 0  # told from memory, which is looked at now and then
            while is_ready != 200 and time.monotonic() < until_s:
                await asyncio.sleep(0.1)
                is_ready = (await asker.ask(ready)).status
            await asker.close()
            return [one.status for one in replies], acknowledged, unready, again, is_ready

        statuses, acknowledged, unready, again, is_ready = asyncio.run(play())

    print(f"{statuses.count(200)} answered, {statuses.count(503)} refused")
    assert set(statuses) == {200, 503}
    assert 200 <= statuses.count(200) < 400
    assert (unready, again, is_ready) == (503, 200, 200)
    assert set(acknowledged) <= set(stored_ids(tmp_path))
