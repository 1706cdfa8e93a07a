"""A SqliteStore on a disk that fails, and beside other programs and threads."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from podium.errors import StoreError
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import ids, ids_of, sample

sys.path.insert(0, str(Path(__file__).parents[2] / "faults"))
from disks import BrokenDisk

Sql = Callable[[str], list[Any]]


@pytest.mark.parametrize("writes", range(6))
@pytest.mark.parametrize(
    ("failure", "hint"), [(apsw.FullError("full"), "full"), (apsw.IOError("EIO"), "disk")]
)
def test_a_failing_disk_is_a_store_error_and_leaves_the_store_whole(
    path: Path, failure: apsw.Error, hint: str, writes: int, sql: Sql
) -> None:
    disk = BrokenDisk(failure)
    store = SqliteStore(path, vfs=disk.name)
    store.insert([sample(1)])

    disk.writes_left = writes
    large = [sample(n, inputs=b'{"a":"%s"}' % (b"x" * 5_000)) for n in range(2, 20)]
    with pytest.raises(StoreError) as raised:
        store.insert(large)
    seen_while_it_failed = ids(store)
    disk.writes_left = sys.maxsize
    result = store.insert([sample(1), sample(30)])

    assert hint in raised.value.hint
    assert isinstance(raised.value.__cause__, apsw.Error)
    assert seen_while_it_failed == ids_of(1)
    assert (result.inserted, result.duplicates) == (1, 1)
    assert ids(store) == ids_of(30, 1)
    store.close()
    assert sql("PRAGMA integrity_check") == [("ok",)]
    disk.unregister()


def test_a_file_that_another_program_holds_is_a_store_error(path: Path, store: SqliteStore) -> None:
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with store._connections._write_lock:
        store._connections._writer.set_busy_timeout(1)

    with pytest.raises(StoreError) as raised:
        store.insert([sample(1)])

    assert "another program" in raised.value.hint
    assert ids(store) == []
    other.execute("ROLLBACK")
    other.close()
    assert store.insert([sample(1)]).inserted == 1


def test_an_interrupted_insert_stores_nothing(store: SqliteStore) -> None:
    with pytest.raises(TypeError):
        store.insert([sample(1), sample(2, version=object()), sample(3)])

    assert ids(store) == []
    assert store.insert([sample(1)]).inserted == 1


@pytest.mark.slow
def test_a_new_file_that_another_process_is_opening_is_waited_for(path: Path) -> None:
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")  # SQLite itself doesn't wait for this lock to begin a log
    release = threading.Timer(0.2, other.execute, ["COMMIT"])
    release.start()

    store = SqliteStore(path)

    assert store.insert([sample(1)]).inserted == 1
    release.join()
    store.close()
    other.close()


def test_a_long_search_delays_no_insert(store: SqliteStore) -> None:
    store.insert([sample(1)])
    is_searching, may_end = threading.Event(), threading.Event()

    def search() -> None:
        with store._connections.reading() as connection:
            rows = connection.execute("SELECT id FROM record")
            next(rows)
            is_searching.set()
            may_end.wait(30)

    searcher = threading.Thread(target=search)
    searcher.start()
    is_searching.wait(30)

    assert store.insert([sample(2)]).inserted == 1
    assert ids(store) == ids_of(2, 1)
    may_end.set()
    searcher.join()


def test_few_connections_stay_open_after_many_readers(store: SqliteStore) -> None:
    barrier = threading.Barrier(12)

    def read() -> None:
        with store._connections.reading():
            barrier.wait(30)

    readers = [threading.Thread(target=read) for _ in range(12)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert len(store._connections._readers) == 4


WRITER = """
import json, sys
from pathlib import Path
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import sample
print("imported", flush=True)
sys.stdin.readline()
store = SqliteStore(Path(sys.argv[1]))
results = [store.insert([sample(n)]) for n in range(60)]
print(json.dumps([sum(r.inserted for r in results), sum(r.duplicates for r in results)]))
store.close()
"""


@pytest.mark.slow
def test_processes_that_open_a_new_file_at_once_share_it(path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "imported\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()

    told_by_each = [json.loads(writer.communicate(timeout=60)[0]) for writer in writers]

    assert [sum(column) for column in zip(*told_by_each, strict=True)] == [60, 180]
    assert [writer.returncode for writer in writers] == [0] * 4
    store = SqliteStore(path)
    assert len(ids(store)) == 60
    store.close()
