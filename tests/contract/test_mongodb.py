"""The contract over a store in MongoDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.outbox.outboxed import OutboxedStore
from podium.records.store import Store
from podium.records.stores.mongodb import MongoStore
from podium.testing import StoreContract


class TestMongoStore(StoreContract):
    @pytest.fixture
    def store(self, mongodb) -> Iterator[Store]:
        store = MongoStore(mongodb.new_database())
        yield store
        store.close()


class TestMongoStoreBehindAnOutbox(StoreContract):
    @pytest.fixture
    def store(self, mongodb, tmp_path: Path) -> Iterator[Store]:
        store = OutboxedStore(MongoStore(mongodb.new_database()), tmp_path / "outbox")
        yield store
        store.close()
