"""The project under gunicorn (WSGI) and under uvicorn (ASGI) answers what every host is asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import httpx
import pytest

import podium

sys.path.insert(0, str(Path(__file__).parent))
from django_server import PREFIX, Project, Server, packed_loans
from exchanges import EXCHANGES, GOOD, PREDICT, Exchange
from test_hosts import Told, ask_client, ask_http, essence

from podium.testing import Client

IDS = """
from podium.hosts.django.models import Prediction
print(*Prediction.objects.values_list("id", flat=True))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed_loans(tmp_path_factory.mktemp("loans"))


@pytest.fixture(scope="module")
def client(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    app = podium.App(str(model), home=str(tmp_path_factory.mktemp("home")))
    yield Client(app)
    app.close()


@pytest.fixture(scope="module", params=["gunicorn", "uvicorn"])
def browser(
    model: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[httpx.Client]:
    limits = {"bulk_rows_max": 1_000, "bulk_body_max_bytes": 2**20}  # those of the client's app
    project = Project(
        tmp_path_factory.mktemp("shop"), model, public="*", allowed_hosts=["127.0.0.1"], **limits
    )
    project.environment["SHOP_HOSTS"] = "*"  # so that the gate says which names it knows
    session = project.migrate()
    with Server(project, request.param) as server, server.client(session) as browser:
        yield browser


def without_tokens(document: bytes) -> bytes:
    """An OpenAPI document without what it says of tokens, and of those who may not ask."""
    told = json.loads(document)
    told["components"].pop("securitySchemes", None)
    told.pop("security", None)
    for path in told["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
            for status in ("401", "403", "404"):
                operation["responses"].pop(status, None)
    return json.dumps(told).encode()


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda one: one.name)
def test_a_real_server_gives_each_response(browser: httpx.Client, exchange: Exchange) -> None:
    told = ask_http(browser, replace(exchange, path=PREFIX + exchange.path))

    assert told.status == exchange.status, told.body[:500]
    assert "default-src 'none'" in told.headers["content-security-policy"]
    if told.media.startswith("text/html") and told.body:
        assert b'href="/models' not in told.body
        assert f'href="{PREFIX}/'.encode() in told.body


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda one: one.name)
def test_programs_read_the_same_from_every_host(
    browser: httpx.Client, client: Client, exchange: Exchange
) -> None:
    told = ask_http(browser, replace(exchange, path=PREFIX + exchange.path))
    expected = ask_client(client, exchange)

    assert told.media == expected.media
    # Pages carry the token of a form, and what stands at their top; lists grow with each test.
    if not told.media.startswith("text/html") and "records" not in exchange.path:
        body = told.body.replace(f'"url":"{PREFIX}"'.encode(), b'"url":"/"')
        body = body.replace(PREFIX.encode(), b"")
        if exchange.name == "openapi":  # a project has tokens, which the open server has not
            assert json.loads(body)["components"]["securitySchemes"]
            body, expected = (
                without_tokens(body),
                replace(expected, body=without_tokens(expected.body)),
            )
        assert essence(Told(told.status, told.media, body, {})) == essence(expected)


def test_predictions_are_in_the_records(browser: httpx.Client) -> None:
    answer = browser.post(PREFIX + PREDICT, json=GOOD).json()

    page = browser.get(f"{PREFIX}/records/{answer['id']}")
    assert page.status_code == 200
    assert answer["id"] in page.text


@pytest.mark.parametrize(("kind", "more"), [("gunicorn", "--preload"), ("uvicorn", "--workers=2")])
def test_predictions_are_in_the_table_when_the_server_has_stopped(
    model: Path, tmp_path: Path, kind: Literal["gunicorn", "uvicorn"], more: str
) -> None:
    project = Project(tmp_path, model, public="*")
    project.migrate()
    # The project asks a model when it is imported: so before the server forks.
    project.environment["SHOP_EAGER"] = "1"

    with Server(project, kind, more) as server, server.client() as browser:
        answers = [browser.post(PREFIX + PREDICT, json=GOOD).json() for _ in range(40)]
        server.stop()

    told = project.manage("shell", "--no-imports", "-c", IDS).stdout.split()
    assert len(told) == len(set(told)) > 40
    assert {answer["id"] for answer in answers} <= set(told)
