"""Records in Redis and Valkey: what goes wrong with the server, and what the store does about it."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from redis import Redis

from podium.errors import SetupError, StoreError
from podium.outbox.outboxed import OutboxedStore
from podium.records.open import open_store, without_password
from podium.records.store import InsertResult, RecordQuery
from podium.records.stores import redis as redis_store
from podium.records.stores.redis import RedisStore
from podium.testing.databases import ValkeyServer
from podium.testing.databases.server import free_port
from podium.testing.stores.samples import NOON_US, decoded, feedback, ids, ids_of, sample

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "redis.md"
LEAST = re.search(r"ACL SETUSER podium on >\S+ (.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
assert LEAST is not None
RIGHTS = LEAST[1].replace("\\\n", " ").split()

pytestmark = pytest.mark.slow


@contextmanager
def opened(address: str) -> Iterator[RedisStore]:
    with closing(RedisStore(address)) as store:
        yield store


@pytest.fixture
def own() -> Iterator[ValkeyServer]:
    """A server that the test may stop."""
    with ValkeyServer() as server:
        yield server


@contextmanager
def console(address: str) -> Iterator[Any]:
    with closing(Redis.from_url(address)) as client:
        yield client


def is_whole(address: str) -> bool:
    """Whether each record is in the index, and nothing else is there."""
    with console(address) as client:
        in_records = set(client.hkeys("podium:record"))
        said = set(client.hkeys("podium:feedback"))
        members = client.zrange("podium:index", 0, -1)
    in_groups = [one[-16:] for one in members if one[:1] == b"g"]
    return (
        set(in_groups) == in_records
        and len(in_groups) == len(in_records)
        and {one[-16:] for one in members} <= in_records
        and {one[-16:] for one in members if one[:1] == b"f"} == said
    )


def test_a_server_that_is_away_is_a_store_error_without_the_password():
    address = f"redis://ada:secret@127.0.0.1:{free_port()}/0"
    with opened(address) as store, pytest.raises(StoreError, match=r"ada:\*\*\*@") as raised:
        store.insert([sample(1)])

    assert "secret" not in f"{raised.value!r} {raised.value} {raised.value.__cause__!r}"
    assert "check that the server runs" in raised.value.hint


@pytest.mark.parametrize(
    "address",
    [
        "redis://",
        "redis://h:port/0",
        "redis://ada:secret@h:6379/0?no_option=1",
        "redis://h?prefix=",
    ],
)
def test_an_invalid_url_is_refused_at_once_without_its_password(address):
    with pytest.raises(SetupError, match="URL of Redis is invalid") as raised:
        open_store(address)

    assert "secret" not in f"{raised.value} {raised.value.hint}"


def test_every_form_of_password_is_hidden():
    for address in (
        "redis://:secret@h/0",
        "rediss://ada:sec:ret/secret@h/0",
        "valkeys://h/0?password=secret&prefix=p",
    ):
        assert "secret" not in without_password(address)


def test_a_server_that_hangs_is_given_up(own):
    with opened(own.new_database() + "?socket_timeout=1&socket_connect_timeout=1") as store:
        store.insert([sample(1)])
        own.pause()

        began_s = time.monotonic()
        with pytest.raises(StoreError, match="Timeout"):
            store.insert([sample(2)])
        took_s = time.monotonic() - began_s
        own.resume()

        assert took_s < 60
        assert store.insert([sample(1), sample(2)]).failed == {}
        assert ids(store) == ids_of(2, 1)


def test_a_server_that_was_restarted_is_used_again_at_once(own):
    with opened(own.new_database()) as store:
        store.insert([sample(1, feedback=feedback("x"))])
        own.stop()
        own.start()

        assert decoded(store.get(sample(1).id)) == decoded(sample(1, feedback=feedback("x")))
        assert store.insert([sample(1), sample(2)]) == InsertResult(inserted=1, duplicates=1)


def test_what_was_inserted_survives_a_crash_of_the_server_and_nothing_is_half_there(own):
    address = own.new_database()
    inserted: list[str] = []

    def write() -> None:
        with opened(address) as store, suppress(StoreError):
            for start in range(0, 1_000_000, 300):
                some = [
                    sample(n, owner="o", business_key=str(n)) for n in range(start, start + 300)
                ]
                store.insert(some)
                inserted.extend(one.id for one in some)
                store.set_feedback_many({one.id: feedback() for one in some[:50]}, model="penguins")
                store.delete(some[100:120])

    writer = threading.Thread(target=write)
    writer.start()
    while len(inserted) < 3_000:
        time.sleep(0.01)
    own.stop(signal.SIGKILL)
    writer.join()
    own.start()

    assert is_whole(address)
    with opened(address) as store:
        lost = set(inserted[:-300]) - set(ids(store, limit=1_000))
    assert len(lost) == 20 * (len(inserted[:-300]) // 300), "what was deleted, and no other"


def test_a_server_that_is_full_refuses_all_of_it_and_records_wait(own, tmp_path: Path):
    address = own.new_database()
    large = [sample(n, inputs=b'{"a":"%b"}' % (b"x" * 20_000)) for n in range(400)]
    with console(address) as client, opened(address) as store:
        store.insert(large[:300])
        used = client.info("memory")["used_memory"]
        client.config_set("maxmemory", used - 1_000)

        with pytest.raises(StoreError, match="maxmemory") as raised:
            store.insert(large[300:])
        with pytest.raises(StoreError, match="maxmemory"):
            store.set_feedback(large[0].id, feedback())

        assert "delete old records" in raised.value.hint
        assert is_whole(address)
        assert ids(store) == ids_of(*range(299, -1, -1))
        waiting = OutboxedStore(store, tmp_path / "outbox")
        waiting.insert(large[300:])
        assert store.delete(large[:200]) == 200, "there is always room to delete"
        client.config_set("maxmemory", 0)
        assert len(ids(waiting)) == 200
        waiting.close()


def test_settings_that_lose_records_are_told(caplog):
    caplog.set_level(logging.WARNING, "podium")
    options = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "no")
    with ValkeyServer(*options) as server, opened(server.new_database()) as store:
        store.get(sample(1).id)
        store.get(sample(1).id)

        assert store.features.durability == "process"
    messages = [one.getMessage() for one in caplog.records]
    assert len(messages) == 2
    assert "redis_not_persistent" in messages[0]
    assert "redis_evicts" in messages[1]
    assert "allkeys-lru" in messages[1]


def test_a_log_that_is_synced_always_survives_the_power(caplog):
    with ValkeyServer("--appendfsync", "always") as server, opened(server.new_database()) as store:
        assert store.features.durability == "process", "nobody knows yet"
        store.get(sample(1).id)

        assert store.features.durability == "power"
    assert caplog.records == []


def test_a_replica_is_read_and_not_written(own):
    address = own.new_database()
    with console(address) as client:
        client.config_set("repl-diskless-sync-delay", 0)
    with (
        ValkeyServer("--replicaof", f"127.0.0.1 {own.port}") as replica,
        opened(address) as primary,
        opened(address.replace(f":{own.port}", f":{replica.port}")) as store,
    ):
        primary.insert([sample(1)])
        until_s = time.monotonic() + 60
        while store.get(sample(1).id) is None and time.monotonic() < until_s:
            time.sleep(0.05)

        assert ids(store) == ids_of(1)
        with pytest.raises(StoreError, match="read only replica") as raised:
            store.insert([sample(2)])
        assert "URL of the primary" in raised.value.hint


def test_a_cluster_is_refused_with_a_reason():
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with ValkeyServer(*options) as server, opened(server.address_of(0)) as store:
        for call in (lambda: store.insert([sample(1)]), lambda: store.get(sample(1).id)):
            with pytest.raises(StoreError, match=r"slot|CLUSTERDOWN") as raised:
                call()
            assert "cluster isn't supported" in raised.value.hint


def test_the_least_rights_are_enough_and_fewer_are_reported(own):
    with console(own.address_of(0)) as client:
        client.execute_command("ACL", "SETUSER", "ada", "on", ">secret", *RIGHTS)
        client.execute_command("ACL", "SETUSER", "eve", "on", ">secret", *RIGHTS, "-hset")

    with opened(own.address_of(1, user="ada:secret")) as store:
        store.insert([sample(1, owner="o"), sample(2)])
        assert store.set_feedback(sample(1).id, feedback())
        assert ids(store, RecordQuery(owner="o", has_feedback=True)) == ids_of(1)
        store.counts.forget(10)
        assert store.counts.last_hours() == {}
        assert store.delete([sample(1)]) == 1
    failures = (("eve:secret", "permission|can't run"), ("ada:wrong", "invalid username-password"))
    for user, problem in failures:
        with opened(own.address_of(1, user=user)) as store:
            with pytest.raises(StoreError, match=problem) as raised:
                store.insert([sample(3)])
            assert raised.value.hint
            assert user.partition(":")[2] not in str(raised.value)
    with opened(own.address_of(1)) as store:
        assert ids(store) == ids_of(2)
        assert store.insert([sample(3)]) == InsertResult(inserted=1)
    assert is_whole(own.address_of(1))


def test_prefixes_share_a_database(valkey):
    address = valkey.new_database()
    with opened(f"{address}?prefix=a") as one, opened(f"{address}?prefix=b") as other:
        one.insert([sample(1)])
        other.insert([sample(2)])

        assert (ids(one), ids(other)) == (ids_of(1), ids_of(2))


def test_records_of_older_and_newer_versions_are_read(valkey):
    address = valkey.new_database()
    with opened(address) as store, console(address) as client:
        store.insert([sample(1, owner="o", business_key="k"), sample(2)])
        parts = msgspec.msgpack.decode(client.hget("podium:record", bytes.fromhex(sample(1).id)))
        for n, written in ((1, parts[:7]), (2, [*parts, "a field of later"])):
            id_ = bytes.fromhex(sample(n).id)
            client.hset("podium:record", id_, msgspec.msgpack.encode([sample(n).id, *written[1:]]))

        assert decoded(store.get(sample(1).id)) == decoded(sample(1, latency_us=0))
        assert store.get(sample(2).id).business_key == "k"


def test_damaged_values_are_reported(valkey):
    address = valkey.new_database()
    with opened(address) as store, console(address) as client:
        store.insert([sample(1), sample(2, feedback=feedback())])
        client.hset("podium:record", bytes.fromhex(sample(1).id), b"\xff\x00")
        client.hset("podium:feedback", bytes.fromhex(sample(2).id), b"\xff\x00")

        for n in (1, 2):
            with pytest.raises(StoreError, match="damaged"):
                store.get(sample(n).id)


def test_groups_without_records_are_forgotten(valkey):
    address = valkey.new_database()
    with opened(address) as store, console(address) as client:
        store.insert([sample(n, version=str(n)) for n in range(3)])
        assert client.scard("podium:group") == 3

        store.delete([sample(0), sample(2)])
        assert client.smembers("podium:group") == {b'["penguins","1","primary"]'}
        store.delete([sample(1)])
        assert client.keys("*") == []


def test_a_batch_of_any_size_is_sent_in_pieces(valkey, monkeypatch):
    monkeypatch.setattr("podium.records.stores.redis_scripts.BYTES_MAX", 1_000)
    with opened(valkey.new_database()) as store:
        records = [sample(n) for n in range(60)]

        assert store.insert([*records, *records]) == InsertResult(inserted=60, duplicates=60)
        assert store.insert([]) == InsertResult(inserted=0)
        assert ids(store) == ids_of(*range(59, -1, -1))


def test_many_records_at_one_time_are_paged_without_reading_those_before(valkey, monkeypatch):
    monkeypatch.setattr(redis_store, "SCAN_ROWS", 10)
    with opened(valkey.new_database()) as store:
        store.insert([sample(n, time_us=NOON_US, model="ab"[n % 2]) for n in range(100)])

        for order in ("newest", "oldest"):
            both = ids(store, limit=7, order=order)
            assert both == (
                ids_of(*range(100)) if order == "oldest" else ids_of(*range(99, -1, -1))
            )
        prefix = sample(0).id[:9]
        assert len(ids(store, RecordQuery(id_prefix=prefix, model="a"), limit=7)) == 50


def test_feedback_for_a_record_that_was_just_deleted_creates_none(valkey, monkeypatch):
    address = valkey.new_database()
    with opened(address) as store, opened(address) as other:
        store.insert([sample(1)])
        stored = store._stored

        def delete_after(ids_read: list[bytes]) -> Any:
            found = stored(ids_read)
            other.delete([sample(1)])
            return found

        monkeypatch.setattr(store, "_stored", delete_after)

        assert store.set_feedback_many({sample(1).id: feedback()}, model="penguins") == frozenset()
        with console(address) as client:
            assert client.keys("*") == []


def test_servers_that_write_at_once_store_each_record_once(valkey):
    address = valkey.new_database()
    batch = [sample(n, business_key=str(n)) for n in range(400)]

    def write(_: int) -> int:
        with opened(address) as store:
            return store.insert(batch).inserted

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(write, range(4))) == 400
    assert is_whole(address)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_has_connections_of_its_own(valkey):
    with opened(valkey.new_database()) as store:
        store.insert([sample(1)])
        child = os.fork()
        if not child:
            code = 1
            with suppress(BaseException):
                for n in range(100, 150):
                    store.insert([sample(n)])
                code = 0 if store.get(sample(1).id) else 2
            os._exit(code)
        for n in range(200, 250):
            store.insert([sample(n)])
            assert store.get(sample(n).id).id == sample(n).id

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(ids(store)) == 101


def test_a_closed_store_says_so(valkey):
    store = RedisStore(valkey.new_database())
    store.close()

    with pytest.raises(StoreError, match="the store is closed"):
        store.get(sample(1).id)


@pytest.fixture
def tls(valkey, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port of a proxy that ends TLS before the server, and the file of its authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(
            target=_forward, args=(listener, context, valkey.port), daemon=True
        ).start()
        yield listener.getsockname()[1], tmp_path / "ca.pem"
        listener.shutdown(socket.SHUT_RDWR)


def _forward(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        with (
            suppress(OSError),
            context.wrap_socket(plain, server_side=True) as outer,
            socket.create_connection(("127.0.0.1", port)) as inner,
        ):
            while said := outer.recv(2**16):
                inner.sendall(said)
                outer.sendall(inner.recv(2**16))


def test_tls_is_verified(valkey, tls):
    port, authority = tls
    number = valkey.new_database().rpartition("/")[2]
    for scheme in ("rediss", "valkeys"):
        address = f"{scheme}://127.0.0.1:{port}/{number}"
        with opened(f"{address}?ssl_ca_certs={authority}") as store:
            store.insert([sample(1)])
            assert ids(store) == ids_of(1)
        with opened(address) as store, pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
            store.get(sample(1).id)
