"""The contract over DynamoDB's protocol, and what the contract doesn't know of it."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

from podium.errors import InputError, SetupError, StoreError
from podium.outbox.outboxed import OutboxedStore
from podium.records.open import open_store
from podium.records.store import InsertResult, RecordQuery, Store
from podium.records.stores import dynamodb_days, dynamodb_reads, dynamodb_table
from podium.records.stores.dynamodb import DynamoStore
from podium.testing.stores.keeping import Keeping
from podium.testing.stores.samples import (
    NOON_US,
    decoded,
    feedback,
    ids,
    ids_of,
    pages,
    sample,
)

sys.path.insert(0, str(Path(__file__).parent))
from shortened import IS_SHORT, ShortContract

pytestmark = pytest.mark.slow
DAY_US = 86_400_000_000


class TestDynamoStoreOnDynalite(ShortContract):
    @pytest.fixture
    def store(self, dynalite) -> Iterator[Store]:
        store = DynamoStore(dynalite.new_database())
        yield store
        store.close()


class TestDynamoStoreOnMoto(ShortContract):
    # moto checks a condition and writes in two steps, between which another thread may write.
    test_threads_that_correct_a_record_lose_no_earlier_truth = None
    test_threads_that_insert_the_same_records_keep_each_once = None
    test_threads_that_read_see_whole_pages_while_others_write = None
    if IS_SHORT:  # many requests, of which it needs 5 to 20 ms for each; dynalite gets them, too
        test_filters_leave_what_fits_and_in_order = None
        test_pages_of_every_size_hold_every_record_once = None
        test_oldest_first_pages_of_every_size_hold_every_record_once = None
        test_texts_fit_only_themselves = None
        test_every_beginning_of_an_id_finds_it = None

    @pytest.fixture
    def store(self, moto) -> Iterator[Store]:
        store = DynamoStore(moto.new_database())
        yield store
        store.close()


class TestDynamoStoreBehindAnOutbox(Keeping):
    @pytest.fixture
    def store(self, dynalite, tmp_path: Path) -> Iterator[Store]:
        store = OutboxedStore(DynamoStore(dynalite.new_database()), tmp_path / "outbox")
        yield store
        store.close()


@pytest.fixture
def address(dynalite) -> str:
    return dynalite.new_database()


@pytest.fixture
def store(address) -> Iterator[DynamoStore]:
    store = DynamoStore(address)
    yield store
    store.close()


def test_of_several_records_with_one_id_in_a_batch_the_first_is_stored(store):
    first = [sample(n) for n in range(40)]

    result = store.insert([*first, *(sample(n, outcome="Gentoo") for n in range(40))])

    assert result == InsertResult(inserted=40, duplicates=40)
    assert [one.outcome for one in store.page(RecordQuery(), limit=50).records] == ["Adelie"] * 40


def test_feedback_for_many_and_deletion_by_many_are_counted_by_record(store):
    records = [sample(n) for n in range(120)]
    store.insert([*records, sample(200, model="another")])
    truths = {sample(n).id: feedback(float(n)) for n in (*range(100), 200, 300)}

    found = store.set_feedback_many({**truths, "\ud800": feedback()}, model=sample(0).model)
    with ThreadPoolExecutor(4) as threads:
        orders = (records, records[::-1], records[60:] + records[:60])
        deleted = list(threads.map(store.delete, orders))

    assert found == {one.id for one in records[:100]}
    assert sum(deleted) == 120
    assert ids(store) == ids_of(200)


def test_a_record_is_found_by_its_id_alone_whatever_its_time(store):
    odd = sample(3, time_us=NOON_US - DAY_US)
    some = [sample(n, time_us=NOON_US + 1_007) for n in (1, 2)]
    store.insert([odd, *some])

    assert decoded(store.get(odd.id)) == decoded(odd)
    assert store.set_feedback(odd.id, feedback()) is True
    assert store.get(some[0].id) == some[0]
    assert store.get(sample(4).id) is None


def test_what_is_too_large_for_an_item_fails_alone(store):
    noise = random.Random(1).randbytes(500_000).hex()
    large = sample(1, inputs=json.dumps({"essay": noise}).encode())

    result = store.insert([large, sample(2)])

    assert result.inserted == 1
    assert "409600" in result.failed[large.id]
    assert ids(store) == ids_of(2)
    with pytest.raises(InputError, match="can't store this feedback"):
        store.set_feedback(sample(2).id, feedback(noise))
    assert store.get(sample(2).id) == sample(2)


def test_a_filter_that_fits_few_records_gives_short_pages_to_the_end(address, monkeypatch):
    monkeypatch.setattr(dynamodb_reads, "REQUESTS_A_SLICE", 1)
    store = DynamoStore(address.replace("shards=2", "shards=1"))
    noise = random.Random(2)
    some = [
        sample(n, inputs=json.dumps({"essay": noise.randbytes(60_000).hex()}).encode())
        for n in range(1, 31)
    ]
    store.insert([*some, sample(40, outcome="Gentoo"), sample(0, outcome="Gentoo")])

    listed = list(pages(store, RecordQuery(outcome="Gentoo"), limit=5))
    store.close()

    assert [one.id for page in listed for one in page] == ids_of(40, 0)
    assert len(listed) > 1


def test_the_creator_of_the_table_decides_its_shards(address):
    first, second = (DynamoStore(address.replace("shards=2", f"shards={n}")) for n in (1, 16))
    first.insert([sample(n) for n in range(20)])
    second.insert([sample(n) for n in range(20, 40)])

    assert ids(second) == ids(first) == ids_of(*range(39, -1, -1))
    first.close()
    second.close()


def test_days_without_records_leave_the_list_unless_somebody_wrote_meanwhile(store):
    days = dynamodb_days.DynamoDays(store._table)
    now = sample(1, time_us=time.time_ns() // 1_000)
    store.insert([sample(0), sample(2, time_us=NOON_US + DAY_US), now])
    everything = (0, 2**53 - 1)
    listed = list(days.between(*everything, order="oldest"))
    mark = days.mark_of(listed[1])

    store.delete([sample(0), now])
    left = list(days.between(*everything, order="oldest"))
    days.keep({listed[1]})
    days.remove(listed[1], mark)

    assert [listed[0], listed[1]] == ["2026-03-01", "2026-03-02"]
    assert left == listed[1:]  # today stays, too
    assert list(days.between(*everything, order="newest")) == left[::-1]
    store.insert([sample(0)])
    assert ids(store)[-1:] == ids_of(0)


def test_servers_that_start_at_once_share_a_table(address):
    stores = [DynamoStore(address) for _ in range(4)]

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda one: one.insert([sample(1), sample(2)]), stores))

    assert sum(one.inserted for one in results) == 2
    assert ids(stores[0]) == ids_of(2, 1)
    for one in stores:
        one.close()


def test_a_missing_table_is_created_only_if_that_is_allowed(address):
    store = DynamoStore(f"{address}&create=no")

    with pytest.raises(StoreError, match="ResourceNotFoundException"):
        store.insert([sample(1)])

    store.close()


def test_a_table_of_somebody_elses_is_an_error_and_left_alone(moto):
    address = moto.new_database()
    client = boto3.client("dynamodb", "eu-central-1", endpoint_url=f"http://127.0.0.1:{moto.port}")
    name = address.removeprefix("dynamodb://").partition("?")[0]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "order", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "order", "AttributeType": "S"}],
    )
    store = DynamoStore(address)

    for use in (lambda: store.insert([sample(1)]), lambda: store.page(RecordQuery(), limit=1)):
        with pytest.raises(StoreError, match="ValidationException"):
            use()

    assert client.scan(TableName=name)["Items"] == []
    client.close()
    store.close()


def test_records_expire_by_themselves_if_asked(moto):
    address = f"{moto.new_database()}&ttl_days=30"
    store = DynamoStore(address)
    store.insert([sample(1)])
    client = boto3.client("dynamodb", "eu-central-1", endpoint_url=f"http://127.0.0.1:{moto.port}")
    table = store._table.address.table

    ttl = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    items = client.scan(TableName=table)["Items"]
    client.close()
    store.close()

    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_s"}
    expiries = {one["partition"]["S"]: one.get("expires_s", {}).get("N") for one in items}
    record_s = NOON_US // 1_000_000 + 30 * 86_400
    assert expiries.pop("podium") is None
    assert int(expiries.pop("days")) > record_s
    assert list(expiries.values()) == [str(record_s)]


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("dynamodb://ada:secret@podium?region=eu-central-1", "contains credentials"),
        ("dynamodb://?region=eu-central-1", "no valid table name"),
        ("dynamodb://podium/other", "no valid table name"),
        ("dynamodb://podium?aws_secret_access_key=secret", "no option aws_secret_access_key"),
        ("dynamodb://podium?endpoint=http://ada:secret@127.0.0.1:8000", "without credentials"),
        ("dynamodb://podium?endpoint=ftp://127.0.0.1", "no http"),
        ("dynamodb://podium?shards=0", "a number from 1 to 64"),
        ("dynamodb://podium?ttl_days=-1", "a number from 1 to"),
        ("dynamodb://podium?create=maybe", "neither yes nor no"),
    ],
)
def test_an_invalid_address_is_refused_without_its_secrets(address, problem):
    with pytest.raises(SetupError) as raised:
        open_store(address)

    assert problem in raised.value.message
    assert "secret@" not in str(raised.value)
    assert "=secret" not in str(raised.value)


def test_nothing_is_connected_until_the_store_is_used(free_port, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")
    store = DynamoStore(f"dynamodb://podium?region=local&endpoint=http://127.0.0.1:{free_port}")

    with pytest.raises(StoreError, match="Could not connect") as raised:
        store.page(RecordQuery(), limit=1)

    assert "secret-key" not in f"{raised.value} {raised.value.hint}"
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.insert([sample(1)])


def test_missing_credentials_and_a_missing_region_are_explained(tmp_path, monkeypatch, free_port):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    endpoint = f"endpoint=http://127.0.0.1:{free_port}"

    for address, hint in (
        (f"dynamodb://podium?{endpoint}", "region="),
        (f"dynamodb://podium?region=local&{endpoint}", "AWS_PROFILE"),
    ):
        store = DynamoStore(address)
        with pytest.raises(StoreError) as raised:
            store.get(sample(1).id)
        assert hint in str(raised.value.hint)
        store.close()


def test_a_server_that_restarts_in_between_is_found_again(dynalite, store):
    store.insert([sample(1)])

    dynalite.stop(signal.SIGKILL)
    with pytest.raises(StoreError):
        store.get(sample(1).id)
    dynalite.start()

    assert store.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)
    assert ids(store) == ids_of(2, 1)


def test_records_wait_in_the_outbox_while_the_server_is_away(dynalite, address, tmp_path):
    store = OutboxedStore(DynamoStore(address), tmp_path / "outbox")
    store.insert([sample(1)])

    dynalite.stop(signal.SIGKILL)
    store.insert([sample(n) for n in range(2, 40)])
    dynalite.start()

    until_s = time.monotonic() + 60
    reader = DynamoStore(address)
    while (found := ids(reader)) != ids_of(*range(39, 0, -1)) and time.monotonic() < until_s:
        time.sleep(0.1)
    assert found == ids_of(*range(39, 0, -1))
    reader.close()
    store.close()


def test_a_server_that_hangs_is_given_up(dynalite, address, monkeypatch):
    monkeypatch.setattr(dynamodb_table, "READ_S", 0.5)
    store = DynamoStore(address)
    store.insert([sample(1)])

    dynalite.pause()
    with pytest.raises(StoreError, match="timeout"):
        store.get(sample(1).id)
    dynalite.resume()

    assert store.get(sample(1).id) == sample(1)
    store.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_opens_connections_of_its_own(store):
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


class Relay(ThreadingHTTPServer):
    """Passes requests on to a server, but answers the first ones with failures of its own."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = port
        self.failures: list[str] = []
        self.n_failed = 0
        self.operations: set[str] = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        relay = self.server
        assert isinstance(relay, Relay)
        relay.operations.add(self.headers["x-amz-target"].partition(".")[2])
        if relay.failures:
            code = relay.failures[0] if relay.failures[0].endswith("!") else relay.failures.pop(0)
            relay.n_failed += 1
            if code == "drop":
                self.close_connection = True
                return
            kind = f"com.amazonaws.dynamodb.v20120810#{code.rstrip('!')}"
            self._send(400, json.dumps({"__type": kind, "message": "no"}).encode())
            return
        connection = HTTPConnection("127.0.0.1", relay.target)
        connection.request("POST", "/", body, dict(self.headers))
        response = connection.getresponse()
        self._send(response.status, response.read())
        connection.close()

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def relay(dynalite) -> Iterator[Relay]:
    relay = Relay(dynalite.port)
    yield relay
    relay.shutdown()
    relay.server_close()


@pytest.fixture
def relayed(dynalite, address, relay) -> Iterator[DynamoStore]:
    store = DynamoStore(address.replace(str(dynalite.port), str(relay.server_port)))
    store.insert([sample(1)])
    yield store
    store.close()


def test_no_operation_is_sent_for_which_the_documentation_asks_no_right(relay, relayed):
    policy = (Path(__file__).parents[2] / "docs/how-to/dynamodb.md").read_text("utf-8")
    rights = set(re.findall(r'"dynamodb:(\w+)"', policy))
    creation = set(relay.operations)
    relay.operations.clear()

    relayed.insert([sample(2), sample(3, business_key="order 7", time_us=NOON_US)])
    relayed.page(RecordQuery(model="penguins"), limit=2)
    relayed.page(RecordQuery(business_keys=("order 7",)), limit=2)
    relayed.get(sample(2).id)
    relayed.set_feedback(sample(3).id, feedback())
    relayed.delete([sample(n) for n in (1, 2)] + [sample(3, time_us=NOON_US)])

    assert relay.operations == rights
    assert creation - rights == {"CreateTable", "DescribeTable"}
    assert all(f"`dynamodb:{name}`" in policy for name in creation - rights)


def test_throttled_requests_are_repeated_and_logged(relay, relayed, caplog):
    relay.failures = ["ProvisionedThroughputExceededException", "ThrottlingException", "drop"]

    result = relayed.insert([sample(2)])

    assert result == InsertResult(inserted=1)
    assert relay.n_failed == 3
    assert [one.message.partition(":")[0] for one in caplog.records] == ["store_throttled"]


def test_a_table_that_stays_throttled_is_an_error_after_a_while(
    relay, relayed, monkeypatch, caplog
):
    monkeypatch.setattr(dynamodb_table, "THROTTLED_S", 1.0)
    relay.failures = ["ProvisionedThroughputExceededException!"]

    with pytest.raises(StoreError, match="throttled") as raised:
        relayed.insert([sample(2), sample(3)])
    relay.failures = []
    assert len(caplog.records) == 1  # for all threads together

    assert "capacity" in str(raised.value.hint)
    assert relay.n_failed > 2
    # The thread of the other record may have gone on for a moment.
    relayed.insert([sample(2), sample(3)])
    assert ids(relayed) == ids_of(3, 2, 1)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("AccessDeniedException", "permissions"),
        ("UnrecognizedClientException", "credentials"),
        ("ExpiredTokenException", "renew"),
    ],
)
def test_refused_credentials_and_missing_rights_are_explained_at_once(relay, relayed, code, hint):
    relay.failures = [f"{code}!"]

    for use in (
        lambda: relayed.insert([sample(2)]),
        lambda: relayed.page(RecordQuery(), limit=1),
        lambda: relayed.set_feedback(sample(1).id, feedback()),
        lambda: relayed.delete([sample(1)]),
    ):
        with pytest.raises(StoreError, match=code) as raised:
            use()
        assert hint in str(raised.value.hint)
    relay.failures = []

    assert relay.n_failed == 4
    assert ids(relayed) == ids_of(1)
