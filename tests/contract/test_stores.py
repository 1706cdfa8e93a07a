"""One contract over every store."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from podium.outbox.outboxed import OutboxedStore
from podium.records.store import Store
from podium.records.stores.memory import MemoryStore
from podium.records.stores.sql import SqlStore
from podium.records.stores.sqlite import SqliteStore
from podium.testing import CountsContract, StoreContract
from podium.testing.stores.keeping import Keeping
from podium.testing.stores.paging import Paging

sys.path.insert(0, str(Path(__file__).parent))
from shortened import FewQueries


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Iterator[Store]:
        store = MemoryStore()
        yield store
        store.close()


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SqliteStore(tmp_path / "podium.db")
        yield store
        store.close()


class TestStoreBehindAnOutbox(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = OutboxedStore(SqliteStore(tmp_path / "podium.db"), tmp_path / "outbox")
        yield store
        store.close()


class TestStoreBehindAnOutboxThatAnotherProcessShips(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        inner = SqliteStore(tmp_path / "podium.db")
        store = OutboxedStore(inner, tmp_path / "outbox", durability="full", ships=False)
        yield store
        store.close()


class TestStoreThatNobodyWaitsFor(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        inner = SqliteStore(tmp_path / "podium.db")
        store = OutboxedStore(inner, tmp_path / "outbox", durability="off")
        yield store
        store.close()


class TestSqliteStoreThatSurvivesThePower(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SqliteStore(tmp_path / "podium.db", synchronous="FULL")
        yield store
        store.close()


@pytest.fixture(scope="module")
def in_postgresql(postgresql) -> str:
    return str(postgresql.new_database())


@pytest.fixture(scope="module")
def in_mariadb(mariadb) -> str:
    return str(mariadb.new_database())


def emptied(address: str) -> SqlStore:
    """A store in a database that several tests share: making one takes as long as most of them."""
    store = SqlStore(address)
    with store.engine.begin() as connection:
        for name in inspect(connection).get_table_names():
            connection.execute(text(f"DELETE FROM {name}"))
    return store


class TestSqlStoreOnPostgresql(StoreContract, CountsContract):
    @pytest.fixture
    def store(self, in_postgresql: str) -> Iterator[Store]:
        store = emptied(in_postgresql)
        yield store
        store.close()


class TestSqlStoreOnMariadb(FewQueries, StoreContract, CountsContract):
    @pytest.fixture
    def store(self, in_mariadb: str) -> Iterator[Store]:
        store = emptied(in_mariadb)
        yield store
        store.close()


class TestSqlStoreOnSqlite(StoreContract, CountsContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SqlStore(f"sqlite+pysqlite:///{tmp_path}/podium.db")
        yield store
        store.close()


class TestSqlStoreBehindAnOutbox(Keeping, Paging, CountsContract):
    """The parts in which the outbox writes; all of it is behind one above."""

    @pytest.fixture
    def store(self, in_postgresql: str, tmp_path: Path) -> Iterator[Store]:
        store = OutboxedStore(emptied(in_postgresql), tmp_path / "outbox")
        yield store
        store.close()
