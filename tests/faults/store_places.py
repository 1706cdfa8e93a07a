"""Databases with what can go wrong with each: one table for `test_store_faults.py`."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from podium.errors import StoreError
from podium.records.open import open_store
from podium.records.store import RecordQuery, Store, iter_pages
from podium.testing.databases import (
    DatabaseServer,
    DynaliteServer,
    MariaServer,
    MongoServer,
    NoidaServer,
    NoServer,
    OsmemServer,
    PostgresServer,
    ValkeyServer,
)
from podium.testing.stores.samples import sample

sys.path.insert(0, str(Path(__file__).parent))
from asking import SCALE
from disks import BrokenDisk
from proxy import Proxy

SECRET = "hush-7Kq"
PAUSED_S = 1.0 if SCALE == 1 else 30.0
# Of a call of the store behind the proxy, instead of 10 or 30: longer than one takes on a busy machine.
CALL_S = 2
FILLER = "filler"


@dataclass(frozen=True)
class Running:
    """A database that runs.

    Attributes:
        through: opens a store whose connections go through the proxy.
        direct: a store past it.
        faults: what can go wrong, by name: each lasts as long as its block.
    """

    through: Callable[[], Store]
    direct: Store
    faults: Mapping[str, Callable[[], AbstractContextManager[None]]]


@dataclass(frozen=True)
class Place:
    """A kind of database.

    Attributes:
        kind: its server; None for a file.
        address: of a store in a server, with the password SECRET.
        limits: options of the address by which a call takes no longer than CALL_S.
        killed_by: what ends the server so that it keeps what it has; None if nothing does.
        full: how it is full.
    """

    name: str
    kind: Callable[[], DatabaseServer]
    address: Callable[[Any], str]
    limits: str
    full: Callable[[Any, Proxy, Store], AbstractContextManager[None]]
    killed_by: signal.Signals | None = signal.SIGKILL

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of what can go wrong."""
        return (*SERVER_FAULTS, *(["crashed"] if self.killed_by else []))

    @contextmanager
    def running(self, folder: Path) -> Iterator[Running]:
        """The database, with an empty store."""
        with ExitStack() as stack:
            try:
                server = stack.enter_context(self.kind())
            except NoServer as error:
                pytest.skip(str(error))
            proxy = stack.enter_context(Proxy(server.port))
            address = self.address(server)
            proxied = address.replace(f":{server.port}", f":{proxy.port}")
            proxied += ("&" if "?" in address else "?") * bool(self.limits) + self.limits
            direct = open_store(address)
            stack.callback(direct.close)
            direct.insert([sample(0, model=FILLER)])  # the tables are there
            yield Running(
                lambda: open_store(proxied),
                direct,
                {
                    "crashed": partial(_crashed, server, self.killed_by),
                    "paused": partial(_paused, server),
                    "late": partial(_late, proxy),
                    "cut": partial(_spoiled, proxy, "cut", 3),
                    "lost": partial(_spoiled, proxy, "lost", 1),
                    "held": partial(_spoiled, proxy, "held", 1),
                    "full": partial(self.full, server, proxy, direct),
                },
            )


SERVER_FAULTS = ("full", "paused", "late", "cut", "lost", "held")


class SqlitePlace:
    """A file, whose disk fails or which another program locks."""

    name = "sqlite"
    faults = ("full", "locked")

    @contextmanager
    def running(self, folder: Path) -> Iterator[Running]:
        """The file, with an empty store."""
        from podium.records.stores.sqlite import SqliteStore

        disk = BrokenDisk(apsw.FullError("full"))
        path = folder / "podium.db"
        direct = SqliteStore(path)
        yield Running(
            lambda: SqliteStore(path, vfs=disk.name),
            direct,
            {"full": partial(_broken, disk), "locked": partial(_locked, path)},
        )
        direct.close()
        disk.unregister()


@contextmanager
def _crashed(server: DatabaseServer, sent: signal.Signals) -> Iterator[None]:
    server.stop(sent)
    yield
    server.start()


@contextmanager
def _paused(server: DatabaseServer) -> Iterator[None]:
    began_s = time.monotonic()
    server.pause()
    try:
        yield
        time.sleep(max(0.0, began_s + PAUSED_S - time.monotonic()))
    finally:
        server.resume()


@contextmanager
def _late(proxy: Proxy) -> Iterator[None]:
    proxy.is_late = True
    yield
    proxy.is_late = False


@contextmanager
def _spoiled(proxy: Proxy, how: Any, times: int) -> Iterator[None]:
    before = proxy.n_spoiled
    proxy.spoil(how, times)
    yield
    until_s = time.monotonic() + 60
    while proxy.n_spoiled == before:
        assert time.monotonic() < until_s, "no answer was spoiled"
        time.sleep(0.02)


@contextmanager
def _broken(disk: BrokenDisk) -> Iterator[None]:
    disk.writes_left = 0
    yield
    disk.writes_left = sys.maxsize


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    yield
    other.close()


@contextmanager
def _no_larger_files(server: DatabaseServer, _: Proxy, store: Store) -> Iterator[None]:
    """The system lets the server extend no file beyond some size, which the records reach."""
    server.limit_files(server.file_bytes)  # type: ignore[attr-defined]
    try:
        # What a large record leaves is room for smaller ones.
        for n_bytes in (50_000, 5_000, 800):
            _fill(store, n_bytes)
        yield
    finally:
        server.limit_files(None)
        for some in iter_pages(store, RecordQuery(model=FILLER)):
            store.delete(some)


def _fill(store: Store, n_bytes: int) -> None:
    for start in range(n_bytes, n_bytes + 4_000, 10):
        some = [sample(n, model=FILLER, inputs=noise(n, n_bytes)) for n in range(start, start + 10)]
        try:
            store.insert(some)
        except StoreError:
            return
    raise AssertionError("it is never full")


def noise(seed: int, n_bytes: int) -> bytes:
    """Inputs that no database can store in less."""
    return b'{"noise":"%s"}' % random.Random(seed).randbytes(n_bytes).hex().encode()


@contextmanager
def _no_more_memory(server: ValkeyServer, _: Proxy, store: Store) -> Iterator[None]:
    from redis import Redis

    with Redis(port=server.port, password=SECRET) as client:
        client.config_set("maxmemory", 1)
        yield
        client.config_set("maxmemory", 0)


@contextmanager
def _flooded(server: Any, _: Proxy, store: Store) -> Iterator[None]:
    """The block that a cluster puts on its indices when a disk is nearly full."""
    import httpx

    def block(value: bool | None) -> None:
        setting = {"index.blocks.read_only_allow_delete": value}
        httpx.put(f"{server.url}/podium1-records-*/_settings", json=setting).raise_for_status()

    block(True)
    yield
    block(None)


@contextmanager
def _answered(answering: Any, _: Any, proxy: Proxy, __: Store) -> Iterator[None]:
    """The database's documented error, in its own form: the emulator has no such state."""
    proxy.answer(*answering)
    yield
    proxy.answer(None, None)


def _mongo_length(content: bytes) -> int:
    return int.from_bytes(content[:4], "little")


def _mongo_full(message: bytes) -> bytes | None:
    """OP_MSG: a header of four numbers, flags, and a section of one document; see the wire protocol."""
    import bson

    if not any(name in message[:64] for name in (b"\2insert\0", b"\2update\0", b"\2delete\0")):
        return None
    error = {
        "ok": 0.0,
        "code": 14031,
        "codeName": "OutOfDiskSpace",
        "errmsg": "available disk space",
    }
    body = bytes(5) + bson.encode(error)
    numbers = (16 + len(body), 0, int.from_bytes(message[4:8], "little"), 2013)
    return b"".join(one.to_bytes(4, "little") for one in numbers) + body


def _http_length(content: bytes) -> int:
    head, end, _ = content.partition(b"\r\n\r\n")
    if not end:
        return len(content) + 1
    (length,) = (
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return len(head) + len(end) + length


def _dynamo_full(message: bytes) -> bytes | None:
    if not any(name in message[:2_000] for name in (b"PutItem", b"UpdateItem", b"BatchWrite")):
        return None
    error = {
        "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "message": "The level of configured provisioned throughput for the table was exceeded.",
    }
    body = json.dumps(error).encode()
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


class SmallPostgres(PostgresServer):
    """Its log is in files of 1 MB, so that those of a table can be larger."""

    file_bytes = 2 * 2**20

    def __init__(self) -> None:
        super().__init__("--wal-segsize=1")


class SmallMaria(MariaServer):
    """It has a user with a password."""

    file_bytes = 13 * 2**20  # more than the files that it makes first

    def _initialize(self) -> None:
        super()._initialize()
        account = "ada@'127.0.0.1'"
        with (self.folder / "first.sql").open("a") as file:
            file.write(f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{SECRET}';\n")
            file.write(f"GRANT ALL ON *.* TO {account};\n")


def _of_postgresql(server: PostgresServer) -> str:
    return server.new_database().replace("podium@", f"podium:{SECRET}@")


def _of_mariadb(server: SmallMaria) -> str:
    return server.new_database().replace("podium@", f"ada:{SECRET}@")


def _of_mongodb(server: MongoServer) -> str:
    import pymongo

    with pymongo.MongoClient[dict[str, Any]](server.address_of("admin")) as client:
        role = {"role": "readWrite", "db": "records"}
        client["admin"].command("createUser", "ada", pwd=SECRET, roles=[role])
    return server.address_of("records", user=f"ada:{SECRET}") + "?authSource=admin"


def _of_valkey(server: ValkeyServer) -> str:
    return server.address_of(0, user=f":{SECRET}")


def _of_search(server: Any) -> str:
    return server.new_database().replace("://", f"://ada:{SECRET}@")


PLACES = (
    SqlitePlace(),
    Place("postgresql", SmallPostgres, _of_postgresql, "", _no_larger_files),
    Place("mariadb", SmallMaria, _of_mariadb, f"read_timeout={CALL_S}", _no_larger_files),
    Place(
        "valkey",
        lambda: ValkeyServer("--requirepass", SECRET),
        _of_valkey,
        f"socket_timeout={CALL_S}",
        _no_more_memory,
    ),
    Place(
        "mongodb",
        # Otherwise this emulator loses the latest writes, whatever its clients ask for.
        lambda: MongoServer("--sync-on-commit"),
        _of_mongodb,
        f"socketTimeoutMS={CALL_S * 1_000}&directConnection=true&serverSelectionTimeoutMS=500",
        partial(_answered, (_mongo_length, _mongo_full)),
    ),
    Place(
        "elasticsearch",
        NoidaServer,
        _of_search,
        f"timeout={CALL_S}",
        _flooded,
        killed_by=signal.SIGTERM,  # killed, this emulator loses what it has
    ),
    Place("opensearch", OsmemServer, _of_search, f"timeout={CALL_S}", _flooded, killed_by=None),
    Place(
        "dynamodb",
        DynaliteServer,
        DynaliteServer.new_database,
        "",
        partial(_answered, (_http_length, _dynamo_full)),
    ),
)
CASES = [
    pytest.param(place, fault, id=f"{place.name}-{fault}")
    for place in PLACES
    for fault in place.faults
]
