"""Deleting records on the pages and by the API: who may, how many, and only those."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import podium
from podium.access import ALL, Action, Actor
from podium.errors import StoreError
from podium.records.record import Record
from podium.testing import Client
from podium.testing.stores.samples import NOON_US, feedback
from podium.web import deleting

API, PAGE = "/api/models/loans/records", "/models/loans/records"
SEES_OWN = frozenset({Action.SEE_OWN, Action.DELETE})
ACTORS = {
    "ada": Actor("ada", "Ada", {ALL: frozenset(Action)}, id="user:1"),
    "bob": Actor("bob", "Bob", {"loans": SEES_OWN}, id="user:2"),
    "eve": Actor("eve", "Eve", {"loans": frozenset({Action.SEE, Action.FEEDBACK})}, id="user:3"),
    "blind": Actor("blind", "Blind", {"loans": frozenset({Action.DELETE})}, id="user:4"),
    "other": Actor("other", "Other", {"optional": frozenset(Action)}, id="user:5"),
}


def record(number: int, **said: Any) -> Record:
    values: dict[str, Any] = {
        "id": f"{number:032x}",
        "time_us": NOON_US + number * 60_000_000,
        "model": "loans",
        "version": "1",
        "inputs": b'{"age":41}',
        "outputs": b'{"prediction":"yes","probabilities":{"no":0.25,"yes":0.75},"warnings":[]}',
        "outcome": "yes" if number % 2 else "no",
        "owner": "user:2" if number % 5 == 0 else "user:9",
    }
    return Record(**(values | said))


@pytest.fixture
def client(models_file: Path, tmp_path: Path, log: Any) -> Iterator[Client]:
    """What asks an app that keeps 20 records of loans, each a minute later, and one of another."""
    app = podium.App(
        f"{models_file}:loans", f"{models_file}:optional", home=str(tmp_path), identify=log
    )
    client = Client(app)
    assert app.site.store is not None
    app.site.store.insert([record(n) for n in range(20)] + [record(99, model="optional")])
    yield client
    app.close()


def delete(client: Client, target: str, who: str = "ada") -> tuple[int, dict[str, Any]]:
    reply = client.request("DELETE", target, headers={"x-who": who})
    return reply.status, reply.json()


def stored_numbers(client: Client) -> list[int]:
    store = client.app.site.store
    assert store is not None
    found = [store.get(record(n).id) for n in (*range(20), 99)]
    return [int(one.id, 16) for one in found if one is not None]


def test_a_filter_deletes_the_matching_records_if_their_number_is_as_expected(client, log):
    query = "outcome=yes&since=2026-03-01T12:10"

    status, problem = delete(client, f"{API}?{query}")
    assert (status, problem["code"]) == (409, "count_differs")
    assert "5 records match" in problem["detail"]
    assert delete(client, f"{API}?{query}&expect=4")[0] == 409
    assert len(stored_numbers(client)) == 21
    assert log.events == []

    assert delete(client, f"{API}?{query}&expect=5") == (200, {"deleted": 5, "remaining": 0})
    assert stored_numbers(client) == [*range(11), 12, 14, 16, 18, 99]
    assert [event for _, event, _ in log.events] == ["records_deletion_begun", "records_deleted"]
    assert log.events[1][0] == "ada"
    assert log.events[1][2]["n_records"] == "5"
    assert log.events[1][2]["model"] == "loans"


def test_all_of_a_model_leaves_the_other_models(client):
    assert delete(client, f"{API}?expect=20") == (200, {"deleted": 20, "remaining": 0})
    assert stored_numbers(client) == [99]


@pytest.mark.parametrize(
    "query",
    [
        "sinc=2026-01-01",
        "since=yesterday",
        "min=many",
        "id=xyz",
        "expect=-20",
        "expect=2e1",
        "after=x",
    ],
)
def test_what_cannot_be_read_deletes_nothing(client, query):
    status, _ = delete(client, f"{API}?expect=20&{query}")

    assert status == 400
    assert len(stored_numbers(client)) == 21


def test_an_actor_who_sees_only_their_own_records_deletes_only_those(client):
    assert delete(client, f"{API}?expect=20", "bob")[0] == 409
    assert delete(client, f"{API}?expect=16&owner=user:9", "bob")[0] == 403
    assert delete(client, f"/api/records/{record(1).id}", "bob")[0] == 404
    assert delete(client, f"/api/records/{record(5).id}", "bob") == (
        200,
        {"deleted": 1, "remaining": 0},
    )
    assert delete(client, f"{API}?expect=3", "bob") == (200, {"deleted": 3, "remaining": 0})
    assert stored_numbers(client) == [n for n in (*range(20), 99) if n % 5 or n == 99]


@pytest.mark.parametrize(
    ("who", "of_filter", "of_record"),
    [("eve", 403, 403), ("blind", 403, 404), ("other", 404, 404), ("nobody", 401, 404)],
)
def test_without_the_right_nothing_is_deleted(client, log, who, of_filter, of_record):
    assert delete(client, f"{API}?expect=20", who)[0] == of_filter
    assert delete(client, f"/api/records/{record(1).id}", who)[0] in (of_record, 401)
    for path in (f"{PAGE}/delete?expect=20", f"/records/{record(1).id}/delete"):
        assert client.request("POST", path, headers={"x-who": who}).status in (303, 403, 404)

    assert len(stored_numbers(client)) == 21
    assert log.events == []


def test_buttons_stand_only_where_they_work(client):
    for who, is_there in (("ada", True), ("bob", True), ("eve", False)):
        assert ("records/delete" in client.get(PAGE, x_who=who).text) is is_there
        detail = client.get(f"/records/{record(5).id}", x_who=who).text
        assert ("Delete this record" in detail) is is_there


def pressed(client: Client, page: str, who: str = "ada"):
    """What the form on a page of ours leads to."""
    form = re.search(r'<form method="post" action="([^"]+)"', page)
    assert form is not None, page
    return client.request("POST", unescape(form[1]), headers={"x-who": who})


def test_the_page_says_how_many_and_deletes_those(client):
    asks = client.get(f"{PAGE}/delete?outcome=yes", x_who="ada")
    assert "Delete 10 records" in asks.text
    client.app.site.store.insert([record(21)])  # made meanwhile: nobody agreed to that

    done = pressed(client, asks.text)

    assert (done.status, "10 records were deleted" in done.text) == (200, True)
    assert stored_numbers(client) == [*range(0, 20, 2), 99]
    assert client.app.site.store.get(record(21).id) is not None


def test_a_page_that_is_sent_late_deletes_nothing(client):
    asks = client.get(f"{PAGE}/delete?outcome=yes", x_who="ada")
    delete(client, f"/api/records/{record(1).id}")

    late = pressed(client, asks.text)

    assert late.status == 409
    assert len(stored_numbers(client)) == 20


def test_one_record_is_deleted_from_its_page_with_its_feedback(client):
    store = client.app.site.store
    store.set_feedback(record(5).id, feedback("no"))
    asks = client.get(f"/records/{record(5).id}/delete", x_who="bob")

    done = pressed(client, asks.text, "bob")

    assert "1 record was deleted" in done.text
    assert client.get(f"/records/{record(5).id}", x_who="bob").status == 404
    store.insert([record(5)])
    assert store.get(record(5).id).feedback is None


def test_what_takes_too_long_is_done_in_parts(client, monkeypatch):
    store = client.app.site.store
    store.insert([record(n) for n in range(100, 1_300)])
    monkeypatch.setattr(deleting, "DELETE_S", 0.0)
    left, n_calls = 1_220, 0
    while left:
        status, said = delete(client, f"{API}?expect={left}")
        assert status == 200
        left, n_calls = said["remaining"], n_calls + 1

    assert (n_calls, stored_numbers(client)) == (3, [99])


def test_the_page_goes_on_where_it_took_too_long(client, monkeypatch):
    client.app.site.store.insert([record(n) for n in range(100, 1_300)])
    monkeypatch.setattr(deleting, "DELETE_S", 0.0)

    page = client.get(f"{PAGE}/delete", x_who="ada")
    while "<form" in page.text:
        page = pressed(client, page.text)

    assert (page.status, stored_numbers(client)) == (200, [99])


def test_more_than_are_counted_are_not_deleted_by_a_request(client, monkeypatch):
    monkeypatch.setattr(deleting, "COUNT_MAX", 19)

    assert delete(client, f"{API}?expect=19")[0] == 409
    page = client.get(f"{PAGE}/delete", x_who="ada")
    assert "More than 19 records" in page.text
    assert "<form" not in page.text
    assert len(stored_numbers(client)) == 21


def test_a_deletion_that_fails_is_not_written_down_as_done(client, log, monkeypatch):
    def fails(*_: object) -> int:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(client.app.site.store, "delete", fails)

    assert delete(client, f"{API}?expect=20")[0] == 503

    assert [event for _, event, _ in log.events] == [
        "records_deletion_begun",
        "records_deletion_failed",
    ]


def test_an_open_server_deletes_nothing_for_everybody(models_file: Path, tmp_path: Path):
    for is_open, status in ((True, 403), (False, 200)):
        app = podium.App(f"{models_file}:loans", home=str(tmp_path / str(is_open)), open=is_open)
        client = Client(app)
        app.site.store.insert([record(1)])

        assert ("records/delete" in client.get(PAGE).text) is (not is_open)
        assert delete(client, f"/api/records/{record(1).id}")[0] == status
        app.close()


def test_without_records_there_is_nothing_to_delete(models_file: Path, tmp_path: Path):
    app = podium.App(f"{models_file}:loans", home=str(tmp_path), records=False)
    client = Client(app)

    assert delete(client, f"{API}?expect=0")[0] == 404
    assert delete(client, f"/api/records/{record(1).id}")[0] == 404
    app.close()
