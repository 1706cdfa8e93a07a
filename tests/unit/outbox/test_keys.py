"""A request that is sent again with its key has one answer and one record."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import podium
from podium.errors import StoreError
from podium.http import Request
from podium.outbox.keys import Keys
from podium.records.store import RecordQuery
from podium.testing import Client
from podium.web.routes import respond

PREDICT = "/api/models/doubled/predict"
KEY = "7d0d8f0e-0f3c-4a55-9f77-0f4c2f8e51a2"


@podium.model
def doubled(number: float) -> float:
    """Twice the number."""
    return 2 * number


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    app = podium.App(doubled, home=str(tmp_path))
    yield Client(app)
    app.close()


def n_records(client: Client) -> int:
    store = client.app.site.store
    assert store is not None
    return len(store.page(RecordQuery(), limit=100).records)


def ask(client: Client, value: Any, key: str = KEY) -> Any:
    return client.post(PREDICT, value, idempotency_key=key)


def test_the_same_request_gets_the_same_answer_and_one_record(client):
    first = ask(client, {"number": 4})
    again = ask(client, {"number": 4})

    assert first.status == again.status == 200
    assert again.body == first.body
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert n_records(client) == 1


def test_another_request_with_the_same_key_is_refused(client):
    ask(client, {"number": 4})
    other = ask(client, {"number": 5})

    assert (other.status, other.json()["code"]) == (422, "idempotency_key_reused")
    assert n_records(client) == 1


def test_a_refused_request_leaves_its_key_free(client):
    bad = ask(client, {"number": "four"})
    good = ask(client, {"number": 4})

    assert (bad.status, good.status) == (422, 200)


def test_several_rows_have_one_record_each(client):
    replies = [ask(client, [{"number": 1}, {"number": 2}]) for _ in range(3)]

    assert len({reply.body for reply in replies}) == 1
    assert n_records(client) == 2


def test_a_request_interrupted_before_its_response_adds_no_second_record(client, tmp_path):
    first = ask(client, {"number": 4})
    # As if the process had ended between the record and the answer.
    import apsw

    connection = apsw.Connection(str(tmp_path / "keys.db"))
    connection.execute("UPDATE claim SET media = NULL, body = NULL")
    connection.close()

    again = ask(client, {"number": 4})

    assert again.json()["id"] == first.json()["id"]
    assert again.json()["prediction"] == first.json()["prediction"]
    assert n_records(client) == 1


@pytest.mark.parametrize("key", ["x" * 256, "\x07", "é"])
def test_what_is_no_key_is_refused(client, key):
    assert ask(client, {"number": 4}, key).status == 400


def test_threads_that_send_the_same_request_at_once_agree(client):
    bodies: list[bytes] = []

    def send() -> None:
        bodies.extend(ask(client, {"number": 4}).body for _ in range(20))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(bodies) == 160
    assert len(set(bodies)) == 1
    assert n_records(client) == 1


def test_anonymous_callers_do_not_share_keys(client):
    site, body = client.app.site, b'{"number": 4}'
    headers = {"content-type": "application/json", "idempotency-key": KEY}

    def sent(address: str, body: bytes) -> Any:
        request = Request("POST", PREDICT, headers=headers, body=body, address=address)
        return respond(site, request)

    first, other = sent("10.0.0.1", body), sent("10.0.0.2", b'{"number": 5}')
    again, neighbour = sent("10.0.0.1", body), sent("10.0.0.3", body)

    assert [one.status for one in (first, other, again, neighbour)] == [200] * 4
    assert again.body == first.body
    assert neighbour.body != first.body


def test_keys_of_different_models_have_nothing_in_common(tmp_path):
    keys = Keys(tmp_path / "keys.db")

    one = keys.claim("one", "k", b"1", ["a"], 1)
    two = keys.claim("two", "k", b"2", ["b"], 2)

    assert (one.ids, two.ids) == (("a",), ("b",))


@pytest.mark.slow
def test_processes_that_create_the_file_at_once_all_succeed(tmp_path):
    failures: list[StoreError] = []

    def come(keys: Keys, barrier: threading.Barrier) -> None:
        barrier.wait()
        try:
            keys.claim("model", "k", b"1", ["a"], 1)
        except StoreError as error:
            failures.append(error)

    for number in range(100):  # one in fifteen failed
        keys, barrier = Keys(tmp_path / f"{number}.db"), threading.Barrier(8)
        threads = [threading.Thread(target=come, args=(keys, barrier)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failures == []
