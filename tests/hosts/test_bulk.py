"""Bulk requests to our own server: who may send them, in every format, and what they leave to others."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pyarrow as pa
import pytest

import podium
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import Visitor

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")
PREDICT = "/api/models/logistic-1/predict"
N_ROWS = 100_000
KINDS = [
    {
        "island": island,
        "bill_length_mm": 39.1,
        "bill_depth_mm": 18.7,
        "flipper_length_mm": 181.0,
        "body_mass_g": 3750.0,
        "sex": "male",
        "year": 2007,
    }
    for island in ("Biscoe", "Dream", "Torgersen", "Biscoe")
]
COLUMNS = {name: [row[name] for row in KINDS] * 2_500 for name in KINDS[0]}
JSON, CSV = "application/json", "text/csv"
LINES, ARROW = "application/x-ndjson", "application/vnd.apache.arrow.stream"
TOKEN = re.compile(r"pod_[0-9A-Za-z]{36}")
REVOKE = re.compile(r'action="(/accounts/tokens/\d+/revoke/)"')


def csv_of(n_rows: int) -> bytes:
    lines = [",".join(map(str, row.values())) for row in KINDS]
    return "\n".join([",".join(KINDS[0]), *(lines * (n_rows // 4 + 1))[:n_rows]]).encode()


def stream() -> bytes:
    table, sink = pa.table(COLUMNS), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as written:
        written.write_table(table)
    return sink.getvalue().to_pybytes()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(BUNDLE, home=tmp_path_factory.mktemp("home")) as process:
        yield process


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Visitor]]:
    home = tmp_path_factory.mktemp("home")
    with ServerProcess(BUNDLE, "--accounts", home=home) as process:
        with Visitor(process.address) as first:
            first.set_up(process.log)
        with Visitor(process.address) as owner:
            owner.log_in()
            yield process, owner


@pytest.fixture(scope="module")
def token(exposed: tuple[ServerProcess, Visitor]) -> str:
    server, owner = exposed
    return new_token(server, owner)


def new_token(server: ServerProcess, owner: Visitor) -> str:
    form = {"name": "nightly", "days": "7", "models": "*", "actions": "*"}
    found: str = TOKEN.findall(owner.send("/accounts/", form).text)[0]
    assert becomes(server, found, 200)
    return found


def becomes(server: ServerProcess, token: str, wanted: int) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if post(server, json.dumps(KINDS[0]).encode(), token=token).status_code == wanted:
            return True
    return False


def post(
    server: ServerProcess, body: bytes, media: str = JSON, *, token: str = ""
) -> httpx.Response:
    headers = {"content-type": media}
    if token:
        headers["authorization"] = f"Bearer {token}"
    return httpx.post(f"{server.address}{PREDICT}", content=body, headers=headers, timeout=60)


def begin(place: ExitStack, server: ServerProcess, *headers: str, n_bytes: int) -> socket.socket:
    """Send a head, and nothing of the body that it promises."""
    parts = urlsplit(server.address)
    sock = place.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=60))
    lines = [f"POST {PREDICT} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {n_bytes}", *headers]
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    return sock


def status_of(sock: socket.socket) -> int:
    """The status of the first response, which says that it is the last one."""
    with sock.makefile("rb") as file:
        status = int(file.readline().split()[1])
        head = b"".join(iter(file.readline, b"\r\n"))
    assert b"connection: close" in head or status == 100
    return status


def test_all_of_a_bulk_request_is_recorded(local):
    row = KINDS[0] | {"year": 2009}
    ids = post(local, json.dumps([row] * 2_001).encode()).json()["ids"]

    for one in (ids[0], ids[1_000], ids[2_000]):
        assert "2009" in httpx.get(f"{local.address}/records/{one}").text


@pytest.mark.parametrize(
    ("media", "body"),
    [
        (CSV, lambda: csv_of(N_ROWS)),
        (JSON, lambda: json.dumps(COLUMNS).encode()),
        (JSON, lambda: json.dumps(KINDS * 2_500).encode()),
        (LINES, lambda: b"\n".join([json.dumps(row).encode() for row in KINDS] * 2_500)),
        (ARROW, stream),
    ],
    ids=["csv", "columns", "rows", "lines", "arrow"],
)
def test_a_bulk_request_gets_the_predictions_of_its_rows_alone(local, media, body):
    alone = [post(local, json.dumps(row).encode()).json()["prediction"] for row in KINDS]

    response = post(local, body(), media)

    assert response.status_code == 200
    if media == CSV:
        found = [line.split(",")[0] for line in response.text.splitlines()[1:]]
    elif media == LINES:
        found = [json.loads(line)["prediction"] for line in response.text.splitlines()]
    elif media == ARROW:
        found = pa.ipc.open_stream(response.content).read_all()["prediction"].to_pylist()
    else:
        found = response.json()["predictions"]
        assert len(set(response.json()["ids"])) == len(found)
    assert found == alone * (len(found) // 4)
    assert len(found) in (10_000, N_ROWS)


def test_one_row_or_byte_too_many_is_refused(local):
    rows = post(local, csv_of(N_ROWS + 1), CSV)
    n_bytes = post(local, b" " * (2**25 + 1), CSV)

    assert rows.status_code == n_bytes.status_code == 413
    assert "more than 100000 rows" in rows.json()["detail"]
    assert "longer than 33554432 bytes" in n_bytes.json()["detail"]
    assert post(local, csv_of(4), CSV).status_code == 200


def test_small_requests_pass_between(local):
    n_answered = 0
    body, batch = json.dumps(KINDS[0]).encode(), csv_of(N_ROWS)
    # One whose rows are read, predicted and recorded, each for a while.
    asking = threading.Thread(target=lambda: post(local, batch, CSV))
    asking.start()
    while asking.is_alive():
        assert post(local, body).status_code == 200
        n_answered += asking.is_alive()

    assert n_answered > 3


def test_a_token_opens_bulk_requests_and_nothing_else_does(exposed, token):
    server, owner = exposed
    batch = csv_of(N_ROWS)

    assert post(server, batch, CSV, token=token).status_code == 200
    small = json.dumps(KINDS * 251).encode()
    assert post(server, small, token=token).status_code == 200
    assert post(server, small).status_code == 401
    with ExitStack() as place:  # whose body is never sent
        wrong, nobody = f"Authorization: Bearer pod_{'0' * 36}", "Accept: */*"
        cookie = "; ".join(f"{name}={value}" for name, value in owner.http.cookies.items())
        for header, status in [(wrong, 401), (nobody, 413), (f"Cookie: {cookie}", 413)]:
            for n_bytes in (2**20 + 1, 2**25):
                assert status_of(begin(place, server, header, n_bytes=n_bytes)) == status, header


def test_a_revoked_token_opens_none(exposed):
    server, owner = exposed
    revoked = new_token(server, owner)
    page = owner.get("/accounts/")
    for path in REVOKE.findall(page.text):
        owner.submit(page, to=path)
    assert becomes(server, revoked, 401)

    with ExitStack() as place:
        header = f"Authorization: Bearer {revoked}"
        assert status_of(begin(place, server, header, n_bytes=2**25)) == 401


def test_a_body_is_requested_only_if_it_is_allowed(local, exposed):
    expects = "Expect: 100-continue"

    with ExitStack() as place:
        assert status_of(begin(place, exposed[0], expects, n_bytes=2**25)) == 413
        assert status_of(begin(place, local, expects, n_bytes=2**25)) == 100
        assert status_of(begin(place, local, expects, n_bytes=2**25 + 1)) == 413


def test_no_more_than_four_are_held_at_once_and_those_that_leave_make_room(local):
    body = csv_of(30_000)
    assert len(body) > 2**20
    with ExitStack() as place:
        for _ in range(4):
            sock = begin(place, local, "Expect: 100-continue", n_bytes=2**25)
            assert status_of(sock) == 100  # it holds a place

        response = post(local, body, CSV)

        assert response.status_code == 503
        assert response.json()["code"] == "overloaded"
        assert response.headers["retry-after"] == "1"
        assert post(local, csv_of(1_000), CSV).status_code == 200  # no bulk request needs no place
    until = time.monotonic() + 60
    while (status := post(local, body, CSV).status_code) == 503 and time.monotonic() < until:
        pass
    assert status == 200


def test_what_is_no_length_or_hides_it_is_refused_as_ever(local):
    with ExitStack() as place:
        chunked = begin(place, local, "Transfer-Encoding: chunked", n_bytes=2**25)
        packed = begin(place, local, "Content-Encoding: gzip", n_bytes=2**25)
        form = begin(place, local, "Content-Type: multipart/form-data; boundary=a", n_bytes=2**21)

        assert [status_of(one) for one in (chunked, packed, form)] == [411, 415, 413]


@pytest.mark.parametrize(
    ("user", "said", "sent", "status", "n_read"),
    [
        ("ada", 2**20 + 1, 2**20 + 1, 200, 2),
        ("ada", 2**20 + 1, 2**25 + 2**20, 413, 33),
        ("ada", 100, 2**21, 413, 2),  # no server lets this through
        ("", 2**20 + 1, 2**20 + 1, 413, 0),
    ],
)
def test_a_mounted_app_reads_no_more_than_the_actor_may_send(user, said, sent, status, n_read):
    row = json.dumps(KINDS[0]).encode()
    whole = row + b" " * (sent - len(row))
    pieces = [whole[at : at + 2**20] for at in range(0, sent, 2**20)]
    messages, n_taken = [], 0

    async def identify(_request: object) -> str | None:
        return user or None

    async def receive() -> dict[str, object]:
        nonlocal n_taken
        n_taken += 1
        is_last = n_taken == len(pieces)
        return {"type": "http.request", "body": pieces[n_taken - 1], "more_body": not is_last}

    async def send(message: dict[str, object]) -> None:
        messages.append(message)

    async def play() -> None:
        app = podium.App(BUNDLE, identify=identify, records=False)
        async with app.lifespan():
            await app(scope, receive, send)

    scope = {
        "type": "http",
        "method": "POST",
        "path": PREDICT,
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", b"%d" % said)],
    }
    asyncio.run(play())

    assert (messages[0]["status"], n_taken) == (status, n_read)
