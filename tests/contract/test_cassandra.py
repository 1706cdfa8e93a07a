"""What the store of Cassandra sends, and the contract over a scripted node: there is no server here."""

from __future__ import annotations

import os
import re
import struct
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cassandra import ConsistencyLevel
from cassandra.cqltypes import DoubleType, Int32Type, LongType, UTF8Type
from cassandra.protocol import (
    AuthResponseMessage,
    ExecuteMessage,
    PrepareMessage,
    ProtocolHandler,
)
from cassandra.query import UNSET_VALUE

from podium.errors import SetupError, StoreError
from podium.outbox.isolation import insert_valid
from podium.outbox.outboxed import OutboxedStore
from podium.records.open import open_store, without_password
from podium.records.store import InsertResult, RecordQuery, Store
from podium.records.stores import cassandra_session
from podium.records.stores import cassandra_statements as cql
from podium.records.stores.cassandra import CassandraStore
from podium.records.stores.places import day_of, shard_of
from podium.records.stores.rows import feedback_cells, row_of
from podium.testing.stores.keeping import Keeping
from podium.testing.stores.samples import NOON_US, decoded, feedback, ids, ids_of, sample

sys.path.insert(0, str(Path(__file__).parent))
from scripted_cassandra import CassandraNode
from shortened import ShortContract

pytestmark = pytest.mark.slow
DAY_US = 86_400_000_000
TYPES = {"text": UTF8Type, "int": Int32Type, "bigint": LongType, "double": DoubleType}


@pytest.fixture
def node() -> Iterator[CassandraNode]:
    node = CassandraNode()
    yield node
    node.stop()


@pytest.fixture
def store(node) -> Iterator[CassandraStore]:
    store = CassandraStore(node.address)
    yield store
    store.close()


class TestCassandraStoreOnAScriptedNode(ShortContract):
    @pytest.fixture
    def store(self, node) -> Iterator[Store]:
        store = CassandraStore(node.address)
        yield store
        store.close()


class TestCassandraStoreBehindAnOutbox(Keeping):
    @pytest.fixture
    def store(self, node, tmp_path: Path) -> Iterator[Store]:
        store = OutboxedStore(CassandraStore(node.address), tmp_path / "outbox")
        yield store
        store.close()


def test_the_frames_on_the_wire_are_those_that_the_driver_encodes(node, store):
    record = sample(1, outcome_number=1.5, business_key="order 7")
    said = feedback("Gentoo", actor="ada")
    store.insert([record])
    store.set_feedback(record.id, said, time_us=record.time_us)
    store.delete([record])

    key = day_of(record.time_us), shard_of(record.id, 2)
    place = *key, record.time_us, record.id
    named = ("=order 7", record.time_us, record.id)
    row = [UNSET_VALUE if value is None else value for value in row_of(record)]
    condition = [*feedback_cells(said), 1, *place, 0]
    feedback_types = [cql.RECORD_COLUMNS[name] for name in cql.FEEDBACK_NAMES]
    place_types = ["text", "int", "bigint", "text"]
    named_types = ["text", "bigint", "text"]
    expected = {
        cql.INSERT_BUSINESS_KEY: (named, named_types),
        cql.INSERT_RECORD: ([*key, *row, 0], list(cql.RECORD_COLUMNS.values())),
        cql.GET_RECORD: (place, place_types),
        cql.SET_FEEDBACK: (condition, [*feedback_types, "int", *place_types, "int"]),
        cql.DELETE_RECORD: (place, place_types),
        cql.DELETE_BUSINESS_KEY: (named, named_types),
    }
    sent = {node.text_of(frame): frame for frame in node.frames if frame[0] == "EXECUTE"}
    for statement, (values, types) in expected.items():
        assert sent[statement][1] == executed(node, statement, values, types, sent[statement][1])
        assert ("PREPARE", encoded(PrepareMessage(statement))) in node.frames


def test_the_handshake_is_that_of_the_protocol(node, store):
    store.insert([])

    names = [name for name, _ in node.frames]
    assert names[:4] == ["OPTIONS", "STARTUP", "REGISTER", "QUERY"]
    (startup,) = {body for name, body in node.frames if name == "STARTUP"}
    options = dict(re.findall(rb"\x00.([A-Z_]+)\x00.([\w. ]+)", startup))
    assert options[b"CQL_VERSION"] == b"3.4.5"
    assert options.keys() <= {b"CQL_VERSION", b"DRIVER_NAME", b"DRIVER_VERSION"}  # no compression
    assert ("QUERY", b'USE "podium"') in [(name, body[4:16]) for name, body in node.frames]


def test_no_value_is_written_into_a_statement(node, store):
    store.insert([sample(1, actor="o'hara", business_key="x' OR '1'='1")])
    store.page(RecordQuery(actor="o'hara", model="x' OR '1'='1"), limit=5)
    store.page(RecordQuery(business_keys=("x' OR '1'='1",)), limit=5)

    texts = [body[4:] for name, body in node.frames if name in ("QUERY", "PREPARE")]
    assert any(b"actor = ?" in text for text in texts)
    assert not any(b"o'hara" in text or b"OR '1'" in text for text in texts)


def test_every_change_of_a_record_has_a_condition():
    for statement in (cql.INSERT_RECORD, cql.SET_FEEDBACK, cql.DELETE_RECORD):
        assert re.search(r" IF (NOT EXISTS|EXISTS|revision = \?)$", statement)
    for statement in (cql.INSERT_DAY, cql.MARK_DAY, cql.DELETE_DAY, cql.INSERT_SETTING):
        assert re.search(r" IF (NOT EXISTS|mark = \?)$", statement)


def test_of_several_records_with_one_id_in_a_batch_the_first_is_stored(store):
    first = [sample(n) for n in range(40)]

    result = store.insert([*first, *(sample(n, outcome="Gentoo") for n in range(40))])

    assert result == InsertResult(inserted=40, duplicates=40)
    assert [one.outcome for one in store.page(RecordQuery(), limit=50).records] == ["Adelie"] * 40


def test_feedback_for_many_and_deletion_by_many_are_counted_by_record(node, store):
    records = [sample(n, business_key="order 7") for n in range(60)]
    odd = sample(3_000, time_us=NOON_US - DAY_US)
    store.insert([*records, odd, sample(200, model="another")])
    truths = {sample(n).id: feedback(float(n)) for n in (*range(50), 200, 300)}

    found = store.set_feedback_many({**truths, "\ud800": feedback()}, model=sample(0).model)
    with ThreadPoolExecutor(4) as threads:
        everything = [*records, odd]
        orders = (everything, everything[::-1], everything[30:] + everything[:30])
        assert decoded(store.get(odd.id)) == decoded(odd)
        deleted = list(threads.map(store.delete, orders))

    assert found == {one.id for one in records[:50]}
    assert sum(deleted) == 61
    assert ids(store) == ids_of(200)
    assert node.tables["podium_business_key"].rows == node.tables["podium_odd_id"].rows == {}


def test_days_without_records_leave_the_list_unless_somebody_wrote_meanwhile(node, store):
    store.insert([sample(0), sample(1, time_us=NOON_US + DAY_US)])
    days = store._days
    mark = days.mark_of("2026-03-01")

    store.delete([sample(1, time_us=NOON_US + DAY_US)])
    store.insert([sample(2)])
    days.remove("2026-03-01", mark)

    assert days.between(0, 2**53 - 1, order="oldest") == ["2026-03-01"]
    assert ids(store) == ids_of(2, 0)


def test_a_record_that_is_too_large_fails_alone(store):
    large = sample(1, inputs=b'{"essay":"' + b"x" * 9_000_000 + b'"}')

    result = store.insert([large, sample(2)])

    assert result.inserted == 1
    assert "8388608" in result.failed[large.id]
    assert ids(store) == ids_of(2)


def test_tables_are_created_once_and_only_if_that_is_allowed(node):
    forbidden = CassandraStore(f"{node.address}&create=no")
    with pytest.raises(StoreError, match="unconfigured table"):
        forbidden.insert([sample(1)])
    assert node.definitions == []

    for _ in range(2):
        store = CassandraStore(node.address)
        store.insert([sample(1)])
        store.close()

    assert node.definitions == [cql.create_table(name) for name in cql.TABLES]
    assert forbidden.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)
    forbidden.close()


def test_a_table_of_an_older_version_gets_the_columns_that_it_lacks(node, store):
    store.insert([sample(1)])
    del node.tables["podium_record"].types["business_key"]
    node.definitions.clear()

    later = CassandraStore(node.address)
    later.insert([sample(2, business_key="order 7")])

    assert node.definitions == ["ALTER TABLE podium_record ADD business_key text"]
    assert later.get(sample(1).id) == sample(1)
    later.close()


def test_the_first_server_decides_how_days_are_divided(node, store):
    store.insert([sample(n) for n in range(20)])
    other = CassandraStore(node.address.replace("shards=2", "shards=16"))

    other.insert([sample(n) for n in range(20, 40)])

    assert ids(other) == ids(store) == ids_of(*range(39, -1, -1))
    other.close()


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("cassandra://ada:secret@db", "keyspace"),
        ("cassandra://ada:secret@db/a-b", "keyspace"),
        ("cassandra://ada:secret@/podium", "hosts"),
        ("cassandra://ada:secret@db:1,db:2/podium", "ports"),
        ("cassandra://ada:secret@db:99999/podium", "ports"),
        ("cassandra://ada:secret@db/podium?password=secret", "no option password"),
        ("cassandra://ada:secret@db/podium?shards=0", "shards"),
        ("cassandra://ada:secret@db/podium?create=maybe", "create"),
        ("cassandra://ada:secret@db/podium?ca=/none", "there is no file /none"),
    ],
)
def test_an_invalid_address_is_refused_without_its_password(address, problem):
    with pytest.raises(SetupError) as raised:
        open_store(address)

    assert problem in raised.value.message
    assert ":secret" not in str(raised.value)


def test_credentials_are_decoded_and_hidden():
    address = cassandra_session.read_address("cassandra://ada:p%40ss%3A@a,b.example:9/podium?dc=x")

    assert (address.user, address.password, address.dc) == ("ada", "p@ss:", "x")
    assert (address.hosts, address.port) == (("a", "b.example"), 9)
    assert without_password("cassandra://ada:p%40ss@a/podium") == "cassandra://ada:***@a/podium"


def test_a_user_logs_in_and_a_wrong_password_is_explained_but_not_shown():
    node = CassandraNode(password="right-one")
    users = {
        secret: CassandraStore(node.address.replace("//", f"//ada:{secret}@"))
        for secret in ("right-one", "wrong-one")
    }

    assert users["right-one"].insert([sample(1)]).inserted == 1
    responses = [body for name, body in node.frames if name == "AUTH_RESPONSE"]
    assert responses[0] == encoded(AuthResponseMessage(b"\0ada\0right-one"))
    for store, hint in ((users["wrong-one"], "password"), (CassandraStore(node.address), "user")):
        with pytest.raises(StoreError) as raised:
            store.insert([sample(2)])
        assert hint in str(raised.value.hint)
        assert "wrong-one" not in f"{raised.value} {raised.value.hint}"
        store.close()
    users["right-one"].close()
    node.stop()


@pytest.mark.parametrize(
    ("statement", "code", "message", "hint"),
    [
        ("USE", 0x2200, "Keyspace 'podium' does not exist", "create the keyspace"),
        ("CREATE TABLE", 0x2100, "User ada has no CREATE permission", "create=no"),
        ("INSERT INTO podium_record", 0x2100, "User ada has no MODIFY permission", "MODIFY"),
        ("INSERT INTO podium_record", 0x1001, "Overloaded", ""),
        ("INSERT INTO podium_record", 0x0000, "Server error", ""),
    ],
)
def test_a_refusal_is_an_error_of_the_store_with_its_reason(node, statement, code, message, hint):
    store = CassandraStore(node.address)
    node.failures[statement] = (code, message)

    with pytest.raises(StoreError) as raised:
        store.insert([sample(1)])
    node.failures.clear()

    assert hint in str(raised.value.hint)
    assert store.insert([sample(1)]) == InsertResult(inserted=1)
    store.close()


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (
            (
                0x2200,
                "Write request failed because disk usage exceeds failure threshold",
            ),
            "the store is full",
        ),
        ((0x0000, "java.io.IOException: No space left on device"), "the store fails"),
    ],
)
def test_what_a_full_node_refuses_waits_and_is_not_set_aside(node, store, failure, reason):
    records = [sample(n) for n in range(8)]
    node.refused[records[5].id] = failure  # its replicas are full, others aren't

    with pytest.raises(StoreError) as raised:
        insert_valid(store, records)
    node.refused.clear()

    assert raised.value.reason == reason
    assert insert_valid(store, records) == InsertResult(inserted=1, duplicates=7)


def test_a_record_that_a_node_refuses_is_set_aside(node, store):
    records = [sample(n) for n in range(8)]
    node.refused[records[5].id] = (0x2200, "Guardrail column_value_size violated")

    result = insert_valid(store, records)

    assert list(result.failed) == [records[5].id]
    assert ids(store) == ids_of(7, 6, 4, 3, 2, 1, 0)


def test_a_node_that_cannot_be_reached_is_an_error_when_it_is_used(free_port):
    store = CassandraStore(f"cassandra://ada:secret@127.0.0.1:{free_port}/podium")

    for _ in range(2):
        with pytest.raises(StoreError, match="refused") as raised:
            store.get(sample(1).id)
        assert "secret" not in str(raised.value)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.get(sample(1).id)


def test_a_node_that_restarts_is_found_again(node, store):
    store.insert([sample(1)])
    node.stop()
    with pytest.raises(StoreError):
        store.insert([sample(2)])

    again = CassandraNode(port=node.port)
    again.tables, again.statements = node.tables, node.statements
    until_s = time.monotonic() + 60
    result = None
    while result is None and time.monotonic() < until_s:
        try:
            result = store.insert([sample(1), sample(2)])
        except StoreError:
            time.sleep(0.1)

    assert result == InsertResult(inserted=1, duplicates=1)
    assert ids(store) == ids_of(2, 1)
    again.stop()


def test_a_node_that_hangs_is_given_up(node, monkeypatch):
    monkeypatch.setattr(cassandra_session, "REQUEST_S", 0.5)
    store = CassandraStore(node.address)
    store.insert([sample(1)])

    with node.lock, pytest.raises(StoreError, match=r"\(client-side\)|timed out|Client request"):
        store.get(sample(1).id)

    assert store.get(sample(1).id) == sample(1)
    store.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_connects_by_itself(node, store):
    store.insert([sample(1), sample(2)])

    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            found = [one.id for one in store.page(RecordQuery(), limit=5).records]
            status = 0 if found == ids_of(2, 1) else 2
        finally:
            os._exit(status)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert ids(store) == ids_of(2, 1)


def encoded(message: object) -> bytes:
    """The body of the frame of a message, without its header of 9 bytes."""
    return ProtocolHandler.encode_message(message, 0, 4, None, False)[9:]


def executed(
    node: CassandraNode, statement: str, values: object, types: list[str], sent: bytes
) -> bytes:
    """The EXECUTE of a statement with these values, and the timestamp that was sent."""
    (id_,) = [id_ for id_, one in node.statements.items() if one.text == statement]
    params = [
        value if value is None or value is UNSET_VALUE else TYPES[kind].serialize(value, 4)
        for value, kind in zip(values, types, strict=True)
    ]
    (timestamp,) = struct.unpack(">q", sent[-8:])
    assert abs(timestamp / 1e6 - time.time()) < 600
    message = ExecuteMessage(
        id_,
        params,
        ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        fetch_size=5_000,
        timestamp=timestamp,
    )
    return encoded(message)
