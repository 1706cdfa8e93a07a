"""Every host answers the same requests in the same way."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import podium
from podium.testing import Client, ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from exchanges import (
    ANSWERED,
    ENDPOINT,
    EXCHANGES,
    GOOD,
    NO_BULK,
    PREDICT,
    REFUSED,
    V1,
    Exchange,
)

FUNCTION = '''
import datetime as dt
from typing import Annotated, Literal
import podium

@podium.model
def loans(
    age: Annotated[int, podium.Range(0, 120)],
    income: Annotated[float | None, podium.Field(name="", seen=podium.Range(0.0, 90_000.0))],
    member: bool,
    plan: Literal["basic", "pro"],
    note: Annotated[str | None, podium.Field(name="", max_length=200)],
    since: dt.date,
) -> dict[Literal["no", "yes"], float]:
    """Whether a loan is granted."""
    yes = 0.75 if member and plan == "pro" and age > 18 else 0.25
    return {"no": 1 - yes, "yes": yes}
'''
# What differs from call to call, and is none of the host's doing.
CHANGING = re.compile(
    rb"\b[0-9a-f]{32}\b|\b[0-9a-f]{12}\b|\d{8}-\d{6}|127\.0\.0\.1:\d+|\xe2\x80\xa6[0-9a-f]{8}"
)
# What home says of the models so far: each server has its own past. And who is logged in.
STATUS = re.compile(
    rb"<div><dt>Last used</dt>.*?</div>|<p class=\"states\">.*?</p>|<bdi class=\"who\">.*?</bdi>",
    re.DOTALL,
)
BETWEEN_TAGS = re.compile(rb"(?<=>)\s+(?=<)")


@dataclass
class Told:
    status: int
    media: str
    body: bytes
    headers: dict[str, str]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("loans")
    (folder / "loans_model.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    import loans_model

    packed = podium.pack(loans_model.loans, name="loans", path=folder)
    yield packed.path
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def client(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    app = podium.App(str(bundle), home=str(tmp_path_factory.mktemp("home")))
    yield Client(app)
    app.close()


@pytest.fixture(scope="module")
def server(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    search = {"PYTHONPATH": str(bundle.parent)}
    home = tmp_path_factory.mktemp("home")
    environment = search | NO_BULK
    with ServerProcess(str(bundle), home=home, environment=environment) as process:
        yield process


def ask_client(client: Client, exchange: Exchange, prefix: str = "") -> Told:
    reply = client.request(
        exchange.method, exchange.path, body=exchange.body, headers=exchange.headers
    )
    return Told(reply.status, reply.media, reply.body, reply.headers)


def ask_http(http: httpx.Client, exchange: Exchange) -> Told:
    # httpx would tidy the path up: the server must see it as it is.
    base = http.base_url
    target = exchange.path.encode()
    url = httpx.URL(scheme=base.scheme, host=base.host, port=base.port, raw_path=target)
    request = http.build_request(
        exchange.method, url, content=exchange.body or None, headers=exchange.headers
    )
    if exchange.method == "POST" and not exchange.body:
        request.headers["content-length"] = "0"
    answer = http.send(request)
    return Told(
        answer.status_code,
        answer.headers.get("content-type", ""),
        answer.content,
        dict(answer.headers),
    )


class Mounted:
    """The app under a prefix of another ASGI app, asked through httpx's ASGI transport."""

    def __init__(self, app: podium.App) -> None:
        async def outer(scope: Any, receive: Any, send: Any) -> None:
            inner = scope | {
                "root_path": "/ml",
                "path": scope["path"],
                "raw_path": scope["raw_path"],
            }
            await app(inner, receive, send)

        self.outer = outer

    def ask(self, exchange: Exchange) -> Told:
        return asyncio.run(self._ask(exchange))

    async def _ask(self, exchange: Exchange) -> Told:
        transport = httpx.ASGITransport(self.outer)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
            target = b"/ml" + exchange.path.encode()
            url = httpx.URL(scheme="http", host="127.0.0.1", port=8000, raw_path=target)
            request = http.build_request(
                exchange.method, url, content=exchange.body or None, headers=exchange.headers
            )
            if exchange.method == "POST" and not exchange.body:
                request.headers["content-length"] = "0"
            answer = await http.send(request)
            return Told(
                answer.status_code,
                answer.headers.get("content-type", ""),
                answer.content,
                dict(answer.headers),
            )


def essence(told: Told) -> tuple[int, str, bytes]:
    return (
        told.status,
        told.media,
        CHANGING.sub(b"~", BETWEEN_TAGS.sub(b"", STATUS.sub(b"", told.body))),
    )


def names(exchanges: tuple[Exchange, ...]) -> Callable[..., Any]:
    return pytest.mark.parametrize("exchange", exchanges, ids=lambda one: one.name)


@names(EXCHANGES)
def test_each_request_has_its_status(client, exchange):
    told = ask_client(client, exchange)

    assert told.status == exchange.status, told.body[:500]


@names(REFUSED)
def test_each_refusal_says_what_is_wrong_and_keeps_its_code(client, exchange):
    told = ask_client(client, exchange)

    if told.media.startswith("text/html"):
        assert not exchange.path.startswith("/api/")
        assert b"<h1" in told.body
        return
    assert told.media == "application/problem+json"
    problem = json.loads(told.body)
    assert problem["status"] == exchange.status
    assert problem["title"]
    assert problem["detail"]
    assert problem["type"].endswith(problem["code"])
    if exchange.code:
        assert problem["code"] == exchange.code
    if exchange.cells:
        assert {cell["field"] for cell in problem["cells"]} == set(exchange.cells)
        assert all(cell["problem"] and cell["accepted"] for cell in problem["cells"])
    assert "Traceback" not in told.body.decode()


@names(ANSWERED)
def test_each_response_names_its_model_and_records(client, exchange):
    told = ask_client(client, exchange)

    if told.media != "application/json":
        assert b"yes" in told.body
        return
    answer = json.loads(told.body)
    assert answer["model"] == "loans"
    assert answer["version"]
    if "prediction" in answer:
        assert answer["prediction"] in ("no", "yes")
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
        assert client.get(f"/records/{answer['id']}").status == 200
    else:
        assert len(answer["ids"]) == len(answer["predictions"]) == len(answer["probabilities"])


@names(EXCHANGES)
def test_the_server_gives_the_same_responses_as_the_test_client(client, server, exchange):
    with httpx.Client(base_url=server.address) as http:
        told = ask_http(http, exchange)

    # Lists grow with each test, in each home for itself.
    if "records" in exchange.path:
        assert told.status == exchange.status
    else:
        assert essence(told) == essence(ask_client(client, exchange))


@names(EXCHANGES)
def test_a_mount_under_a_prefix_gives_the_same_responses(client, exchange):
    told = Mounted(client.app).ask(exchange)

    assert told.status == exchange.status, told.body[:500]
    if told.media.startswith("text/html") and told.body:
        assert b'href="/models' not in told.body
        assert b'href="/ml/' in told.body


@names(EXCHANGES)
def test_every_response_has_the_headers_that_protect_it(client, exchange):
    headers = ask_client(client, exchange).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "cache-control" in headers


def test_a_warning_comes_with_an_answer_outside_the_training_range(client):
    answer = client.post(PREDICT, GOOD | {"income": 1e9}).json()

    (warning,) = answer["warnings"]
    assert (warning["field"], warning["code"]) == ("income", "outside")


def test_for_an_unknown_model_the_known_ones_are_listed(client):
    problem = client.post("/api/models/nope/predict", GOOD).json()

    assert "known: loans" in problem["hint"]


def test_a_page_that_is_not_there_is_a_page_for_people(client):
    reply = client.get("/nothing", accept="text/html,*/*")

    assert reply.status == 404
    assert reply.media.startswith("text/html")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=7)
    ),
    max_leaves=20,
)
MEDIA = st.sampled_from(
    [
        "application/json",
        "text/csv",
        "application/x-ndjson",
        "application/x-www-form-urlencoded",
        "x/y",
        "",
    ]
)


@pytest.mark.slow
@given(value=JSON_VALUES)
def test_no_json_makes_the_server_fail(client, value):
    reply = client.request(
        "POST",
        PREDICT,
        body=json.dumps(value).encode(),
        headers={"content_type": "application/json"},
    )

    assert reply.status < 500
    assert reply.json()


@pytest.mark.slow
@given(
    cells=st.fixed_dictionaries(dict.fromkeys(GOOD, JSON_VALUES)),
    changed=st.sampled_from(list(GOOD)),
)
def test_no_cell_makes_the_server_fail(client, cells, changed):
    row = GOOD | {changed: cells[changed]}

    reply = client.request(
        "POST",
        PREDICT,
        body=json.dumps([row, GOOD]).encode(),
        headers={"content_type": "application/json"},
    )

    assert reply.status in (200, 400, 422)


@pytest.mark.slow
@given(
    value=JSON_VALUES
    | st.lists(st.lists(JSON_VALUES, min_size=len(GOOD), max_size=len(GOOD)), max_size=3)
    | st.fixed_dictionaries({"data": JSON_VALUES, "columns": st.just(list(GOOD)) | JSON_VALUES}),
    path=st.sampled_from([V1, "/invocations", ENDPOINT]),
    key=st.sampled_from(["", "instances", "inputs", "dataframe_split", "dataframe_records"]),
    media=st.sampled_from(["application/json", "application/jsonlines", "text/csv"]),
    accept=st.sampled_from(["", "text/csv", "application/jsonlines"]),
)
def test_no_body_makes_the_protocols_of_other_systems_fail(client, value, path, key, media, accept):
    reply = client.request(
        "POST",
        path,
        body=json.dumps({key: value} if key else value).encode(),
        headers={"content-type": media, "accept": accept},
    )

    assert reply.status in (200, 400, 413, 415, 424)
    assert reply.body


@given(
    body=st.binary(max_size=300),
    media=MEDIA,
    accept=st.sampled_from(["", "text/csv", "*/*", ";;,"]),
)
def test_no_bytes_make_the_server_fail(client, body, media, accept):
    reply = client.request(
        "POST", PREDICT, body=body, headers={"content_type": media, "accept": accept}
    )

    assert reply.status < 500


@pytest.mark.slow
@given(target=st.text(st.characters(codec="ascii", exclude_characters="?#"), max_size=60))
def test_no_path_makes_the_server_fail(client, target):
    assert client.get(f"/{target}").status < 500


@pytest.mark.slow
@given(query=st.text(max_size=60), path=st.sampled_from(["/models/loans", "/models/loans/records"]))
def test_no_query_makes_a_page_fail(client, query, path):
    from urllib.parse import quote

    for name in (
        "since",
        "until",
        "min",
        "max",
        "outcome",
        "id",
        "business_key",
        "after",
        "example",
        "from",
    ):
        assert client.get(f"{path}?{name}={quote(query)}").status < 500
