"""Overload, retries, clocks that jump and hours of mixed traffic, each for a while."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from operator import itemgetter
from pathlib import Path

import apsw
import libfaketime
import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from asking import SCALE, Asker, Reply, in_parallel, request_of, workers_of


def test_overload_does_not_lower_the_number_of_good_responses(bundles, search, tmp_path):
    environment = search | {"PODIUM_QUEUE_ROWS_MAX": "16"}
    seconds = 1.5 * SCALE

    async def step(address: str, n_clients: int) -> tuple[float, list[Reply]]:
        replies: list[Reply] = []
        end_s = time.monotonic() + seconds

        async def client() -> None:
            asker = Asker(address)
            while time.monotonic() < end_s:
                reply = await asker.ask(request_of(1, "sleep0.002"))
                replies.append(reply)
                if reply.status == 503:  # as clients that obey Retry-After, but sooner
                    await asyncio.sleep(0.05)
            await asker.close()

        await asyncio.gather(*(client() for _ in range(n_clients)))
        return sum(one.status == 200 for one in replies) / seconds, replies

    with ServerProcess(*bundles, home=tmp_path, environment=environment) as server:
        asyncio.run(step(server.address, 4))
        steps = {n: asyncio.run(step(server.address, n)) for n in (8, 16, 40, 80)}
        for _ in range(4):  # one stall of the machine takes half of a step
            if steps[80][0] < 0.6 * max(rate for rate, _ in steps.values()):
                again = asyncio.run(step(server.address, 80))
                steps[80] = max(steps[80], again, key=itemgetter(0))

    goodput = {n: rate for n, (rate, _) in steps.items()}
    refusals = sorted(
        one.seconds for _, replies in steps.values() for one in replies if one.status == 503
    )
    p50_ms = refusals[len(refusals) // 2] * 1e3
    told = {n: round(rate) for n, rate in goodput.items()}
    print(f"good answers a second by clients: {told}; {len(refusals)} refused, p50 {p50_ms:.1f} ms")
    assert {one.status for _, replies in steps.values() for one in replies} == {200, 503}
    assert goodput[80] > 0.6 * max(goodput.values())
    assert p50_ms < 1_000


def test_clients_that_retry_with_a_key_have_one_record_each(bundles, search, tmp_path):
    n_keys, n_tries = 250 * SCALE, 4
    chosen = random.Random(0)

    def keyed(number: int) -> bytes:
        return request_of(number, extra=f"Idempotency-Key: key-{number}\r\n")

    async def play(address: str) -> list[Reply]:
        numbers = [number for number in range(n_keys) for _ in range(n_tries)]
        chosen.shuffle(numbers)
        asker = Asker(address)
        for number in numbers[:: n_tries * 2]:  # some replies are never read
            await asker.send_and_leave(keyed(number))
        return await in_parallel(address, [keyed(n) for n in numbers], n_clients=8)

    with ServerProcess(
        *bundles, home=tmp_path, environment=search | {"PODIUM_WORKERS": "2"}
    ) as server:
        replies = asyncio.run(play(server.address))
    connection = apsw.Connection(str(tmp_path / "podium.db"))
    n_records = connection.execute("SELECT count(*) FROM record").get
    connection.close()

    bodies = {one.body for one in replies}
    print(f"{len(replies)} requests with {n_keys} keys, {n_records} records")
    assert {one.status for one in replies} == {200}
    assert len({one.json()["id"] for one in replies}) == n_keys
    assert len(bodies) == n_keys
    assert n_records == n_keys


@pytest.mark.skipif(sys.platform != "linux", reason="libfaketime shifts the clock on Linux")
def test_a_clock_that_jumps_makes_no_request_fail_and_no_id_twice(bundles, search, tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("+0")
    library = next(Path(libfaketime.__file__).parent.rglob("libfaketime.so.1"))
    environment = search | {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        # The clock that measures how long things take doesn't jump in life, either.
        "DONT_FAKE_MONOTONIC": "1",
    }
    ids: list[str] = []
    statuses: list[int] = []

    with ServerProcess(*bundles, home=tmp_path / "home", environment=environment) as server:
        for shift in ("+0", "+1h", "-1h", "+10y", "+0", "-10y", "+1h"):
            clock.write_text(shift)
            replies = asyncio.run(
                in_parallel(server.address, [request_of(i) for i in range(60)], n_clients=4)
            )
            statuses += [one.status for one in replies]
            ids += [one.json()["id"] for one in replies if one.status == 200]
        clock.write_text("+0")
    connection = apsw.Connection(str(tmp_path / "home" / "podium.db"))
    kept = {id_ for (id_,) in connection.execute("SELECT id FROM record")}
    connection.close()

    print(f"{len(statuses)} requests over 6 jumps, {sum(s != 200 for s in statuses)} failed")
    assert set(statuses) == {200}
    assert len(ids) == len(set(ids))
    assert set(ids) <= kept


def test_mixed_traffic_with_errors_leaves_the_memory_flat(bundles, search, tmp_path):
    seconds = 8 * SCALE
    page = b"GET /models/fragile HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    kinds = [
        request_of(1),
        request_of(2, model="remote"),
        request_of(3, "raise"),
        request_of(4, "x" * 3_000),
        request_of(5, extra="Accept: text/csv\r\n"),
        request_of(6, extra="Host: twice\r\n"),
        page,
    ]

    async def play(server: ServerProcess) -> list[int]:
        (pid,) = workers_of(server.pid)
        sizes = []
        end_s = time.monotonic() + seconds

        async def client(seed: int) -> None:
            chosen, asker = random.Random(seed), Asker(server.address)
            while time.monotonic() < end_s:
                if chosen.random() < 0.1:
                    await asker.send_and_leave(chosen.choice(kinds))
                else:
                    await asker.ask(chosen.choice(kinds), within_s=5)
            await asker.close()

        async def watch() -> None:
            while time.monotonic() < end_s:
                await asyncio.sleep(seconds / 12)
                sizes.append(resident_bytes(pid))

        await asyncio.gather(watch(), *(client(seed) for seed in range(8)))
        return sizes

    with ServerProcess(*bundles, home=tmp_path, environment=search) as server:
        sizes = asyncio.run(play(server))

    half = len(sizes) // 2
    grown = max(sizes[half:]) - sizes[half]
    print(
        f"resident {sizes[half] / 2**20:.1f} MiB, grown by {grown / 2**20:.2f} MiB in {seconds / 2} s"
    )
    assert grown < 8 * 2**20


def resident_bytes(pid: int) -> int:
    n_pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return n_pages * os.sysconf("SC_PAGE_SIZE")
