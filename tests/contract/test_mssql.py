"""The contract over the statements for SQL Server, which SQLite executes here: see mssql_on_sqlite."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mssql_python
import pytest
from sqlalchemy import String
from sqlalchemy.types import TypeEngine

from podium.records.storable import KEY_LENGTH
from podium.records.store import InsertResult, RecordQuery, Store
from podium.records.stores.sql import SqlStore
from podium.records.stores.sql_mssql import COLLATION, FOR_UPDATE
from podium.records.stores.sql_tables import MODEL_LENGTH
from podium.testing import CountsContract, StoreContract
from podium.testing.stores.samples import feedback, ids, ids_of, sample

sys.path.insert(0, str(Path(__file__).parent))
from mssql_on_sqlite import Executed, engine_on

# Words of other databases, and a comparison of pairs.
ELSEWHERE = (
    "LIMIT",
    "RETURNING",
    "ON CONFLICT",
    "IGNORE",
    "FOR UPDATE",
    "OCTET",
    "::",
    ") < (",
    ") > (",
)
SERVERS_PARAMETERS = 2_100


@pytest.fixture
def executed() -> Executed:
    return Executed()


@pytest.fixture
def store(tmp_path: Path, executed: Executed) -> Iterator[SqlStore]:
    engine = engine_on(tmp_path / "records.db", executed)
    store = SqlStore(engine)
    yield store
    store.close()
    engine.dispose()


class TestStatementsForSqlServer(StoreContract, CountsContract):
    @pytest.fixture
    def store(self, store: Store) -> Store:
        return store


def test_every_statement_is_one_of_sql_server(store: SqlStore, executed: Executed) -> None:
    keys = tuple(
        f"order {n} " for n in range(500)
    )  # as many as a file of feedback looks for at once
    store.insert([sample(n, business_key=f"order {n} ") for n in range(300)])
    store.set_feedback(sample(1).id, feedback())
    store.set_feedback_many({sample(n).id: feedback(2.0) for n in (1, 2)}, model=sample(1).model)
    page = store.page(RecordQuery(model=sample(1).model, business_keys=keys), limit=50)
    store.page(RecordQuery(has_feedback=True, outcome="x"), limit=50, cursor=page.cursor)
    store.delete([sample(n) for n in range(300)])
    store.counts.read("churn", 0, 1)
    store.counts.make_days(48)
    store.counts.forget(1)

    assert len(page.records) == 50
    for statement in executed.statements:
        assert not [word for word in ELSEWHERE if word in statement.upper()], statement
    assert executed.n_values < SERVERS_PARAMETERS


def test_what_is_changed_after_it_was_read_is_locked(store: SqlStore, executed: Executed) -> None:
    store.insert([sample(1)])
    store.set_feedback(sample(1).id, feedback())
    executed.statements.clear()

    store.set_feedback(sample(1).id, feedback(2.0))

    reading = [
        one for one in executed.statements if one.startswith("SELECT podium_record.feedback")
    ]
    assert len(reading) == 1
    assert f"FROM podium_record {FOR_UPDATE}" in reading[0].replace(" \n", " ")


def test_a_record_that_somebody_else_inserts_meanwhile_is_a_duplicate(
    store: SqlStore, executed: Executed
) -> None:
    store.insert([sample(1)])
    taken = "Violation of PRIMARY KEY constraint"
    executed.failing["INSERT"] = [
        mssql_python.IntegrityError("Integrity constraint violation", taken),
        mssql_python.OperationalError("Serialization failure", "was chosen as the deadlock victim"),
    ]

    result = store.insert([sample(1), sample(2), sample(2)])

    assert result == InsertResult(inserted=1, duplicates=2)
    assert executed.failing["INSERT"] == []
    assert ids(store) == ids_of(2, 1)


def test_a_record_that_the_server_refuses_fails_alone(store: SqlStore, executed: Executed) -> None:
    store.insert([sample(9)])
    refusals = [
        mssql_python.DataError("String data, right truncation", "Truncated value: 'Ada'")
        for _ in range(2)  # of both at once, and of the first one alone
    ]
    executed.failing["INSERT"] = refusals

    result = store.insert([sample(1), sample(2)])

    assert result == InsertResult(
        inserted=1, failed={sample(1).id: "the database can't store it: DataError"}
    )
    assert ids(store) == ids_of(9, 2)


def test_a_text_is_as_long_as_any_that_is_stored_in_it(store: SqlStore) -> None:
    """Some characters are two units of NVARCHAR."""
    model, key = "\U0001f427" * MODEL_LENGTH, "\U0001f427" * KEY_LENGTH

    widths = {name: _width(store.table.c[name].type, store) for name in ("model", "business_key")}

    assert widths == {"model": len(model.encode("utf-16-le")), "business_key": len(key) * 4}


def test_no_index_is_wider_than_the_server_allows(store: SqlStore) -> None:
    widths = [
        sum(_width(column.type, store) for column in index.columns) for index in store.table.indexes
    ]
    (key,) = store.table.primary_key.columns

    assert max(widths) <= 1_700
    assert _width(key.type, store) <= 900


def _width(kind: TypeEngine[Any], store: SqlStore) -> int:
    """In bytes."""
    own = kind.dialect_impl(store.engine.dialect)
    if not isinstance(own, String):
        return 8
    assert own.collation == COLLATION
    assert kind.compile(dialect=store.engine.dialect).startswith("NVARCHAR")
    return 2 * (own.length or 10**6)
