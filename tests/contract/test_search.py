"""The contract over Elasticsearch and OpenSearch, on servers that speak their protocols."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.outbox.outboxed import OutboxedStore
from podium.records.open import open_store
from podium.records.store import Store
from podium.testing import StoreContract
from podium.testing.stores.keeping import Keeping
from podium.testing.stores.paging import Paging
from podium.testing.stores.searching import Searching

sys.path.insert(0, str(Path(__file__).parent))
from shortened import FewQueries


class TestElasticsearchStore(FewQueries, StoreContract):
    @pytest.fixture
    def store(self, elasticsearch) -> Iterator[Store]:
        store = open_store(elasticsearch.new_database())
        yield store
        store.close()


class TestElasticsearchStoreBehindAnOutbox(Keeping, Paging, Searching):
    """The parts in which the outbox writes."""

    @pytest.fixture
    def store(self, elasticsearch, tmp_path: Path) -> Iterator[Store]:
        store = OutboxedStore(open_store(elasticsearch.new_database()), tmp_path / "outbox")
        yield store
        store.close()


class TestOpensearchStore(FewQueries, StoreContract):
    @pytest.fixture
    def store(self, opensearch) -> Iterator[Store]:
        store = open_store(opensearch.new_database())
        yield store
        store.close()


class TestOpensearchStoreOnAServerThatRefreshes(FewQueries, StoreContract):
    """It shows writes after a refresh, as OpenSearch does."""

    @pytest.fixture
    def store(self, elasticsearch) -> Iterator[Store]:
        store = open_store(elasticsearch.address_of_opensearch())
        yield store
        store.close()
