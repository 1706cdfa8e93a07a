"""One contract over every store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.outbox.outboxed import OutboxedStore
from podium.records.store import Store
from podium.records.stores.memory import MemoryStore
from podium.records.stores.sql import SqlStore
from podium.records.stores.sqlite import SqliteStore
from podium.testing import CountsContract, StoreContract


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


class TestSqlStoreOnPostgresql(StoreContract, CountsContract):
    @pytest.fixture
    def store(self, postgresql) -> Iterator[Store]:
        store = SqlStore(postgresql.new_database())
        yield store
        store.close()


class TestSqlStoreOnMariadb(StoreContract, CountsContract):
    @pytest.fixture
    def store(self, mariadb) -> Iterator[Store]:
        store = SqlStore(mariadb.new_database())
        yield store
        store.close()


class TestSqlStoreOnSqlite(StoreContract, CountsContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SqlStore(f"sqlite+pysqlite:///{tmp_path}/podium.db")
        yield store
        store.close()


class TestSqlStoreBehindAnOutbox(StoreContract, CountsContract):
    @pytest.fixture
    def store(self, postgresql, tmp_path: Path) -> Iterator[Store]:
        store = OutboxedStore(SqlStore(postgresql.new_database()), tmp_path / "outbox")
        yield store
        store.close()
