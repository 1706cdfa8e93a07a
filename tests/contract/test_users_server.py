"""The contract over a database server of the caller's own: `make test-stores STORE=... URL=...`.

Without an address nothing of this runs. The database must be empty, and is empty afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from podium.records.open import open_store, without_password
from podium.records.store import RecordQuery, Store, iter_pages
from podium.testing import StoreContract

ADDRESS = os.environ.get("PODIUM_TEST_STORE_URL", "")
SCHEME = os.environ.get("PODIUM_TEST_STORE", "")


@pytest.fixture(scope="module")
def users_address() -> Iterator[str]:
    """The address, if it is of the store that was named, and no record of anybody's is there."""
    if SCHEME and ADDRESS.partition(":")[0].partition("+")[0] != SCHEME:
        pytest.fail(f"the URL isn't of the store {SCHEME}: it must begin with {SCHEME}://")
    store = open_store(ADDRESS)
    try:
        if store.page(RecordQuery(), limit=1).records:
            pytest.fail(
                f"{without_password(ADDRESS)} contains records, which these tests would delete: "
                "name an empty database",
            )
        yield ADDRESS
        _delete_all(store)
    finally:
        store.close()


class TestUsersServer(StoreContract):
    __test__ = bool(ADDRESS)

    @pytest.fixture
    def store(self, users_address: str) -> Iterator[Store]:
        store = open_store(users_address)
        _delete_all(store)
        yield store
        store.close()


def _delete_all(store: Store) -> None:
    for records in iter_pages(store, RecordQuery(), rows=1_000):
        store.delete(records)
