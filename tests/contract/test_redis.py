"""The contract over Redis and Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.outbox.outboxed import OutboxedStore
from podium.records.store import Store
from podium.records.stores.redis import RedisStore
from podium.testing import CountsContract, StoreContract
from podium.testing.stores.keeping import Keeping
from podium.testing.stores.paging import Paging


class TestRedisStore(StoreContract, CountsContract):
    @pytest.fixture
    def store(self, valkey) -> Iterator[Store]:
        store = RedisStore(valkey.new_database())
        yield store
        store.close()


class TestRedisStoreBehindAnOutbox(Keeping, Paging, CountsContract):
    """The parts in which the outbox writes."""

    @pytest.fixture
    def store(self, valkey, tmp_path: Path) -> Iterator[Store]:
        store = OutboxedStore(RedisStore(valkey.new_database()), tmp_path / "outbox")
        yield store
        store.close()
