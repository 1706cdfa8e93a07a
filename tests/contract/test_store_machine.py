"""Stores against a plain dict, through any order of calls that hypothesis can think of."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from podium.records.history import succeeding
from podium.records.record import Record
from podium.records.store import RecordQuery, Store, iter_pages
from podium.records.stores.memory import MemoryStore
from podium.records.stores.sql import SqlStore
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import NOON_US, feedback, ids, ids_of, sample

# Each example plays the same rules: servers, which need a second for it, play few of them every day.
ON_SERVERS, ON_FILES = (25, 40) if "PODIUM_SOAK" in os.environ else (6, 20)
# Few, so that calls often meet the same records; the time is drawn apart from the id.
NUMBERS = st.integers(0, 30)
MOMENTS = st.integers(NOON_US, NOON_US + 8)
MODELS = st.sampled_from(["penguins", "flights"])
RECORDS = st.builds(
    lambda number, time_us, model: sample(number, time_us=time_us, model=model),
    NUMBERS,
    MOMENTS,
    MODELS,
)


class StoreMachine(RuleBasedStateMachine):
    """A store, the dict it should equal, and one reader who turns its pages meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self.opened()
        self.kept: dict[str, Record] = {}
        self.turned: list[str] = []
        self.cursor: str | None = None
        # What the reader must meet, and what came or went since and may be met or not.
        self.promised: set[str] = set()
        self.is_reading = False

    def opened(self) -> Store:
        return MemoryStore()

    @rule(records=st.lists(RECORDS, max_size=6))
    def insert(self, records: list[Record]) -> None:
        new = {}
        for record in records:
            if record.id not in self.kept:
                new.setdefault(record.id, record)

        result = self.store.insert(records)

        self.kept |= new
        assert (result.inserted, result.duplicates) == (len(new), len(records) - len(new))

    @rule(number=NUMBERS, truth=st.integers(0, 3))
    def set_feedback(self, number: int, truth: int) -> None:
        (record_id,) = ids_of(number)

        is_told = self.store.set_feedback(record_id, feedback(truth))

        assert is_told == (record_id in self.kept)
        if is_told:
            record = self.kept[record_id]
            new = succeeding(record.feedback, feedback(truth))
            self.kept[record_id] = msgspec.structs.replace(record, feedback=new)

    @rule(before_us=MOMENTS)
    def delete(self, before_us: int) -> None:
        old = {one.id for one in self.kept.values() if one.time_us < before_us}

        deleted = self.store.delete([one for one in self.kept.values() if one.id in old])

        assert deleted == len(old)
        self.kept = {key: record for key, record in self.kept.items() if key not in old}
        self.promised -= old
        # One that is inserted again, at an older time, may rightly be met again.
        self.turned = [record_id for record_id in self.turned if record_id not in old]

    @rule(model=MODELS, since_us=MOMENTS, told=st.booleans(), limit=st.integers(1, 5))
    def filter(self, model: str, since_us: int, told: bool, limit: int) -> None:
        query = RecordQuery(model=model, since_us=since_us, has_feedback=told)

        found = ids(self.store, query, limit=limit)

        assert found == [
            one.id
            for one in self.in_order()
            if one.model == model and one.time_us >= since_us and bool(one.feedback) == told
        ]

    @precondition(lambda self: not self.is_reading)
    @rule()
    def begin_to_read(self) -> None:
        self.is_reading, self.cursor, self.turned = True, None, []
        self.promised = set(self.kept)

    @precondition(lambda self: self.is_reading)
    @rule(limit=st.integers(1, 5))
    def turn_a_page(self, limit: int) -> None:
        page = self.store.page(RecordQuery(), limit=limit, cursor=self.cursor)

        self.turned += [record.id for record in page.records]
        self.cursor = page.cursor
        if page.cursor is None:
            self.is_reading = False
            assert set(self.turned) >= self.promised

    @invariant()
    def nothing_is_met_twice(self) -> None:
        assert len(self.turned) == len(set(self.turned))

    @invariant()
    def it_holds_what_was_kept(self) -> None:
        found = self.store.page(RecordQuery(), limit=100)

        assert list(found.records) == self.in_order()
        assert found.cursor is None

    def in_order(self) -> list[Record]:
        return sorted(self.kept.values(), key=lambda one: (one.time_us, one.id), reverse=True)

    def teardown(self) -> None:
        self.store.close()


class SqliteMachine(StoreMachine):
    def opened(self) -> Store:
        self.folder = tempfile.TemporaryDirectory()
        return SqliteStore(Path(self.folder.name) / "podium.db")

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = SqliteStore(Path(self.folder.name) / "podium.db")

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class SqlMachine(StoreMachine):
    """One database for all examples: each begins by emptying it."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def opened(self) -> Store:
        store = SqlStore(self.address)
        for records in iter_pages(store, RecordQuery()):
            store.delete(records)
        return store

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = SqlStore(self.address)


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_a_sql_store_by_chance(server: str, request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue(server).new_database()

    run_state_machine_as_test(
        lambda: SqlMachine(address),
        settings=settings(max_examples=ON_SERVERS, stateful_step_count=30),
    )


def test_a_sql_store_by_chance_on_sqlite(tmp_path: Path) -> None:
    run_state_machine_as_test(
        lambda: SqlMachine(f"sqlite+pysqlite:///{tmp_path}/podium.db"),
        settings=settings(max_examples=ON_FILES // 2, stateful_step_count=30),
    )


TestMemoryStoreByChance = StoreMachine.TestCase
TestSqliteStoreByChance = SqliteMachine.TestCase
TestMemoryStoreByChance.settings = settings(max_examples=60, stateful_step_count=30)
TestSqliteStoreByChance.settings = settings(max_examples=ON_FILES, stateful_step_count=30)
