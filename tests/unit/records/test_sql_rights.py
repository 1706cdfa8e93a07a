"""Users of real databases who may do less than Podium wants: what works, what is said, what waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from podium.errors import StoreError
from podium.outbox.outboxed import OutboxedStore
from podium.records.counted import Entry, Key, Tally
from podium.records.store import InsertResult, RecordQuery
from podium.records.stores.causes import READ_ONLY, REFUSED
from podium.records.stores.sql import SqlStore
from podium.testing.databases import DatabaseServer
from podium.testing.stores.samples import feedback, ids, ids_of, sample

pytestmark = pytest.mark.slow
TABLES = ("podium_record", "podium_count", "podium_count_source")
LEAST = "SELECT, INSERT, UPDATE, DELETE"
PASSWORD = "hush-7Kq"
KEY = Key("churn", "aa", "primary", 1_000)


class Database:
    """A database with a user, who may do what was granted.

    Attributes:
        owner: a store of somebody who may do everything.
    """

    def __init__(self, server: DatabaseServer, kind: str) -> None:
        self.owner = SqlStore(server.new_database())  # type: ignore[attr-defined]
        self.is_mariadb = kind == "mariadb"
        self.name = self.owner.engine.url.database
        self.account = "ada@'127.0.0.1'" if self.is_mariadb else "ada"
        secret = (
            f"IDENTIFIED BY '{PASSWORD}'" if self.is_mariadb else f"LOGIN PASSWORD '{PASSWORD}'"
        )
        self.run(f"CREATE USER {self.account} {secret}")
        if self.is_mariadb:  # PostgreSQL lets everybody connect
            self.run(f"GRANT SHOW VIEW ON {self.name}.* TO {self.account}")
        else:
            self.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    def make_tables(self) -> None:
        """The owner makes all tables, and stores a record."""
        self.owner.insert([sample(1)])
        assert self.owner.counts.is_there()

    def run(self, *statements: str) -> None:
        engine = self.owner.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for one in statements:
                connection.execute(text(one))

    def grant(self, rights: str, *tables: str) -> None:
        for one in tables or TABLES:
            self.run(f"GRANT {rights} ON {one} TO {self.account}")

    def revoke(self, rights: str, table: str) -> None:
        self.run(f"REVOKE {rights} ON {table} FROM {self.account}")

    def store(self) -> SqlStore:
        """A store of the user."""
        url = self.owner.engine.url.set(username="ada", password=PASSWORD)
        return SqlStore(url.render_as_string(hide_password=False))

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """The database takes no writes, as a replica does."""
        on, off = (
            ("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0")
            if self.is_mariadb
            else (
                f"ALTER DATABASE {self.name} SET default_transaction_read_only = on",
                f"ALTER DATABASE {self.name} RESET default_transaction_read_only",
            )
        )
        self.run(on)
        try:
            yield
        finally:
            self.run("SET SESSION TRANSACTION READ WRITE", off)

    def close(self) -> None:
        if not self.is_mariadb:
            self.run(f"DROP OWNED BY {self.account}")
        self.run(f"DROP USER {self.account}")
        self.owner.close()


@pytest.fixture(params=["postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    database = Database(request.getfixturevalue(request.param), request.param)
    yield database
    database.close()


def test_the_least_rights_are_enough_once_the_tables_are_there(database: Database) -> None:
    database.make_tables()
    database.grant(LEAST)

    with closing(database.store()) as store:
        assert store.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)
        assert store.set_feedback(sample(1).id, feedback("Gentoo"))
        assert store.set_feedback(sample(1).id, feedback("Chinstrap"))
        assert ids(store) == ids_of(2, 1)
        assert store.delete([sample(2)]) == 1
        assert store.counts.is_there()
        store.counts.add(Entry("a", 1), [(KEY, Tally("[]", np.array([1], np.int64), 1, 1))])
        assert list(store.counts.read("churn", 0, 2_000)[0]) == [KEY]
        store.counts.make_days(2_000)
        store.counts.forget(500)


def test_a_user_who_may_not_create_tables_is_refused_and_makes_none(database: Database) -> None:
    with closing(database.store()) as store:
        check_refused(lambda: store.insert([sample(1)]))
        check_refused(lambda: store.page(RecordQuery(), limit=1))
        assert not store.counts.is_there()

        database.make_tables()
        database.grant(LEAST)
        assert store.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)


@pytest.mark.parametrize("right", ["INSERT", "UPDATE", "DELETE"])
def test_a_right_that_is_missing_is_told_and_changes_nothing(
    database: Database, right: str
) -> None:
    database.make_tables()
    database.grant(LEAST)
    database.revoke(right, "podium_record")

    with closing(database.store()) as store:
        forbidden: dict[str, Callable[[], object]] = {
            "INSERT": lambda: store.insert([sample(2)]),
            "UPDATE": lambda: store.set_feedback(sample(1).id, feedback()),
            "DELETE": lambda: store.delete([sample(1)]),
        }
        check_refused(forbidden[right])

        assert store.page(RecordQuery(), limit=5).records == (sample(1),)


def test_what_a_user_may_not_insert_waits_and_is_not_set_aside(
    database: Database, tmp_path: Path
) -> None:
    database.make_tables()
    database.grant("SELECT")

    with closing(OutboxedStore(database.store(), tmp_path / "outbox")) as store:
        store.insert([sample(n) for n in (1, 2, 3)])
        wait_for(lambda: store.health.reason == REFUSED.reason)
        assert ids(database.owner) == ids_of(1)

        database.grant("INSERT", "podium_record")
        wait_for(lambda: len(ids(database.owner)) == 3)

    assert ids(database.owner) == ids_of(3, 2, 1)
    assert not list(tmp_path.rglob("refused.jsonl"))


def test_a_database_that_is_read_only_is_read_and_says_so(database: Database) -> None:
    database.make_tables()
    database.grant(LEAST)

    with database.read_only(), closing(database.store()) as store:
        with pytest.raises(StoreError) as raised:
            store.insert([sample(2)])
        with pytest.raises(StoreError) as on_feedback:
            store.set_feedback(sample(1).id, feedback())
        found = ids(store)

    assert [one.value.reason for one in (raised, on_feedback)] == [READ_ONLY.reason] * 2
    assert found == ids_of(1)
    with closing(database.store()) as store:
        assert store.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)


def check_refused(work: Callable[[], object]) -> None:
    with pytest.raises(StoreError) as raised:
        work()
    assert raised.value.reason == REFUSED.reason
    assert "rights" in raised.value.hint
    assert PASSWORD not in f"{raised.value}{raised.value.__cause__}"


def wait_for(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until_s, "it never came"
        time.sleep(0.05)
