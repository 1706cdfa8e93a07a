"""Records in MongoDB: what goes wrong with it, and what the store does about it."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bson
import pymongo
import pytest
import trustme

from podium.errors import SetupError, StoreError
from podium.records.counted import Entry
from podium.records.open import open_store
from podium.records.store import InsertResult
from podium.records.stores.mongodb import MongoStore
from podium.records.stores.mongodb_client import MongoDatabase
from podium.testing.databases import MongoServer
from podium.testing.stores.counting import KEY, sums, tally
from podium.testing.stores.samples import feedback, ids, ids_of, sample

pytestmark = pytest.mark.slow

RECORDS, COUNTS = "podium_record", "podium_count"
READING = ("find", "listIndexes")
WRITING = ("find", "insert", "update", "remove")


@pytest.fixture
def address(mongodb) -> str:
    return mongodb.new_database()


@pytest.fixture
def store(address: str) -> Iterator[MongoStore]:
    store = MongoStore(address)
    yield store
    store.close()


@pytest.fixture
def database(address: str) -> Iterator[Any]:
    """The same database, past the store."""
    with pymongo.MongoClient[dict[str, Any]](address) as client:
        yield client.get_default_database()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """A server with users, whose password is `secret`, and TLS."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server = MongoServer()
    with server:
        with pymongo.MongoClient[dict[str, Any]](server.address_of("admin")) as client:
            admin = client["admin"]
            _add_role(admin, "writer", WRITING)
            _add_role(admin, "reader", READING)
            _add_user(admin, "maker", {"role": "readWrite", "db": "records"})
            for name in ("writer", "reader"):
                _add_user(admin, name, {"role": name, "db": "admin"})
        server.stop()
        pem = str(folder / "server.pem")
        server.options = ("--auth", "--tls-cert-file", pem, "--tls-key-file", pem)
        server.start()
        server.authority = folder / "ca.pem"
        yield server


def _add_role(admin: Any, name: str, actions: tuple[str, ...]) -> None:
    names = (RECORDS, COUNTS, f"{COUNTS}_source")
    privileges = [
        {"resource": {"db": "records", "collection": one}, "actions": [*actions]} for one in names
    ]
    admin.command("createRole", name, privileges=privileges, roles=[])


def _add_user(admin: Any, name: str, role: dict[str, str]) -> None:
    admin.command("createUser", name, pwd="secret", roles=[role])


def address_for(guarded: MongoServer, user: str) -> str:
    address = guarded.address_of("records", user=user)
    return f"{address}?authSource=admin&tls=true&tlsCAFile={guarded.authority}"


def test_a_database_that_is_away_is_a_store_error_without_the_password(free_port):
    where = f"mongodb://ada:secret@127.0.0.1:{free_port}/records?serverSelectionTimeoutMS=200"
    store = MongoStore(where)

    with pytest.raises(StoreError, match=r"ada:\*\*\*@127\.0\.0\.1") as raised:
        store.insert([sample(1)])

    assert "secret" not in str(raised.value)
    assert "Connection refused" in raised.value.message
    assert "Topology" not in raised.value.message
    assert "check that the database runs" in raised.value.hint
    store.close()


@pytest.mark.parametrize(
    "address",
    [
        "mongodb://",
        "mongodb://ada:secret",
        "mongodb://ada:sec:ret@host/db",
        "mongodb://ada:secret@host:port/db",
        "mongodb://ada:secret@host/db?readPreference=lukewarm",
        "mongodb://ada:secret@host/db?tlss=true",
        "mongodb+srv://ada:secret@host.example.com/db?tlss=true",
        "mongodb+srv://ada:secret@host.example.com:27017/db",
    ],
)
def test_an_address_that_is_invalid_is_refused_without_its_password(address: str):
    with pytest.raises(SetupError, match="URL of the store is invalid") as raised:
        open_store(address)

    assert "sec" not in f"{raised.value}{raised.value.__cause__}"
    assert "mongodb://user:password@host" in raised.value.hint


def test_a_file_of_certificates_that_is_missing_is_told():
    with pytest.raises(SetupError, match="can't be read") as raised:
        open_store("mongodb://host/?tls=true&tlsCAFile=/nowhere/ca.pem")

    assert "tlsCAFile" in raised.value.hint


def test_nothing_connects_before_it_is_used(free_port):
    before = threading.active_count()

    open_store(f"mongodb://127.0.0.1:{free_port}/").close()
    open_store("mongodb+srv://no.such.host.invalid/").close()

    assert threading.active_count() == before


def test_a_name_that_resolves_to_nothing_is_a_store_error():
    store = open_store("mongodb+srv://ada:secret@no.such.host.invalid/db")

    with pytest.raises(StoreError, match=r"no\.such\.host\.invalid") as raised:
        store.get(sample(1).id)

    assert "secret" not in str(raised.value)
    store.close()


def test_a_database_that_crashed_is_used_again():
    # Otherwise this server loses the latest writes, whatever its clients ask for.
    with MongoServer("--sync-on-commit") as server:
        store = MongoStore(f"{server.new_database()}?serverSelectionTimeoutMS=200")
        store.insert([sample(1)])
        server.stop(signal.SIGKILL)

        with pytest.raises(StoreError):
            store.insert([sample(2)])
        server.start()

        assert store.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)
        server.stop(signal.SIGKILL)
        server.start()
        assert store.delete([sample(2)]) == 1  # over a connection that is gone
        assert ids(store) == ids_of(1)
        store.close()


def test_a_database_that_answers_no_more_is_given_up():
    with MongoServer() as server:
        store = MongoStore(f"{server.new_database()}?socketTimeoutMS=300")
        store.insert([sample(1)])

        server.pause()
        with pytest.raises(StoreError, match="timed out"):
            store.insert([sample(2)])
        server.resume()

        assert store.set_feedback(sample(1).id, feedback())
        store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_that_was_forked_makes_connections_of_its_own(store):
    store.insert([sample(1)])

    pid = os.fork()
    if not pid:  # the child: whatever happens, it must end here
        status = 1
        try:
            store.insert([sample(2)])
            status = 0 if set(ids(store)) >= set(ids_of(2, 1)) else 2
            store.close()
        finally:
            os._exit(status)
    for n in range(10, 20):
        store.insert([sample(n)])
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert ids(store) == ids_of(*range(19, 9, -1), 2, 1)


def test_processes_that_make_the_indexes_at_once_all_find_them(address, database):
    stores = [MongoStore(address) for _ in range(6)]

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda n: stores[n].insert([sample(n)]), range(6)))

    assert results == [InsertResult(inserted=1)] * 6
    assert {one for one in database[RECORDS].index_information() if one != "_id_"} == {
        f"podium_record_by_{name}" for name in ("time", "model", "outcome", "key", "feedback")
    }
    for store in stores:
        store.close()


def test_a_database_without_a_name_is_called_podium(mongodb):
    store = MongoStore(mongodb.address_of(""))

    store.insert([sample(1)])

    with pymongo.MongoClient[dict[str, Any]](mongodb.address_of("")) as client:
        assert client["podium"][RECORDS].count_documents({}) == 1
    store.delete([sample(1)])
    store.close()


def test_documents_of_an_older_version_are_read(store, database):
    old = {name: getattr(sample(1), name) for name in ("time_us", "model", "version", "outcome")}
    database[RECORDS].insert_one({"_id": sample(1).id, **old, "inputs": "{}", "outputs": "{}"})

    record = store.get(sample(1).id)

    assert (record.source, record.role, record.feedback) == ("api", "primary", None)
    assert store.set_feedback(sample(1).id, feedback("Gentoo"))
    assert ids(store) == ids_of(1)


def test_numbers_are_pythons_own(store):
    store.insert([sample(1, latency_us=2**40)])

    record = store.get(sample(1).id)

    assert {type(record.time_us), type(record.latency_us), type(record.row_index)} == {int}


@pytest.mark.parametrize("n_bytes", [2**24, 2**24 + 2**16])
def test_a_document_that_is_too_large_fails_alone(store, n_bytes):
    """The server refuses it, or the driver, which sends it no more."""
    large = sample(2, inputs=b'{"text":"' + b"x" * n_bytes + b'"}')

    result = store.insert([sample(1), large, sample(3)])

    assert (result.inserted + result.duplicates, result.failed.keys()) == (2, {large.id})
    assert "too large" in result.failed[large.id]
    assert ids(store) == ids_of(3, 1)


def test_a_rule_of_the_collection_refuses_single_records(store, database):
    database.create_collection(RECORDS, validator={"latency_us": {"$lt": 1_000}})

    result = store.insert([sample(1), sample(2, latency_us=5_000)])

    assert result.inserted == 1
    assert "validation" in result.failed[sample(2).id]
    assert "Torgersen" not in str(result.failed)


def test_what_the_driver_says_of_documents_is_in_no_error(store, database):
    database.create_collection(RECORDS, validator={"feedback_truth": {"$exists": False}})
    store.insert([sample(1)])

    with pytest.raises(StoreError, match="validation") as raised:
        store.set_feedback(sample(1).id, feedback("Gent" + "oo"))

    assert "Gentoo" not in "".join(traceback.format_exception(raised.value))


def test_a_document_that_is_damaged_is_a_store_error():
    """MongoDB may hold one; the server of these tests takes none."""
    damaged = bson.encode({"model": "peng"}).replace(b"peng", b"pe\xffg")

    with (
        pytest.raises(StoreError, match="a document is damaged"),
        MongoDatabase(lambda: None, {}).failures(),
    ):
        bson.decode(damaged)


def test_an_index_of_the_application_makes_no_duplicate(store, database):
    database[RECORDS].create_index("business_key", unique=True, sparse=True)

    result = store.insert([sample(1, business_key="4711"), sample(2, business_key="4711")])

    assert (result.inserted, result.duplicates) == (1, 0)
    assert result.failed == {sample(2).id: "a unique index of business_key has its value"}


def test_corrections_that_meet_are_all_written(store):
    """Each reads what the other has written already."""
    store.insert([sample(n) for n in range(20)])

    def correct(truth: int) -> None:
        some = {sample(n).id: feedback(truth, time_us=truth) for n in range(20)}
        assert len(store.set_feedback_many(some, model="penguins")) == 20

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(correct, range(1, 5)))

    for n in range(20):
        said = store.get(sample(n).id).feedback
        assert said.earlier.count(b'"truth"') == 3, said


def test_counts_of_one_kind_in_an_entry_are_added_up(store):
    one = tally(1)

    store.counts.add(Entry("a", 1), [(KEY, one), (KEY, one)])

    assert sums(store.counts) == {KEY: [2, 0, 0]}
    assert one.counts.tolist() == [1, 0, 0]


def test_a_single_server_keeps_records_but_no_counts():
    with MongoServer("--standalone") as server:
        store = MongoStore(server.new_database())

        assert store.insert([sample(1), sample(1)]) == InsertResult(inserted=1, duplicates=1)
        assert store.set_feedback(sample(1).id, feedback())
        assert not store.counts.is_there()
        assert store.delete([sample(1)]) == 1
        store.close()


def test_users_need_no_more_rights_than_the_page_says(guarded):
    """The role readWrite makes what is missing; then four actions are enough."""
    writer = MongoStore(address_for(guarded, "writer:secret"))
    maker = MongoStore(address_for(guarded, "maker:secret"))

    assert maker.insert([sample(1)]) == InsertResult(inserted=1)
    assert maker.counts.is_there()

    assert writer.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)
    assert writer.set_feedback(sample(1).id, feedback())
    assert writer.counts.is_there()
    writer.counts.add(Entry("a", 1), [(KEY, tally(1))])
    assert sums(writer.counts) == {KEY: [1, 0, 0]}
    assert writer.delete([sample(1), sample(2)]) == 2
    maker.close()
    writer.close()


def test_a_user_who_may_not_write_is_told_which_role_is_needed(guarded):
    reader = MongoStore(address_for(guarded, "reader:secret"))
    maker = MongoStore(address_for(guarded, "maker:secret"))
    maker.get(sample(1).id)

    with pytest.raises(StoreError, match="not authorized") as raised:
        reader.insert([sample(1)])

    assert "readWrite" in raised.value.hint
    assert "Torgersen" not in str(raised.value)
    assert reader.get(sample(1).id) is None
    reader.close()
    maker.close()


def test_a_wrong_password_is_a_store_error_that_tells_where_users_are_known(guarded):
    store = MongoStore(address_for(guarded, "maker:wr0ng"))

    with pytest.raises(StoreError, match=r"[Aa]uthentication") as raised:
        store.get(sample(1).id)

    assert "authSource" in raised.value.hint
    assert "wr0ng" not in f"{raised.value}{raised.value.__cause__}"
    store.close()


def test_a_server_without_a_certificate_that_is_trusted_is_refused(guarded):
    address = guarded.address_of("records", user="maker:secret")
    store = MongoStore(f"{address}?authSource=admin&tls=true&serverSelectionTimeoutMS=500")

    with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
        store.get(sample(1).id)

    store.close()


def test_a_database_of_the_application_is_left_open(database):
    store = MongoStore(lambda: database, collection="predictions")
    store.insert([sample(1)])

    store.close()

    with pytest.raises(StoreError, match="closed"):
        store.get(sample(1).id)
    assert database["predictions"].find_one()["_id"] == sample(1).id
