"""A page of records is kept for as long as it would come out the same, and no longer."""

from __future__ import annotations

from pathlib import Path

import pytest

import podium
from podium.access import ANYONE, Actor
from podium.outbox.deletion import Selection
from podium.records.store import RecordQuery
from podium.testing import Client
from podium.web.page_cache import PageCache

RECORDS = "/models/greet/records"


@podium.model
def greet(name: str) -> str:
    """Greets somebody."""
    return f"Hello, {name}!"


@pytest.fixture
def client(tmp_path: Path):
    app = podium.App(greet, home=str(tmp_path))
    yield Client(app)
    app.close()


def ask(client: Client, name: str) -> None:
    assert client.post("/api/models/greet/predict", {"name": name}).status == 200


def made_pages(client: Client) -> list[bytes]:
    return [html for _, html in client.app.site.page_cache._pages.values()]


@pytest.mark.slow
def test_a_page_shows_each_prediction_at_once_although_it_was_cached(client):
    for n in range(60):
        ask(client, f"person {n}")

        assert f"person {n}<".encode() in client.get(RECORDS).body


def test_a_page_of_unchanged_records_is_not_rendered_again(client):
    ask(client, "Ada")
    first = client.get(RECORDS).body

    again = client.get(RECORDS).body

    assert again == first
    assert any(again is html for html in made_pages(client))


def test_deleted_records_disappear_from_the_cached_page(client):
    ask(client, "Ada")
    assert b"Ada<" in client.get(RECORDS).body

    client.app.deletion.delete(Selection(query=RecordQuery()))

    assert b"Ada<" not in client.get(RECORDS).body


def test_filters_and_pages_are_cached_separately(client):
    ask(client, "Ada")
    ask(client, "Grace")
    client.get(RECORDS)

    body = client.get(f"{RECORDS}?outcome=Hello%2C+Ada%21").body

    assert b"Grace" not in body
    assert b"Ada" in body


def test_cached_pages_are_not_shared_between_actors(tmp_path):
    app = podium.App(
        greet, home=str(tmp_path), identify=lambda request: request.headers.get("x-user")
    )
    client = Client(app)
    everybody = client.request("GET", RECORDS, headers={"x-user": "ada"})

    nobody = client.request("GET", RECORDS)

    assert everybody.status == 200
    assert nobody.status == 401
    app.close()


def test_a_page_rendered_from_other_content_is_not_returned():
    pages = PageCache()
    pages.put(("records",), ("a", ANYONE), b"page of a")

    assert pages.get(("records",), ("a", ANYONE)) == b"page of a"
    assert pages.get(("records",), ("b", ANYONE)) is None
    assert pages.get(("records",), ("a", Actor("ada"))) is None
    assert pages.get(("other",), ("a", ANYONE)) is None


def test_the_least_recently_used_page_is_dropped_first():
    pages = PageCache(most=2)
    pages.put(("1",), (), b"1")
    pages.put(("2",), (), b"2")
    pages.get(("1",), ())

    pages.put(("3",), (), b"3")

    assert pages.get(("1",), ()) == b"1"
    assert pages.get(("2",), ()) is None


def test_the_openapi_document_is_rendered_once_for_all_who_see_the_same_models(client):
    first = client.get("/openapi.json").body

    assert client.get("/openapi.json").body is first


def test_the_docs_page_calls_a_function_each_time(client):
    client.get("/docs/loans")

    assert made_pages(client) == []
