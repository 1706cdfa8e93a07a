"""What a store has acknowledged is there after its process was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import ids

pytestmark = pytest.mark.slow

WRITER = """
import os, sys
from pathlib import Path
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import sample
store = SqliteStore(Path(sys.argv[1]))
start, batch = int(sys.argv[2]), int(sys.argv[3])
while True:
    records = [sample(n) for n in range(start, start + batch)]
    store.insert(records)
    os.write(1, b"".join(b"%s\\n" % one.id.encode() for one in records))
    start += batch
"""
N_KILLS = 6


@pytest.mark.parametrize("batch", [1, 40])
def test_every_acknowledged_record_outlives_its_process(tmp_path: Path, batch: int) -> None:
    path = tmp_path / "podium.db"
    acknowledged: list[str] = []

    for kill in range(N_KILLS):
        arguments = [sys.executable, "-c", WRITER, str(path), str(1_000_000 * kill), str(batch)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            # Killed at another place each time, in the middle of whatever it does just then.
            acknowledged += [writer.stdout.readline().strip() for _ in range(40 + 37 * kill)]
            writer.kill()
            acknowledged += writer.stdout.read().split()

    store = SqliteStore(path)
    kept = ids(store)
    store.close()
    assert set(acknowledged) <= set(kept)
    # A batch may have been committed whose acknowledgement was cut off, but only a whole one.
    assert len(kept) % batch == 0
    assert len(kept) - len(set(acknowledged)) <= N_KILLS * batch
    assert [*apsw.Connection(str(path)).execute("PRAGMA integrity_check")] == [("ok",)]
