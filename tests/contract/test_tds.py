"""SQL Server's protocol, through Microsoft's driver: logging in, reading, and what goes wrong."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from podium.errors import StoreError
from podium.records.columns import NAMES
from podium.records.record import Record
from podium.records.store import RecordQuery
from podium.records.stores import sql_engine
from podium.records.stores.rows import row_of
from podium.records.stores.sql import SqlStore
from podium.testing.databases import NoServer, TdsServer
from podium.testing.databases.mssql import PASSWORD
from podium.testing.stores.samples import ids, ids_of, sample

pytestmark = pytest.mark.slow

SAMPLES = [
    sample(1, model="penguins", business_key="order 1"),
    sample(2, model="penguins "),
    sample(3, model="pingüinos", business_key="Bestellung für Zoë"),
    sample(4, model="penguins", outcome_number=0.1),
]


def rows(records: list[Record]) -> list[dict[str, Any]]:
    """Each with a text in every column of a text, from which the server takes the types."""
    cells = [dict(zip(NAMES, row_of(one), strict=True)) for one in records]
    return [one | {"outcome_start": one["outcome"], "version": "v1"} for one in cells]


@pytest.fixture(scope="module")
def server() -> Iterator[TdsServer]:
    try:
        with TdsServer({"podium_record": rows(SAMPLES)}) as running:
            yield running
    except NoServer as error:
        pytest.skip(str(error))


@pytest.fixture
def store(server: TdsServer) -> Iterator[SqlStore]:
    store = reading(server.new_database())
    yield store
    store.close()


def reading(address: str) -> SqlStore:
    """A store that doesn't look for its table first: the server has no system views."""
    store = SqlStore(address, creates=False)
    store._database._is_prepared = True
    return store


def test_pages_are_read_with_the_servers_types(store: SqlStore) -> None:
    first = store.page(RecordQuery(), limit=3)
    second = store.page(RecordQuery(), limit=3, cursor=first.cursor)

    assert [one.id for one in first.records] == ids_of(4, 3, 2)
    assert [one.id for one in second.records] == ids_of(1)
    assert second.cursor is None
    assert first.records[0].outcome_number == 0.1
    assert first.records[1].business_key == "Bestellung für Zoë"
    assert second.records[0].inputs == sample(1).inputs


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (RecordQuery(model="penguins"), (4, 1)),
        (RecordQuery(model="penguins "), (2,)),
        (RecordQuery(model="pingüinos"), (3,)),
        (RecordQuery(business_keys=("order 1", "Bestellung für Zoë", "x")), (3, 1)),
        (RecordQuery(ids=(sample(4).id, sample(9).id)), (4,)),
        (RecordQuery(id_prefix=sample(1).id[:8]), (4, 3, 2, 1)),
        (RecordQuery(outcome_min=0.1, outcome_max=0.1), (4,)),
        (RecordQuery(has_feedback=True), ()),
        (RecordQuery(since_us=sample(2).time_us, until_us=sample(4).time_us), (3, 2)),
    ],
)
def test_filters_are_understood_by_a_server(
    store: SqlStore, query: RecordQuery, found: tuple[int, ...]
) -> None:
    assert ids(store, query) == ids_of(*found)


def test_a_record_is_found_by_its_id(store: SqlStore) -> None:
    record = store.get(sample(4).id)

    assert record is not None
    assert record.model == "penguins"
    assert store.get(sample(5).id) is None


def test_what_the_server_refuses_is_told_in_its_words(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="INSERT is not supported") as raised:
        store.insert([sample(8)])

    assert PASSWORD not in str(raised.value)


def test_values_arrive_with_their_types_and_all_their_letters(
    server: TdsServer, store: SqlStore
) -> None:
    """The server refuses to insert, but not before it has read what to insert."""
    long, others = (
        "x" * 5_000,
        ("Zoë", "\U0001f427 and ASCII, longer than the others", "plain ASCII"),
    )
    records = [
        sample(100 + n, outcome=text, business_key=text[:20] or None, outcome_number=number)
        for n, (text, number) in enumerate(
            [(long, None), *((text, 0.1) for text in others), ("", 1e300)]
        )
    ]

    with pytest.raises(StoreError, match="INSERT is not supported"):
        store.insert(records)

    call = server.calls()[-1]
    columns = [*NAMES, "outcome_start"]
    sent = [dict(zip(columns, row, strict=True)) for row in pairs(call["values"], len(columns))]
    names = [name for _ in records for name in columns]
    kinds = dict(zip(names, re.findall(r"@P\d+ (\w+)", call["declared"]), strict=True))
    assert [{name: row[name] for name in NAMES} for row in sent] == [
        dict(zip(NAMES, row_of(one), strict=True)) for one in records
    ]
    assert {kinds[name] for name in ("time_us", "latency_us", "row_index")} == {"bigint"}
    assert kinds["outcome_number"] == "float"
    assert {kinds[name] for name in ("id", "model", "outcome", "inputs", "actor")} == {"nvarchar"}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"\x00\xff", "varbinary(2)"),
        (b"\x01" * 8_000, "varbinary(8000)"),
        (b"\x01" * 9_000, "varbinary(max)"),
        ("a" * 31, "nvarchar(32)"),
        ("a" * 4_000, "nvarchar(4000)"),
        ("\U0001f427" * 2_001, "nvarchar(max)"),
        (2**53, "bigint"),
        (0.1, "float"),
        (None, "nvarchar(32)"),
    ],
)
def test_every_size_of_a_value_is_sent(
    server: TdsServer, store: SqlStore, value: object, kind: str
) -> None:
    with store.engine.connect() as connection, suppress(DBAPIError):
        connection.exec_driver_sql("SELECT id FROM podium_record WHERE note = ?", (value,))

    call = server.calls()[-1]
    assert call["declared"] == f"@P1 {kind}"
    assert call["values"] == [value.hex() if isinstance(value, bytes) else value]


def pairs(values: list[Any], size: int) -> list[list[Any]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (":Not", ":not", "Login failed for user 'podium'"),
        ("?TrustServerCertificate=yes", "", "certificate verify failed"),
        ("=yes", "=yes&Encrypt=strict", ""),
        ("=yes", "=yes&Colour=red", "Colour"),
    ],
)
def test_who_is_not_let_in_is_told_why(server: TdsServer, old: str, new: str, problem: str) -> None:
    address = server.new_database()
    assert old in address
    store = reading(address.replace(old, new))

    with pytest.raises(StoreError, match=f"(?i){problem}") as raised:
        store.page(RecordQuery(), limit=1)

    assert "secret" not in f"{raised.value}{raised.value.hint}"
    store.close()


def test_an_address_where_nobody_listens_is_given_up_soon(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_engine, "CONNECT_S", 1)
    store = SqlStore(f"mssql://ada:secret@127.0.0.1:{free_port}/records")
    began_s = time.monotonic()

    with pytest.raises(StoreError, match=r"ada:\*\*\*@127\.0\.0\.1") as raised:
        store.insert([sample(1)])

    assert time.monotonic() - began_s < 30
    assert "check that the database runs" in raised.value.hint
    store.close()


def test_a_server_that_was_started_again_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_engine, "CONNECT_S", 1)
    with TdsServer({"podium_record": rows(SAMPLES)}) as server:
        store = reading(server.new_database())
        assert len(ids(store)) == 4
        server.stop()

        with pytest.raises(StoreError):
            ids(store)
        server.start()

        assert len(ids(store)) == 4
        store.close()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says whether a process is stopped")
def test_a_server_that_answers_no_more_is_given_up(
    server: TdsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_engine, "_LOST_S", 1)
    store = reading(server.new_database())
    assert len(ids(store)) == 4
    began_s = time.monotonic()

    server.pause()
    until_s = time.monotonic() + 60
    while state_of(server.pid) != "T" and time.monotonic() < until_s:
        time.sleep(0.01)
    try:
        with pytest.raises(StoreError):
            ids(store)
    finally:
        server.resume()

    assert time.monotonic() - began_s < 30
    assert len(ids(store)) == 4
    store.close()


def state_of(pid: int) -> str:
    """T if it is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_reads_without_logging_its_parent_out(store: SqlStore) -> None:
    assert len(ids(store)) == 4

    pid = os.fork()
    if not pid:  # the child: whatever happens, it must end here
        status = 1
        try:
            status = 0 if len(ids(store)) == 4 else 2
            store.close()
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    with store.engine.connect() as connection:  # the connection from before
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    assert store.engine.pool.status().count("Connections in pool: 1")
