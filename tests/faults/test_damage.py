"""A store's file that is damaged under a running server: named, and mended while it runs."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import apsw

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from asking import children_of, in_parallel, request_of

N_RECORDS = 2_000


def readiness(server: ServerProcess) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.address}/readyz", timeout=60) as response:
        found: dict[str, Any] = json.load(response)
        return found


def predicted(server: ServerProcess, first: int, n_requests: int) -> set[str]:
    requests = [request_of(first + number, "x" * 100) for number in range(n_requests)]
    replies = asyncio.run(in_parallel(server.address, requests, n_clients=8))
    return {reply.json()["id"] for reply in replies if reply.status == 200}


def podium_records(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "podium", "records", *arguments, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def ids_in(path: Path) -> set[str]:
    connection = apsw.Connection(str(path))
    found = {str(id_) for (id_,) in connection.execute("SELECT id FROM record")}
    connection.close()
    return found


def became(server: ServerProcess, state: str, part: str = "") -> bool:
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        told = readiness(server)
        if told["records"] == state and part in told.get("reason", ""):
            return True
        time.sleep(0.1)
    return False


def damage(path: Path) -> None:
    """Garbage in most pages of the table and its indexes."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    content = bytearray(path.read_bytes())
    chosen = random.Random(0)
    for at in range(8 * 4_096, len(content) - 4_096, 3 * 4_096):
        content[at : at + 4_096] = chosen.randbytes(4_096)
    with path.open("r+b") as file:  # in its place, as a disk does it
        file.write(content)


def test_a_damaged_store_is_named_and_predictions_go_on_until_it_is_restored(
    bundles, search, tmp_path
):
    store, copy = tmp_path / "podium.db", tmp_path / "copy.db"

    with ServerProcess(*bundles, home=tmp_path, environment=search) as server:
        before = predicted(server, 0, N_RECORDS)
        backup = podium_records(tmp_path, "backup", str(copy))
        damage(store)
        during = predicted(server, N_RECORDS, 200)
        is_told = became(server, "waiting for the store", "podium.db is damaged")
        check = podium_records(tmp_path, "check")
        during |= predicted(server, N_RECORDS + 200, 200)
        restore = podium_records(tmp_path, "restore", str(copy))
        is_back = became(server, "kept")
        after = predicted(server, N_RECORDS + 400, 100)
        time.sleep(1)
        last = podium_records(tmp_path, "check")

    assert backup.returncode == restore.returncode == 0, backup.stderr + restore.stderr
    assert len(before) == N_RECORDS
    assert len(during) == 400
    assert is_told
    assert (check.returncode, last.returncode) == (4, 0), check.stdout + last.stdout
    assert is_back
    assert ids_in(copy) == before
    assert ids_in(store) == before | during | after


def test_a_worker_that_is_started_while_the_store_is_damaged_predicts_all_the_same(
    bundles, search, tmp_path
):
    store, copy = tmp_path / "podium.db", tmp_path / "copy.db"

    with ServerProcess(*bundles, home=tmp_path, environment=search) as server:
        before = predicted(server, 0, 100)
        backup = podium_records(tmp_path, "backup", str(copy))
        store.write_bytes(b"garbage" * 5_000)
        for log in tmp_path.glob("podium.db-*"):
            log.unlink()
        for child in children_of(server.pid):
            os.kill(child, signal.SIGKILL)
        during = predicted(server, 100, 20)
        until_s = time.monotonic() + 60
        while "restore a backup" not in server.log.read_text() and time.monotonic() < until_s:
            time.sleep(0.1)
        said = server.log.read_text()
        restore = podium_records(tmp_path, "restore", str(copy))
        is_back = became(server, "kept")
        after = predicted(server, 200, 20)

    assert is_back
    assert "podium.db" in said
    assert "restore a backup" in said
    assert backup.returncode == restore.returncode == 0, backup.stderr + restore.stderr
    assert len(during) == len(after) == 20
    assert before | during | after == ids_in(store)
