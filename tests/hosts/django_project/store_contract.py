"""What every store promises, of the one that keeps records in the project's database.

Run in a process of its own by `tests/hosts/test_django_store.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from threading import Thread

import pytest
from django.core.management import call_command
from django.db import connections, transaction

from podium.errors import StoreError
from podium.hosts.django.models import MonitoringCount, MonitoringSource, Prediction
from podium.hosts.django.store import DjangoStore
from podium.outbox.outboxed import OutboxedStore
from podium.records.store import RecordQuery, Store
from podium.testing import CountsContract, StoreContract
from podium.testing.stores import filtering
from podium.testing.stores.samples import decoded, feedback, sample

if connections["predictions"].vendor == "mongodb":
    filtering.N_QUERIES = 30  # the server of the tests looks through all records for each page


@pytest.fixture(scope="session")
def tables() -> Iterator[None]:
    for database in ("default", "predictions"):
        call_command("migrate", verbosity=0, database=database)
    yield
    connections.close_all()


@pytest.fixture
def empty(tables: None) -> None:
    for table in (Prediction, MonitoringCount, MonitoringSource):
        table.objects.all().delete()


class RolledBack(Exception):
    """Ends a transaction without its changes."""


def atomic_of(using: str) -> AbstractContextManager[object]:
    """What the project surrounds its transactions with."""
    if connections[using].vendor != "mongodb":
        return transaction.atomic(using)
    from django_mongodb_backend import transaction as transaction_of_mongodb

    return transaction_of_mongodb.atomic(using)


class TestDjangoStore(StoreContract, CountsContract):
    @pytest.fixture
    def store(self, empty: None) -> Iterator[Store]:
        store = DjangoStore()
        yield store
        store.close()


class TestDjangoStoreBehindAnOutbox(StoreContract, CountsContract):
    @pytest.fixture
    def store(self, empty: None, tmp_path: Path) -> Iterator[Store]:
        store = OutboxedStore(DjangoStore(), tmp_path / "outbox")
        yield store
        store.close()


def test_what_a_transaction_takes_back_stays_in_the_records(empty: None) -> None:
    if connections["predictions"].vendor == "sqlite":
        return  # its transactions keep every other connection from writing

    with suppress(RolledBack), atomic_of("predictions"):
        DjangoStore().insert([sample(1)])
        raise RolledBack

    assert decoded(DjangoStore().get(sample(1).id)) == decoded(sample(1))


def test_an_unmanaged_thread_leaves_no_connection(empty: None) -> None:
    left = []

    def insert() -> None:
        DjangoStore().insert([sample(2)])
        left.append(connections["predictions"].connection)

    thread = Thread(target=insert)
    thread.start()
    thread.join()

    if connections["predictions"].vendor != "mongodb":  # there, all threads share one client
        assert left == [None]
    assert DjangoStore().get(sample(2).id) is not None


def test_a_database_without_the_table_is_an_error_of_the_store(empty: None) -> None:
    call_command("migrate", "podium", "zero", verbosity=0, database="predictions")
    try:
        if connections["predictions"].vendor != "mongodb":  # which makes it when it is needed
            with pytest.raises(StoreError, match="predictions"):
                DjangoStore().page(RecordQuery(), limit=1)
    finally:
        call_command("migrate", verbosity=0, database="predictions")


def test_what_mongodb_cannot_hold_fails_alone(empty: None) -> None:
    if connections["predictions"].vendor != "mongodb":
        return
    long = sample(2, inputs=b'{"n":%d}' % 2**64)
    large = sample(3, inputs=b'{"essay":"%b"}' % (b"x" * 2**24))

    result = DjangoStore().insert([sample(1), long, large])

    assert result.inserted == 1
    assert "64 bits" in result.failed[long.id]
    assert "bytes" in result.failed[large.id]
    assert DjangoStore().get(sample(1).id) is not None
    with pytest.raises(StoreError):
        DjangoStore().set_feedback(sample(1).id, feedback(2**64))
