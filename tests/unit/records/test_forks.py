"""A process that was forked, whatever its parent's threads were doing then."""

from __future__ import annotations

import gc
import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from podium.errors import StoreError
from podium.outbox.keys import KeyReused, Keys
from podium.outbox.lock import FileLock
from podium.outbox.outboxed import OutboxedStore
from podium.outbox.outboxes import moving
from podium.outbox.segment import packed
from podium.outbox.segment_reader import open_segment
from podium.outbox.segment_writer import SegmentWriter
from podium.outbox.waiting import Waiting
from podium.records import forks
from podium.records.record import Ids
from podium.records.store import RecordQuery, Store
from podium.records.stores.memory import MemoryStore
from podium.records.stores.sql import SqlStore
from podium.records.stores.sql_engine import Database
from podium.records.stores.sqlite import SqliteStore
from podium.records.stores.sqlite_file import Connections
from podium.testing.stores.samples import ids, ids_of, sample

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

forking = threading.Event()


@pytest.fixture(scope="module", autouse=True)
def fork_events() -> None:
    forks.watch(forks.ForkAware())
    os.register_at_fork(before=forking.set)  # it comes before those that were registered earlier


@pytest.fixture(params=["sqlite", "sql", "outboxed"])
def opened(request: pytest.FixtureRequest, path: Path) -> Callable[[], Store]:
    kinds: dict[str, Callable[[], Store]] = {
        "sqlite": lambda: SqliteStore(path),
        "sql": lambda: SqlStore(f"sqlite:///{path}"),
        "outboxed": lambda: OutboxedStore(SqliteStore(path), path.parent / "outbox"),
    }
    return kinds[request.param]


class Child:
    """A child that takes its steps when it is told to; what each returns or raises is its answer."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        go_r, self._go = os.pipe()
        self._answers, answer_w = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            os.close(self._go)
            for step in steps:
                if not os.read(go_r, 1):
                    break
                try:
                    answer = repr(step())
                except BaseException as error:  # noqa: BLE001 - the parent tells it
                    answer = repr(error)
                os.write(answer_w, answer.encode())
            os._exit(0)
        os.close(go_r)
        os.close(answer_w)

    def step(self) -> str:
        os.write(self._go, b".")
        if not select.select([self._answers], [], [], 20)[0]:
            return "no answer"
        return os.read(self._answers, 4_096).decode()

    def end(self) -> None:
        os.close(self._go)
        os.kill(self._pid, signal.SIGKILL)  # nothing is closed or shipped
        os.waitpid(self._pid, 0)
        os.close(self._answers)


@contextmanager
def child(*steps: Callable[[], object]) -> Iterator[Child]:
    forked = Child(*steps)
    try:
        yield forked
    finally:
        forked.end()


@contextmanager
def in_thread(work: Callable[[threading.Event], object]) -> Iterator[None]:
    """While a thread works, from where it says so on; a fork that begins lets it go on."""
    forking.clear()
    begun = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(work, begun)
        assert begun.wait(60)
        yield
        done.result(60)


def n_inserted(store: Store, number: int) -> int:
    return store.insert([sample(number)]).inserted


def test_a_fork_waits_for_a_transaction_and_the_child_writes_at_once(path: Path) -> None:
    store, connections = SqliteStore(path), Connections(path, synchronous="NORMAL")

    def write(begun: threading.Event) -> None:
        with connections.writing() as connection:
            connection.execute("CREATE TABLE noted (number)")
            begun.set()
            assert forking.wait(60)
            connection.executemany("INSERT INTO noted VALUES (?)", [(n,) for n in range(1_000)])

    def n_noted() -> int:
        with connections.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM noted").get)

    with in_thread(write), child(lambda: n_inserted(store, 1), n_noted) as forked:
        assert forked.step() == "1"
        assert forked.step() == "1000"

    assert ids(store) == ids_of(1)
    connections.close()
    store.close()


def test_a_fork_waits_for_a_transaction_of_sqlalchemy(path: Path) -> None:
    store = SqlStore(f"sqlite:///{path}")
    store.insert([sample(1)])
    database = Database(store.engine, store.table, creates=False)

    def write(begun: threading.Event) -> None:
        def work(connection: object) -> None:
            connection.execute(text("DELETE FROM podium_record"))
            begun.set()
            assert forking.wait(60)

        database.write(work)

    with in_thread(write), child(lambda: n_inserted(store, 2)) as forked:
        assert forked.step() == "1"

    assert ids(store) == ids_of(2)
    store.close()


def test_what_a_child_keeps_outlives_the_last_close_of_its_parent(
    opened: Callable[[], Store],
) -> None:
    store = opened()
    store.insert([sample(1)])
    ids(store)

    steps = (lambda number=number: n_inserted(store, number) for number in (2, 3))
    with child(*steps, lambda: len(ids(store))) as forked:
        assert forked.step() == "1"
        store.close()
        assert forked.step() == "1"
        assert forked.step() == "3"

    store = opened()
    assert ids(store) == ids_of(3, 2, 1)
    store.close()


def test_parent_and_child_write_and_read_at_once(opened: Callable[[], Store]) -> None:
    store = opened()
    store.insert([sample(0)])
    assert ids(store) == ids_of(0)  # a page that is remembered

    steps = (lambda number=number: n_inserted(store, number) for number in range(1, 40, 2))
    with child(*steps, lambda: len(ids(store))) as forked:
        for number in range(2, 41, 2):
            assert forked.step() == "1"
            assert n_inserted(store, number) == 1
        assert forked.step() == "41"

    assert ids(store) == ids_of(*range(40, -1, -1))
    store.close()


@pytest.mark.slow
def test_many_forks_while_threads_write_leave_no_child_locked_out(path: Path) -> None:
    store, stop = SqliteStore(path), threading.Event()

    def write(first: int) -> int:
        n_rows = 0
        while not stop.is_set():
            n_rows += n_inserted(store, first + n_rows)
            ids(store, limit=5)
        return n_rows

    with ThreadPoolExecutor(2) as threads:
        written = [threads.submit(write, first) for first in (100_000, 200_000)]
        try:
            for number in range(10):
                with child(lambda number=number: n_inserted(store, number)) as forked:
                    assert forked.step() == "1"
        finally:
            stop.set()

    n_rows = 10 + sum(one.result() for one in written)
    assert len(store.page(RecordQuery(), limit=1_000_000).records) == n_rows
    store.close()


@pytest.mark.slow
def test_keys_of_a_child_outlive_the_connections_of_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    keys = Keys(path)

    def claim(keys: Keys, key: str, digest: bytes = b"1") -> str:
        return keys.claim("scope", key, digest, ["a"], 1).ids[0]

    claim(keys, "first")
    with child(lambda: claim(keys, "second"), lambda: claim(keys, "third")) as forked:
        assert forked.step() == "'a'"
        of_parent, keys = keys, Keys(path)
        claim(of_parent, "fourth")
        del of_parent
        gc.collect()
        assert forked.step() == "'a'"

    for key in ("first", "second", "third", "fourth"):
        with pytest.raises(KeyReused):
            claim(keys, key, b"2")


def test_a_segment_is_written_and_read_on_after_a_fork(tmp_path: Path) -> None:
    path = tmp_path / "00000001.db"
    writer = SegmentWriter(path, is_synced=False)
    reader = open_segment(path)
    writer.append([packed([sample(1)])])
    assert reader.end == 1

    with child(lambda: reader.end, lambda: reader.end) as forked:
        assert forked.step() == "1"
        writer.append([packed([sample(2)]), packed([sample(3)])])
        assert forked.step() == "3"
        assert reader.end == 3
    reader.close()
    writer.finish()
    with pytest.raises(StoreError, match="closed"):
        writer.append([packed([sample(4)])])
    writer.close()


def test_what_a_segment_holds_whose_files_were_removed_outlives_a_fork(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "00000001.db", is_synced=False)
    writer.append([packed([sample(1)])])
    for one in tmp_path.iterdir():
        one.unlink()

    with child():
        assert [batch.n_rows for batch in writer.left()] == [1]
    writer.close()


def test_a_child_holds_none_of_its_parents_locks(tmp_path: Path) -> None:
    def move(begun: threading.Event) -> None:
        with moving(tmp_path):
            begun.set()
            assert forking.wait(60)

    alive = FileLock(tmp_path / "alive")
    with in_thread(move):
        forked = Child(lambda: alive.is_locked)
    alive.release()

    try:
        assert forked.step() == "False"
        FileLock(tmp_path / "alive").release()
        FileLock(tmp_path / "moving.lock").release()
    finally:
        forked.end()


@pytest.mark.parametrize("kind", [Ids, Waiting, OutboxedStore, SqliteStore])
def test_a_child_waits_for_no_lock_that_a_thread_of_its_parent_holds(
    kind: type[Any], tmp_path: Path
) -> None:
    made: dict[type[Any], Callable[[], Any]] = {
        Waiting: lambda: Waiting(tmp_path),
        OutboxedStore: lambda: OutboxedStore(MemoryStore(), tmp_path),
        SqliteStore: lambda: SqliteStore(tmp_path / "podium.db", is_late=True),
    }
    owner = made.get(kind, kind)()
    name = "_opening" if kind is SqliteStore else "_lock"
    done = threading.Event()

    def hold(begun: threading.Event) -> None:
        with getattr(owner, name):
            begun.set()
            assert done.wait(60)

    with in_thread(hold):
        forked = Child(lambda: getattr(owner, name).acquire(timeout=0))
        done.set()

    assert forked.step() == "True"
    forked.end()


def test_a_fork_in_the_middle_of_a_transaction_of_its_own_thread_waits_for_nobody(
    path: Path,
) -> None:
    connections = Connections(path, synchronous="NORMAL")

    with connections.writing() as connection:
        connection.execute("CREATE TABLE noted (number)")
        with child(lambda: "alive") as forked:
            assert forked.step() == "'alive'"

    with connections.reading() as connection:
        assert connection.execute("SELECT count(*) FROM noted").get == 0
    connections.close()


def test_a_statement_that_takes_too_long_delays_a_fork_for_a_while_only(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(forks, "WAIT_S", 0.05)
    store, connections = SqliteStore(path), Connections(path, synchronous="NORMAL")
    done = threading.Event()

    def read(begun: threading.Event) -> int:
        with connections.reading() as connection:
            begun.set()
            assert done.wait(60)
            return int(connection.execute("SELECT count(*) FROM record").get)

    with in_thread(read), child(lambda: n_inserted(store, 1)) as forked:
        assert forked.step() == "1"
        done.set()

    assert "fork_while_busy" in caplog.text
    assert ids(store) == ids_of(1)
    connections.close()
    store.close()


@pytest.mark.slow
def test_closed_stores_are_not_notified_of_forks(path: Path) -> None:
    told = []

    class Told(forks.ForkAware):
        def before_fork(self) -> None:
            told.append(self)

    one = Told()
    forks.watch(one)
    with child():
        assert told == [one]
    told.clear()
    del one
    gc.collect()
    with child():
        assert told == []
