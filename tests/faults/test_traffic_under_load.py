"""Versions are swapped and rolled back under load, while workers are killed: no answer is another's.

The long form (PODIUM_SOAK=1 or more) has 200 swaps and 200 rollbacks, 64 connections and 20 kills.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.deployments.registry import Registry
from podium.evaluation.verification import verified
from podium.outbox.care import back_up
from podium.records.store import RecordQuery, iter_pages
from podium.records.stores.sqlite import SqliteStore
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from asking import Asker, Reply, workers_of

IS_LONG = "PODIUM_SOAK" in os.environ
N_ROUNDS, N_CLIENTS, N_KILLS = (200, 64, 20) if IS_LONG else (6, 8, 2)
PATH = "/api/models/constant/predict"
NAMES = [f"x{number}" for number in range(8)]


def packed(folder: Path, constant: int) -> str:
    """The version of a model whose answers are close to its own number, each another one."""
    frame = pd.DataFrame(
        np.random.default_rng(constant).normal(size=(40, len(NAMES))), columns=NAMES
    )
    model = LinearRegression().fit(frame, constant + np.tanh(frame.sum(axis=1)) / 1_000)
    path = folder / f"{constant}.podium"
    podium.pack(model, frame, name="constant", version=str(constant), path=path)
    return str(path)


def request_of(key: str) -> bytes:
    body = json.dumps({name: random.gauss(0, 1) for name in NAMES}).encode()
    extra = f"Idempotency-Key: {key}\r\n" if key else ""
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{extra}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def client(address: str, number: int, is_over: asyncio.Event) -> list[Reply]:
    """Asks again and again; every second request has a key, and is repeated until it is answered."""
    asker, replies, n_asked = Asker(address), [], number
    while not is_over.is_set():
        n_asked += 1
        request = request_of(uuid.uuid4().hex if n_asked % 2 else "")
        reply = await asker.ask(request)
        while reply.status == 0 and n_asked % 2:
            await asyncio.sleep(0.02)
            reply = await asker.ask(request)
        replies.append(reply)
    await asker.close()
    return replies


async def change(registry: Registry) -> None:
    """Promote the other version, and roll back."""
    for number in range(N_ROUNDS):
        await asyncio.to_thread(registry.promote, "constant", "2")
        await asyncio.sleep(0.05)
        if number % 4 == 3:
            await asyncio.to_thread(registry.set_traffic, "constant", "1", share=0.5)
            await asyncio.sleep(0.05)
        await asyncio.to_thread(registry.rollback, "constant")
        await asyncio.sleep(0.05)


async def kill(pid: int, is_over: asyncio.Event) -> int:
    """Kill workers until it is over; how many."""
    chosen, n_killed = random.Random(0), 0
    while not is_over.is_set() and n_killed < N_KILLS:
        workers = workers_of(pid)
        if len(workers) > 1:
            os.kill(chosen.choice(workers), signal.SIGKILL)
            n_killed += 1
        await asyncio.sleep(0.7)
    return n_killed


async def play(server: ServerProcess, registry: Registry) -> tuple[list[Reply], int]:
    is_over = asyncio.Event()
    clients = [
        asyncio.create_task(client(server.address, number, is_over)) for number in range(N_CLIENTS)
    ]
    killing = asyncio.create_task(kill(server.pid, is_over))
    await change(registry)
    n_killed = await killing
    is_over.set()
    return [reply for found in await asyncio.gather(*clients) for reply in found], n_killed


@pytest.mark.slow
@pytest.mark.timeout(900 if IS_LONG else 240)
def test_swaps_and_rollbacks_with_kills_lose_nothing_and_mix_nothing(tmp_path):
    home = tmp_path / "home"
    bundles = [packed(tmp_path, constant) for constant in (1, 2)]
    registry = Registry(home)
    for one in bundles:
        registry.register(podium.load(one))
    registry.promote("constant", "1")

    environment = {"PODIUM_WORKERS": "2"}
    with ServerProcess(bundles[0], home=home, environment=environment) as server:
        replies, n_killed = asyncio.run(play(server, registry))
        server.stop()
    copy = tmp_path / "copy.db"
    back_up(home / "podium.db", home / "outbox", copy)
    store = SqliteStore(copy)
    records = {one.id: one for some in iter_pages(store, RecordQuery()) for one in some}
    replayed = verified(registry, store, RecordQuery(model="constant"))
    store.close()

    answers = [reply.json() for reply in replies if reply.status == 200]
    statuses = {reply.status for reply in replies}
    print(f"{len(answers)} answers, {n_killed} kills, {len(replies) - len(answers)} broken off")
    assert n_killed == N_KILLS
    assert statuses <= {0, 200}
    assert {one["version"] for one in answers} == {"1", "2"}
    for one in answers:
        assert str(round(one["prediction"])) == one["version"]
        record = records[one["id"]]  # none that was acknowledged is lost
        assert record.version == one["version"]
    assert replayed.n_identical == replayed.n_records == len(records)
    digests = {one.name: one.digest for one in registry.versions("constant")}
    for record in records.values():
        assert str(round(json.loads(record.outputs)["prediction"])) == record.version
        assert record.bundle_digest == digests[record.version]
