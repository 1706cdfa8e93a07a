"""Records in Elasticsearch and OpenSearch: what goes wrong with them, and what they do about it."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
import trustme

from podium.errors import StoreError
from podium.outbox.outboxed import OutboxedStore
from podium.records.open import open_store
from podium.records.store import InsertResult, RecordQuery, Store, drop_before
from podium.records.stores.search_address import API_KEY
from podium.testing.databases import NoidaServer
from podium.testing.stores.samples import NOON_US, decoded, feedback, ids, ids_of, sample

sys.path.insert(0, str(Path(__file__).parent))
from search_gate import Gate, gate_before

pytestmark = pytest.mark.slow
DAY_US = 86_400_000_000
SCHEMES = ("elasticsearch", "opensearch")


@pytest.fixture(params=SCHEMES)
def scheme(request) -> str:
    return request.param


@pytest.fixture
def gate(elasticsearch) -> Iterator[Gate]:
    with gate_before(elasticsearch.url) as gate:
        yield gate


@pytest.fixture
def prefix(elasticsearch) -> str:
    """The beginning of indices that no other test has."""
    return elasticsearch.new_database().rpartition("/")[2]


@pytest.fixture
def store(gate: Gate, scheme: str, prefix: str) -> Iterator[Store]:
    store = open_store(f"{scheme}://ada:hush@127.0.0.1:{gate.port}/{prefix}?timeout=5")
    yield store
    store.close()


def of_day(day: int, **changes: object):
    """A record of some day of 2026, as a server makes it."""
    time_us = 1_767_225_600_000_000 + day * DAY_US
    id_ = f"{time_us // 1_000:012x}7{day % 4096:03x}8{day:015x}"
    return sample(0, id=id_, time_us=time_us, **changes)


def test_wrong_credentials_are_told_without_the_password(store: Store, gate: Gate) -> None:
    gate.refuse(".", 401, "security_exception", "unable to authenticate user [ada]")

    with pytest.raises(StoreError, match="unable to authenticate") as raised:
        store.insert([sample(1)])

    assert "hush" not in str(raised.value)
    assert "check the user and the password" in raised.value.hint


def test_credentials_and_the_key_of_an_api_are_sent(gate: Gate, prefix: str, monkeypatch) -> None:
    monkeypatch.setenv(API_KEY, "c2VjcmV0")
    for user in ("ada:hush@", ""):
        store = open_store(f"elasticsearch://{user}127.0.0.1:{gate.port}/{prefix}")
        store.get(sample(1).id)
        store.close()

    sent = {headers.get("authorization") for _, headers, _ in gate.seen}
    assert sent == {"Basic YWRhOmh1c2g=", "ApiKey c2VjcmV0"}


def test_an_older_or_newer_server_is_asked_in_its_own_version(gate: Gate, prefix: str) -> None:
    store = open_store(f"elasticsearch://127.0.0.1:{gate.port}/{prefix}")
    store.insert([sample(1)])
    store.close()

    kinds = {headers["accept"] for _, headers, _ in gate.seen}
    assert kinds == {"application/vnd.elasticsearch+json; compatible-with=8"}


def test_a_user_with_few_rights_gets_by_if_there_are_indices(
    store: Store, gate: Gate, elasticsearch, prefix: str
) -> None:
    other = open_store(f"elasticsearch://127.0.0.1:{elasticsearch.port}/{prefix}")
    other.insert([sample(1)])
    other.close()
    for pattern in ("_index_template", "_mapping", "_refresh", "PUT /[^/_]+$", "DELETE /", "_sett"):
        gate.refuse(pattern, 403, "security_exception", "action is unauthorized for user [ada]")

    assert store.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)
    assert store.set_feedback(sample(2).id, feedback()) is True
    assert drop_before(store, NOON_US + 400 * DAY_US) == 0
    assert store.delete([sample(1)]) == 1
    store.page(RecordQuery(), limit=5)
    elasticsearch_refresh(elasticsearch, prefix)
    assert ids(store) == ids_of(2)
    assert len(gate.requests("_refresh")) == 1, "once it is refused, it isn't tried again"


def test_a_missing_right_is_told(store: Store, gate: Gate) -> None:
    reason = "action [indices:data/read/search] is unauthorized for user [ada]"
    gate.refuse("_search", 403, "security_exception", reason)

    with pytest.raises(StoreError, match="data/read/search") as raised:
        store.page(RecordQuery(), limit=1)

    assert "give the user the rights" in raised.value.hint


def elasticsearch_refresh(server: NoidaServer, prefix: str) -> None:
    import httpx

    httpx.post(f"{server.url}/{prefix}-records-*/_refresh").raise_for_status()


def test_an_unreachable_address_is_given_up_in_time(scheme: str) -> None:
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):  # then the system accepts no more
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        store = open_store(f"{scheme}://127.0.0.1:{port}/podium?timeout=1")

        began_s = time.monotonic()
        with pytest.raises(StoreError, match=f"{scheme}://127.0.0.1:{port}/podium"):
            store.get(sample(1).id)
        assert time.monotonic() - began_s < 60
        store.close()


def test_an_address_where_nothing_listens_is_told(scheme: str, free_port: int) -> None:
    store = open_store(f"{scheme}://ada:hush@127.0.0.1:{free_port}/podium")

    with pytest.raises(StoreError, match="nothing listens there") as raised:
        store.insert([sample(1)])

    assert "hush" not in str(raised.value)
    assert "check that it runs" in raised.value.hint
    store.close()


def test_a_host_that_does_not_exist_is_told(scheme: str) -> None:
    store = open_store(f"{scheme}://no-such-host.invalid/podium")

    with pytest.raises(StoreError, match="there is no such host"):
        store.get(sample(1).id)

    store.close()


def test_a_server_that_hangs_is_given_up_in_time(scheme: str) -> None:
    with NoidaServer() as server:
        store = open_store(f"{scheme}://127.0.0.1:{server.port}/podium?timeout=3")
        store.insert([sample(1)])
        server.pause()
        with pytest.raises(StoreError, match="doesn't respond in time"):
            store.page(RecordQuery(), limit=1)
        server.resume()

        assert ids(store) == ids_of(1)
        store.close()


def test_a_server_that_comes_back_is_used_again(scheme: str) -> None:
    with NoidaServer() as server:
        store = open_store(f"{scheme}://127.0.0.1:{server.port}/podium")
        store.insert([sample(1)])
        server.stop()
        with pytest.raises(StoreError):
            store.insert([sample(2)])
        server.start()

        assert store.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)
        assert ids(store) == ids_of(2, 1)
        store.close()


def test_a_lost_response_is_repeated_and_inserts_once(store: Store, gate: Gate) -> None:
    gate.rules["_bulk"] = "lose"

    result = store.insert([sample(1), sample(2)])

    assert result == InsertResult(inserted=0, duplicates=2)
    assert ids(store) == ids_of(2, 1)


def test_a_connection_that_always_breaks_is_an_error(store: Store, gate: Gate) -> None:
    store.insert([sample(1)])
    gate.rules["_search"] = "drop"

    with pytest.raises(StoreError, match="it can't be reached"):
        store.page(RecordQuery(), limit=1)


def test_a_full_disk_refuses_records_says_so_and_recovers(
    store: Store, gate: Gate, elasticsearch, prefix: str
) -> None:
    store.insert([sample(1)])
    path = f"/{prefix}-records-2026.03/_settings"
    is_full = "index.blocks.read_only_allow_delete"
    gate.client.put(path, json={is_full: True}).raise_for_status()

    for call in (
        lambda: store.insert([sample(2)]),
        lambda: store.set_feedback(sample(1).id, feedback()),
        lambda: store.set_feedback_many({sample(1).id: feedback()}, model="penguins"),
    ):
        with pytest.raises(StoreError, match="disk usage exceeded") as raised:
            call()
        assert "free disk space" in raised.value.hint
    assert ids(store) == ids_of(1)

    gate.client.put(path, json={is_full: None}).raise_for_status()
    assert store.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)


def test_an_index_that_somebody_has_blocked_is_told(store: Store, gate: Gate, prefix: str) -> None:
    store.insert([sample(1)])
    gate.client.put(f"/{prefix}-records-2026.03/_settings", json={"index.blocks.write": True})

    with pytest.raises(StoreError, match="index write") as raised:
        store.insert([sample(2)])

    assert "remove the block" in raised.value.hint


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, "es_rejected_execution_exception"), (503, "circuit_breaking_exception")],
)
def test_a_cluster_with_too_much_to_do_is_an_error_and_nothing_fails_alone(
    store: Store, gate: Gate, status: int, kind: str
) -> None:
    error = {"type": kind, "reason": "rejected execution of coordinating operation"}
    item = {"create": {"_index": "x", "_id": sample(1).id, "status": status, "error": error}}
    for rule in ((200, {"errors": True, "items": [item]}), (status, {"error": error})):
        gate.rules["_bulk"] = rule
        with pytest.raises(StoreError, match=kind):
            store.insert([sample(1)])

    gate.rules.clear()
    assert store.insert([sample(1)]) == InsertResult(inserted=1)


def test_a_shard_that_fails_is_no_page_with_fewer_records(store: Store, gate: Gate) -> None:
    store.insert([sample(1)])
    store.page(RecordQuery(), limit=1)

    assert all("allow_partial_search_results=false" in one for one in gate.requests("_search"))
    gate.refuse("_search", 503, "search_phase_execution_exception", "Partial shards failure")
    with pytest.raises(StoreError, match="Partial shards failure"):
        store.page(RecordQuery(), limit=1)


def test_a_record_that_the_cluster_cannot_read_fails_alone_and_its_values_stay_out(
    store: Store, gate: Gate, prefix: str
) -> None:
    mapping = {"mappings": {"properties": {"actor": {"type": "ip"}}}}
    store.get(sample(1).id)  # the template and so on are there
    gate.client.put(f"/{prefix}-records-2026.03", json=mapping).raise_for_status()

    result = store.insert([sample(1, actor="127.0.0.1"), sample(2, actor="ada-lovelace")])

    assert (result.inserted, list(result.failed)) == (1, [sample(2).id])
    assert "parsing_exception" in result.failed[sample(2).id]
    assert "lovelace" not in result.failed[sample(2).id]


def test_indices_of_another_program_are_refused(store: Store, gate: Gate, prefix: str) -> None:
    mapping = {"mappings": {"properties": {"time_us": {"type": "keyword"}}}}
    gate.client.put(f"/{prefix}-records-2026.03", json=mapping).raise_for_status()

    with pytest.raises(StoreError, match="cannot be changed from type") as raised:
        store.insert([sample(1)])

    assert "put another prefix into the URL" in raised.value.hint


def test_a_request_that_is_too_large_is_sent_in_halves(store: Store, gate: Gate) -> None:
    gate.bytes_max = 20_000
    large = sample(9, inputs=msgspec.json.encode({"essay": "x" * 30_000}))

    result = store.insert([*(sample(n) for n in range(8)), large, *(sample(n) for n in (10, 11))])

    assert result.inserted == 10
    assert "accepts no request of 3" in result.failed[large.id]
    assert len(ids(store)) == 10


@pytest.mark.parametrize("answer", [(502, "<h1>Bad gateway</h1>"), (200, "<h1>Log in</h1>")])
def test_what_is_no_search_server_is_told(store: Store, gate: Gate, answer) -> None:
    gate.rules["."] = answer

    with pytest.raises(StoreError) as raised:
        store.get(sample(1).id)

    assert str(raised.value).strip()


def test_another_product_is_told(opensearch) -> None:
    store = open_store(f"elasticsearch://127.0.0.1:{opensearch.port}/podium")

    with pytest.raises(StoreError, match="opensearch://"):
        store.insert([sample(1)])

    store.close()


def test_two_servers_that_start_at_once_both_write(elasticsearch, scheme: str, prefix: str) -> None:
    url = f"{scheme}://127.0.0.1:{elasticsearch.port}/{prefix}"
    stores = [open_store(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        batches = [[sample(n), sample(n + 1)] for n in range(4)]
        results = list(threads.map(lambda store, batch: store.insert(batch), stores, batches))

    assert sum(one.inserted for one in results) == 5
    assert sum(one.duplicates for one in results) == 3
    assert ids(stores[0]) == ids_of(4, 3, 2, 1, 0)
    for store in stores:
        store.close()


def test_a_template_of_a_later_version_is_left_alone(store: Store, gate: Gate, prefix: str) -> None:
    later = {"index_patterns": [f"{prefix}-records-*"], "version": 9, "priority": 300}
    path = f"/_index_template/{prefix}-records"
    gate.client.put(path, json=later).raise_for_status()

    store.insert([sample(1)])

    assert gate.requests("PUT /_index_template") == []
    assert ids(store) == ids_of(1)


def test_an_index_that_somebody_deleted_is_made_again(
    store: Store, gate: Gate, prefix: str
) -> None:
    store.insert([sample(1)])
    gate.client.delete(f"/{prefix}-records-2026.03").raise_for_status()
    error = {"type": "index_not_found_exception", "reason": "no such index"}
    item = {"create": {"_id": sample(1).id, "status": 404, "error": error}}
    gate.rules["_bulk"] = 200, {"errors": True, "items": [item]}  # where none is made by a write
    with pytest.raises(StoreError, match="no such index"):
        store.insert([sample(1)])
    gate.rules.clear()

    assert store.insert([sample(1)]).inserted == 1
    assert len(gate.requests(f"PUT /{prefix}-records-2026.03")) == 2


def test_a_record_of_an_older_version_is_read(store: Store, gate: Gate, prefix: str) -> None:
    store.insert([sample(1)])
    path = f"/{prefix}-records-2026.03/_doc/{sample(1).id}"
    source = gate.client.get(path).json()["_source"]
    for name in ("row_index", "role", "source", "latency_us"):
        source.pop(name)
    gate.client.put(path, json=source).raise_for_status()

    found = store.get(sample(1).id)

    assert decoded(found) == decoded(sample(1, latency_us=0))


def test_an_id_has_one_place_whenever_it_comes_back(store: Store) -> None:
    late = msgspec.structs.replace(sample(1), time_us=NOON_US + 90 * DAY_US)

    assert store.insert([sample(1)]).inserted == 1
    assert store.insert([late]).duplicates == 1
    assert ids(store) == ids_of(1)


def test_old_months_are_dropped_whole_and_others_record_by_record(
    store: Store, gate: Gate, prefix: str
) -> None:
    days = (3, 20, 33, 58, 59, 89, 95)  # January, February, March (59 to 89), April
    store.insert([of_day(day) for day in days])
    odd = msgspec.structs.replace(of_day(40), time_us=of_day(200).time_us)
    store.insert([odd])

    assert drop_before(store, of_day(70).time_us) == 2  # February has a record that isn't old

    left = [of_day(day).id for day in (33, 58, 59, 89, 95)]
    assert ids(store, order="oldest") == [*left, odd.id]
    assert len(gate.requests("DELETE ")) == 1
    store.delete([odd])
    assert drop_before(store, of_day(70).time_us) == 2
    assert drop_before(store, of_day(70).time_us) == 0
    assert store.insert([of_day(33)]).inserted == 1, "a late record makes the index again"
    assert store.page(RecordQuery(), limit=9).records[-1].id == of_day(33).id


def test_retention_drops_months_also_from_a_full_disk(
    store: Store, gate: Gate, prefix: str, tmp_path: Path
) -> None:
    n_days = int(time.time() * 1e6 - of_day(0).time_us) // DAY_US
    outboxed = OutboxedStore(store, tmp_path / "outbox", keep_days=n_days - 45)
    store.insert([of_day(day) for day in (3, 40, 50)])
    gate.client.put(
        f"/{prefix}-records-2026.01/_settings",
        json={"index.blocks.read_only_allow_delete": True},
    ).raise_for_status()

    outboxed.insert([of_day(60)])
    until_s = time.monotonic() + 60
    while len(ids(store)) != 2 and time.monotonic() < until_s:
        time.sleep(0.05)
    outboxed.close()

    assert gate.requests(f"DELETE /{prefix}-records-2026.01")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_has_connections_of_its_own(store: Store) -> None:
    store.insert([sample(1)])

    child = os.fork()
    if child == 0:
        try:
            store.insert([sample(2)])
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert ids(store) == ids_of(2, 1)


def test_more_than_ten_thousand_records_come_page_by_page_and_as_one(elasticsearch) -> None:
    store = open_store(elasticsearch.new_database())
    store.insert([sample(n) for n in range(10_050)])

    page = store.page(RecordQuery(), limit=20_000)
    listed = ids(store, limit=2_500)

    assert page.cursor is None
    assert [one.id for one in page.records] == listed == ids_of(*range(10_049, -1, -1))
    store.close()


def test_an_export_refreshes_once_and_a_page_after_a_change_again(store: Store, gate: Gate) -> None:
    store.insert([sample(n) for n in range(8)])
    assert ids(store, limit=2) == ids_of(*range(7, -1, -1))
    assert len(gate.requests("_refresh")) == 1

    cursor = store.page(RecordQuery(), limit=2).cursor
    store.set_feedback(sample(4).id, feedback())
    page = store.page(RecordQuery(has_feedback=True), limit=2, cursor=cursor)
    gate.refuse("_bulk", 503, "unavailable_shards_exception")
    with pytest.raises(StoreError):
        store.insert([sample(9)])
    store.page(RecordQuery(), limit=2, cursor=cursor)

    assert [one.id for one in page.records] == ids_of(4)
    assert len(gate.requests("_refresh")) == 4


@pytest.mark.parametrize("server", ["elasticsearch", "opensearch"])
def test_texts_of_any_length_are_found_exactly(server: str, request) -> None:
    store = open_store(request.getfixturevalue(server).new_database())
    texts = ["é" * n for n in (999, 1_000, 1_001, 40_000, 40_001)] + ["😀" * 1_000]
    result = store.insert(
        [sample(n, outcome=text, actor=text, owner=text) for n, text in enumerate(texts)]
    )

    assert result == InsertResult(inserted=len(texts))
    for n, text in enumerate(texts):
        for query in (RecordQuery(outcome=text), RecordQuery(actor=text, owner=text)):
            assert ids(store, query) == ids_of(n), len(text)
    store.close()


@pytest.mark.parametrize("server", ["elasticsearch", "opensearch"])
def test_both_zeros_are_one_number(server: str, request) -> None:
    store = open_store(request.getfixturevalue(server).new_database())
    store.insert([sample(1, outcome_number=-0.0), sample(2, outcome_number=0.0)])

    for query in (
        RecordQuery(outcome_min=0.0),
        RecordQuery(outcome_max=-0.0),
        RecordQuery(outcome_min=0.0, outcome_max=0.0),
    ):
        assert ids(store, query) == ids_of(2, 1), query
    store.close()


def test_a_certificate_is_verified_by_its_signature_or_its_fingerprint(
    elasticsearch, scheme: str, prefix: str, tmp_path: Path
) -> None:
    authority, path = trustme.CA(), tmp_path / "server.pem"
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(path)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")

    with gate_before(elasticsearch.url, path) as gate:
        url = f"{scheme}+https://127.0.0.1:{gate.port}/{prefix}?timeout=5"
        for number, option in enumerate(
            (f"ca_certs={tmp_path}/ca.pem", f"fingerprint={hashlib.sha256(der).hexdigest()}")
        ):
            store = open_store(f"{url}&{option}")
            assert store.insert([sample(number)]).inserted == 1
            store.close()
        for option in ("", f"ca_certs={tmp_path}/other.pem", f"fingerprint={'ab' * 32}"):
            store = open_store(f"{url}&{option}")
            with pytest.raises(StoreError, match="its certificate isn't trusted"):
                store.get(sample(0).id)
            store.close()


def test_a_closed_store_says_so(store: Store) -> None:
    store.insert([sample(1)])
    store.close()

    with pytest.raises(StoreError, match="the store is closed"):
        store.page(RecordQuery(), limit=1)
