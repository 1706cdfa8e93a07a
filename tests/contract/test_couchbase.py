"""The contract over Couchbase's driver, on a node of ours: see couchbase_wire, which isn't Couchbase."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import pytest
import trustme

from podium.errors import SetupError, StoreError
from podium.outbox.isolation import insert_valid
from podium.outbox.outboxed import OutboxedStore
from podium.records.cursor import cursor_of
from podium.records.open import open_store
from podium.records.store import InsertResult, RecordQuery, Store
from podium.records.stores import couchbase_cluster
from podium.records.stores.couchbase import CouchbaseStore
from podium.records.stores.couchbase_address import CouchbaseAddress, read_address
from podium.records.stores.couchbase_cluster import INDEXES
from podium.testing import StoreContract
from podium.testing.stores.keeping import Keeping
from podium.testing.stores.paging import Paging
from podium.testing.stores.samples import feedback, ids, ids_of, sample

sys.path.insert(0, str(Path(__file__).parent))
from couchbase_wire import BUCKET, PASSWORD, CouchbaseWire
from shortened import FewQueries

pytestmark = pytest.mark.slow

T = TypeVar("T")

ADD, DELETE, LOOKUP, MUTATE = 0x02, 0x04, 0xD0, 0xD1


@pytest.fixture
def wire() -> Iterator[CouchbaseWire]:
    with CouchbaseWire() as wire:
        yield wire


@pytest.fixture
def couchbase(wire: CouchbaseWire) -> Iterator[CouchbaseStore]:
    store = CouchbaseStore(wire.address)
    yield store
    store.close()


class TestCouchbaseStoreOnOurWire(FewQueries, StoreContract):
    @pytest.fixture
    def store(self, couchbase: CouchbaseStore) -> Store:
        return couchbase


class TestCouchbaseStoreBehindAnOutbox(Keeping, Paging):
    """The parts in which the outbox writes."""

    @pytest.fixture
    def store(self, wire: CouchbaseWire, tmp_path: Path) -> Iterator[Store]:
        store = OutboxedStore(CouchbaseStore(wire.address), tmp_path / "outbox")
        yield store
        store.close()


def test_it_logs_in_without_sending_the_password(
    wire: CouchbaseWire, couchbase: CouchbaseStore
) -> None:
    couchbase.insert([sample(1)])

    assert set(wire.mechanisms) == {"SCRAM-SHA512"}


def test_what_is_missing_is_made_once(wire: CouchbaseWire, couchbase: CouchbaseStore) -> None:
    couchbase.insert([sample(1)])
    made = [query["statement"] for query in wire.queries if "CREATE" in query["statement"]]

    again = CouchbaseStore(wire.address)
    assert ids(again) == ids_of(1)
    again.close()

    assert wire.collections == {"podium_record"}
    assert wire.indexes == set(INDEXES)
    assert len(made) == 1 + len(INDEXES)
    assert made[0] == "CREATE COLLECTION `records`.`_default`.`podium_record`"
    assert (
        "CREATE INDEX `podium_record_by_key` ON `records`.`_default`.`podium_record` "
        "(`business_key`, `time_us` DESC, `id` DESC) WHERE `business_key` IS VALUED"
    ) in made
    assert sum("CREATE" in query["statement"] for query in wire.queries) == len(made)


def test_processes_that_make_it_at_once_all_find_it(wire: CouchbaseWire) -> None:
    stores = [CouchbaseStore(wire.address) for _ in range(4)]

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda n: stores[n].insert([sample(n)]), range(4)))

    assert results == [InsertResult(inserted=1)] * 4
    for store in stores:
        store.close()


def test_a_user_without_the_right_to_create_uses_what_is_there(wire: CouchbaseWire) -> None:
    wire.refuses_ddl = True
    store = CouchbaseStore(wire.address)

    with pytest.raises(StoreError, match="does not have credentials") as raised:
        store.insert([sample(1)])
    wire.collections.add("podium_record")
    wire.indexes |= set(INDEXES)

    assert "roles" in raised.value.hint
    assert store.insert([sample(1)]) == InsertResult(inserted=1)
    store.close()


def test_a_user_who_may_not_look_for_it_uses_what_is_there(wire: CouchbaseWire) -> None:
    wire.refuses_ddl = wire.refuses_catalog = True
    wire.collections.add("podium_record")
    store = CouchbaseStore(wire.address)

    assert store.insert([sample(1)]) == InsertResult(inserted=1)
    assert ids(store) == ids_of(1)
    store.close()


def test_a_page_is_one_statement_with_parameters(
    wire: CouchbaseWire, couchbase: CouchbaseStore
) -> None:
    cursor = cursor_of(sample(3))

    couchbase.page(RecordQuery(model="pen`guin$", role="primary"), limit=50, cursor=cursor)

    query = wire.queries[-1]
    assert query["statement"] == (
        "SELECT RAW r FROM `records`.`_default`.`podium_record` AS r "
        "WHERE r.`time_us` IS VALUED AND r.`model` = $p0 AND r.`role` = $p1 "
        "AND r.`time_us` <= $p2 AND (r.`time_us` < $p2 OR (r.`time_us` = $p2 AND r.`id` < $p3)) "
        "ORDER BY r.`time_us` DESC, r.`id` DESC LIMIT 51"
    )
    values = [query[f"$p{n}"] for n in range(4)]
    assert values == ["pen`guin$", "primary", sample(3).time_us, sample(3).id]
    assert (query["scan_consistency"], query["readonly"]) == ("request_plus", True)


@pytest.mark.parametrize(
    ("durability", "level", "survives"),
    [
        ("", 2, "power"),
        ("?durability=majority", 1, "process"),
        ("?durability=persist_to_majority", 3, "power"),
        ("?durability=none", None, "process"),
    ],
)
def test_every_write_waits_for_the_same_durability(
    wire: CouchbaseWire, durability: str, level: int | None, survives: str
) -> None:
    store = CouchbaseStore(f"{wire.address}{durability}")

    store.insert([sample(1)])
    store.set_feedback(sample(1).id, feedback())
    store.delete([sample(1)])

    assert wire.frames == [(ADD, level), (MUTATE, level), (DELETE, level)]
    assert store.features.durability == survives
    store.close()


def test_feedback_reads_and_writes_nothing_else(
    wire: CouchbaseWire, couchbase: CouchbaseStore
) -> None:
    couchbase.insert([sample(1)])
    codes: list[int] = []
    wire.before = lambda code: codes.append(code)

    couchbase.set_feedback(sample(1).id, feedback())
    couchbase.set_feedback(sample(1).id, feedback())  # says nothing new

    assert codes == [LOOKUP, MUTATE, LOOKUP]


def test_a_record_of_more_than_the_server_takes_fails_alone(
    wire: CouchbaseWire, couchbase: CouchbaseStore
) -> None:
    couchbase.insert([sample(9)])
    answers = iter([0x03])
    wire.before = lambda code: next(answers, None) if code == ADD else None

    result = couchbase.insert([sample(1), sample(2)])

    assert (result.inserted, result.duplicates) == (1, 0)
    assert list(result.failed.values()) == ["the record is larger than 20 MB"]


# Statuses of kv_engine's `mcbp/protocol/status.h`; the driver doesn't know the last ones.
REFUSALS = {
    0x24: ("Authentication", "the store refuses this user", "roles"),
    0x30: ("RateLimited", "the store is overloaded", "asked again later"),
    0x34: ("QuotaLimited", "the store is full", "quota of the scope"),
    0x82: ("TemporaryFail", "the store is overloaded", "no memory"),
    0x84: ("InternalServerFailure", "the store fails", "logs"),
    0x86: ("TemporaryFail", "the store is overloaded", "no memory"),
    0xA1: ("DurabilityImpossible", "the store is read-only", "another durability"),
    0x38: ("Couchbase", "the store fails", "disk space"),  # a bucket without any
    0x50: ("Couchbase", "the store fails", "paused"),
}


def test_a_node_that_refuses_a_write_keeps_nothing_and_says_why(
    wire: CouchbaseWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couchbase_cluster, "CALL_S", 0.5)
    store = CouchbaseStore(wire.address)
    store.insert([sample(1)])

    for status, (problem, reason, hint) in REFUSALS.items():
        wire.before = lambda code, status=status: status if code == ADD else None
        with pytest.raises(StoreError, match=f": {problem}: ") as raised:
            store.insert([sample(2)])
        assert raised.value.reason == reason
        assert hint in raised.value.hint
        assert sample(2).id not in f"{raised.value}{raised.value.__cause__}"
    wire.before = lambda _: None

    assert store.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)
    store.close()


def test_numbers_of_the_query_service_are_read_exactly(
    wire: CouchbaseWire, couchbase: CouchbaseStore
) -> None:
    record = sample(1, outcome_number=1.0)
    couchbase.insert([record])
    document, _ = wire.get(record.id) or ({}, 0)
    written = json.dumps(document | {"time_us": float(record.time_us), "outcome_number": 1})
    wire.put(record.id, written.encode())

    (found,) = couchbase.page(RecordQuery(), limit=1).records

    assert found == record
    assert (type(found.time_us), type(found.outcome_number)) == (int, float)


def test_a_document_of_an_older_version_has_the_defaults(
    wire: CouchbaseWire, couchbase: CouchbaseStore
) -> None:
    couchbase.insert([sample(1)])
    document, _ = wire.get(sample(1).id) or ({}, 0)
    for name in ("role", "row_index", "latency_us"):
        del document[name]
    wire.put(sample(1).id, json.dumps(document).encode())

    record = couchbase.get(sample(1).id)

    assert record is not None
    assert (record.role, record.row_index, record.latency_us) == ("primary", 0, 0)


@pytest.mark.parametrize("status", [0x82, 0x38])
def test_what_a_full_node_refuses_waits_and_is_not_set_aside(
    wire: CouchbaseWire, couchbase: CouchbaseStore, status: int
) -> None:
    records = [sample(n) for n in range(8)]
    wire.refused[records[5].id] = status  # its node is full, others aren't

    with pytest.raises(StoreError) as raised:
        insert_valid(couchbase, records)
    wire.refused.clear()

    assert raised.value.reason == REFUSALS[status][1]
    assert insert_valid(couchbase, records) == InsertResult(inserted=1, duplicates=7)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("//podium:", "//nobody:", "Authentication"),
        (f"/{BUCKET}", "/other", "Bucket|Authentication"),
    ],
)
def test_who_is_not_let_in_is_told_why(
    wire: CouchbaseWire, monkeypatch: pytest.MonkeyPatch, old: str, new: str, problem: str
) -> None:
    monkeypatch.setattr(couchbase_cluster, "CONNECT_S", 2.0)
    address = wire.address.replace(old, new).replace(quote(PASSWORD, safe=""), "wrong")
    store = CouchbaseStore(address)

    with pytest.raises(StoreError, match=problem) as raised:
        store.insert([sample(1)])

    assert "wrong" not in f"{raised.value}{raised.value.hint}{raised.value.__cause__}"
    store.close()


def test_a_certificate_is_accepted_from_the_authority_that_the_address_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couchbase_cluster, "CONNECT_S", 1.0)
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with CouchbaseWire(context) as wire:
        trusting = CouchbaseStore(f"{wire.address}?certificate={tmp_path}/ca.pem")
        doubting = CouchbaseStore(wire.address)

        assert trusting.insert([sample(1)]) == InsertResult(inserted=1)
        assert ids(trusting) == ids_of(1)
        with pytest.raises(StoreError) as raised:
            doubting.insert([sample(2)])

        assert "see the option certificate" in raised.value.hint
        trusting.close()
        doubting.close()


def test_an_address_where_nobody_listens_is_given_up_soon(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couchbase_cluster, "CONNECT_S", 1.0)
    store = CouchbaseStore(f"couchbase://ada:secret@127.0.0.1:{free_port}/records")
    began_s = time.monotonic()

    with pytest.raises(StoreError, match=r"ada:\*\*\*@127\.0\.0\.1") as raised:
        store.insert([sample(1)])

    assert time.monotonic() - began_s < 20
    assert "check that the cluster runs" in raised.value.hint
    store.close()


def test_a_cluster_that_comes_back_is_used_again(
    wire: CouchbaseWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couchbase_cluster, "CALL_S", 1.0)
    store = CouchbaseStore(wire.address)
    store.insert([sample(1)])
    wire.stop()

    with pytest.raises(StoreError):
        store.insert([sample(2)])
    with pytest.raises(StoreError):
        store.page(RecordQuery(), limit=1)
    wire.start()

    assert until(lambda: store.insert([sample(1), sample(2)])).inserted <= 1
    assert until(lambda: ids(store)) == ids_of(2, 1)
    store.close()


def until(work: Callable[[], T]) -> T:
    """What it returns, once it doesn't fail."""
    until_s = time.monotonic() + 60
    while True:
        try:
            return work()
        except StoreError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_that_was_forked_makes_connections_of_its_own(
    wire: CouchbaseWire, couchbase: CouchbaseStore
) -> None:
    couchbase.insert([sample(1)])

    program = (
        "import os, sys; from podium.records.open import open_store\n"
        "from podium.testing.stores.samples import ids, ids_of, sample\n"
        "store = open_store(sys.argv[1]); store.insert([sample(2)])\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    store.insert([sample(3)]); os._exit(0 if ids(store) == ids_of(3, 2, 1) else 3)\n"
        "status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n"
        "store.insert([sample(4)]); store.close(); sys.exit(status)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, wire.address], timeout=60, check=False)

    assert done.returncode == 0
    assert ids(couchbase) == ids_of(4, 3, 2, 1)


@pytest.mark.parametrize(
    "address",
    [
        "couchbase://host/records",
        "couchbase://ada@host/records",
        "couchbase://ada:secret@host",
        "couchbase://ada:secret@host/",
        "couchbase://ada:secret@host/records?durability=always",
        "couchbase://ada:secret@host/records?scope=a`b",
        "couchbase://ada:sec/ret@host/records",
        "couchbases://ada:secret@host/records?certificate=/nowhere/ca.pem",
    ],
)
def test_an_invalid_address_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(SetupError) as raised:
        open_store(address)

    assert "secret" not in f"{raised.value}{raised.value.hint}"


def test_the_options_of_the_address_are_ours_or_the_drivers() -> None:
    found = read_address(
        "couchbases://ad%40a:s%2Fcr%3At@one,two:11207/re-cords"
        "?scope=apps&collection=rows&durability=majority&certificate=/ca.pem&network=external"
    )

    assert found == CouchbaseAddress(
        connection="couchbases://one,two:11207?network=external",
        user="ad@a",
        password="s/cr:t",
        bucket="re-cords",
        scope="apps",
        collection="rows",
        durability="majority",
        certificate="/ca.pem",
    )
    assert found.keyspace == "`re-cords`.`apps`.`rows`"
    assert "s/cr:t" not in repr(found)
