"""The contract over a store in MongoDB."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.outbox.outboxed import OutboxedStore
from podium.records.store import Store
from podium.records.stores.mongodb import MongoStore
from podium.testing import CountsContract, StoreContract
from podium.testing.stores.keeping import Keeping
from podium.testing.stores.paging import Paging

sys.path.insert(0, str(Path(__file__).parent))
from shortened import FewQueries


class TestMongoStore(FewQueries, StoreContract, CountsContract):
    @pytest.fixture
    def store(self, mongodb) -> Iterator[Store]:
        store = MongoStore(mongodb.new_database())
        yield store
        store.close()


class TestMongoStoreBehindAnOutbox(Keeping, Paging, CountsContract):
    """The parts in which the outbox writes. This server needs 10 s for each of the others."""

    @pytest.fixture
    def store(self, mongodb, tmp_path: Path) -> Iterator[Store]:
        store = OutboxedStore(MongoStore(mongodb.new_database()), tmp_path / "outbox")
        yield store
        store.close()
