"""Any ASGI app behind a connection of ours: bodies, ends of responses, failures, and who is slow."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import podium
from podium.hosts.server.connection import (
    AHEAD_BYTES_MAX,
    BODY_S,
    HEAD_S,
    IDLE_S,
    STALLED_S,
    Connection,
)
from podium.hosts.server.lane import Lane
from podium.hosts.server.lingering import LINGER_BYTES, LINGER_S

sys.path.insert(0, str(Path(__file__).parent.parent / "security"))
from wire import MODEL, Answer, answers, connected, request, responses

LONG = bytes(64) * 2**18
GO_ON = {"/late": threading.Event(), "/unread": threading.Event()}


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def part(body: bytes = b"", *, has_more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": has_more}


def sized(body: bytes, length: int | None = None) -> list[dict[str, Any]]:
    n = len(body) if length is None else length
    return [start(200, (b"Content-Length", b"%d" % n)), part(body)]


RESPONSES = {
    "/sized": sized(b"whole"),
    "/parts": [start(), part(b"one,", has_more=True), part(has_more=True), part(b"two")],
    "/empty": [start(204), part()],
    "/short": sized(b"whole", 9),
    "/over": sized(b"whole", 2),
    "/split": [start(200, (b"x", b"y\r\nset-cookie: z")), part()],
    "/twice": [start(), start()],
    "/unended": [start(), part(b"one,", has_more=True)],
    "/none": [],
    "/last": [start(200, (b"connection", b"close"), (b"content-length", b"0")), part()],
    "/long": sized(LONG),
    "/unread": sized(b"unread"),
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer as the path says, without a look at the body; or tell what the body was."""
    if scope["path"] in GO_ON:
        await asyncio.to_thread(GO_ON[scope["path"]].wait, 20)
    if scope["path"] in ("/echo", "/late"):
        body, has_more = b"", True
        while has_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, has_more = body + message["body"], message["more_body"]
        messages = sized(body)
    else:
        messages = RESPONSES[scope["path"]]
    for message in messages:
        await send(message)
    if scope["path"] == "/sized":
        assert (await receive())["type"] == "http.disconnect"


class Served:
    """The app at a port of its own, on a loop in a thread."""

    def __init__(self, folder: Path) -> None:
        (folder / "half.py").write_text(MODEL)
        self.models = podium.App(f"{folder / 'half.py'}:half", records=False, home=str(folder))
        self.loop = asyncio.new_event_loop()
        self.server: uvicorn.Server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.is_up = threading.Event()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.run(),))

    async def run(self) -> None:
        lane = Lane(self.models, list)
        http: Any = partial(Connection, lane=lane)
        config = uvicorn.Config(app, http=http, ws="none", lifespan="off", log_config=None)
        self.server = uvicorn.Server(config)
        serving = asyncio.ensure_future(self.server.serve(sockets=[self.listener]))
        self.is_up.set()
        await serving
        self.models.close()

    def sweep(self, later_s: float) -> int:
        """Let every connection do what it does so much later; how many there are still."""

        def swept() -> None:
            for one in list(self.server.server_state.connections):
                one.sweep(self.loop.time() + later_s)  # type: ignore[union-attr]

        self.loop.call_soon_threadsafe(swept)
        return self.count()

    def n_ahead(self) -> int:
        """How many bytes wait that a client sent ahead of its answers."""
        connections: Any = self.server.server_state.connections
        return max((len(getattr(one, "_buffer", b"")) for one in list(connections)), default=0)

    def is_held(self) -> bool:
        """Whether every client has to wait with what it still wants to send."""
        connections: Any = self.server.server_state.connections
        return all(not one._transport.is_reading() for one in list(connections))

    def age(self, by_s: float) -> None:
        """Let every connection have waited so much longer."""
        for one in list(self.server.server_state.connections):
            one.since_s -= by_s  # type: ignore[union-attr]

    def count(self) -> int:
        return len(self.server.server_state.connections)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("served"))
    served.thread.start()
    assert served.is_up.wait(60)
    yield served
    served.server.should_exit = True
    served.thread.join()
    served.loop.close()


def get(path: str, *, method: str = "GET", version: str = "1.1") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: bytes, *headers: bytes) -> bytes:
    return request(body, *headers, line=f"POST {path} HTTP/1.1".encode())


def bare(served: Served, sent: bytes) -> bytes:
    """Every byte that comes back."""
    with connected(served.address) as sock, sock.makefile("rb") as stream:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        return stream.read()


def statuses(found: list[Answer]) -> list[int]:
    return [one.status for one in found]


def test_a_response_of_unknown_length_is_sent_in_chunks(served):
    raw = bare(served, get("/parts"))

    assert b"transfer-encoding: chunked\r\n" in raw
    assert raw.endswith(b"\r\n\r\n4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_to_an_old_client_its_end_is_that_of_the_connection(served):
    raw = bare(served, get("/parts", version="1.0"))

    assert b"chunked" not in raw
    assert b"connection: close\r\n" in raw
    assert raw.endswith(b"\r\n\r\none,two")


@pytest.mark.parametrize("path", ["/parts", "/sized", "/empty"])
def test_head_has_no_body(served, path):
    raw = bare(served, get(path, method="HEAD") * 2)

    assert raw.count(b"HTTP/1.1 20") == 2
    assert raw.endswith(b"\r\n\r\n")
    assert b"one" not in raw
    assert b"whole" not in raw


def test_a_body_is_delimited_exactly(served):
    body = b"a" * 500_000
    found = answers(served.address, post("/echo", body) + post("/echo", b"b") + get("/sized"))

    assert [one.body for one in found] == [body, b"b", b"whole"]


def test_an_unread_body_is_not_the_next_request(served):
    hidden = get("/last")

    assert statuses(answers(served.address, post("/sized", hidden) + get("/empty"))) == [200, 204]


def test_an_answer_before_the_body_ends_the_connection(served):
    whole = post("/sized", bytes(100_000))

    with connected(served.address) as sock, sock.makefile("rb") as stream:
        sock.sendall(whole[:1_000])
        found = next(responses(stream))
        sock.sendall(whole[1_000:] + get("/sized"))
        rest = stream.read()

    assert found.headers[b"connection"] == b"close"
    assert rest == b""


@pytest.mark.parametrize("path", ["/split", "/none", "/twice", "/short", "/over"])
def test_an_app_that_fails_gets_a_500(served, path):
    found = answers(served.address, get(path) + get("/sized"))

    assert statuses(found) == [500]
    assert b"set-cookie" not in found[0].headers


def test_a_response_without_its_end_cannot_be_taken_for_whole(served):
    with connected(served.address) as sock, sock.makefile("rb") as stream:
        sock.sendall(get("/unended") + get("/sized"))
        try:
            raw = stream.read()
        except ConnectionResetError:
            raw = b""

    assert b"0\r\n\r\n" not in raw
    assert b"whole" not in raw


def test_the_app_may_end_the_connection(served):
    assert statuses(answers(served.address, get("/last") + get("/sized"))) == [200]


def is_soon(condition: Callable[[], bool]) -> bool:
    until = threading.Event()
    return any(condition() or until.wait(0.02) for _ in range(3_000))


@pytest.mark.parametrize(
    ("sent", "later_s", "status"),
    [
        (b"GET / HT", HEAD_S + 1, 408),
        (post("/echo", b"abc")[:-1], BODY_S + 1, 408),
        (b"", IDLE_S + 1, None),
        (get("/sized"), IDLE_S + 1, 200),
    ],
)
def test_slow_clients_are_disconnected(served, sent, later_s, status):
    with connected(served.address) as sock, sock.makefile("rb") as stream:
        sock.sendall(sent)
        assert is_soon(lambda: served.count() > 0)
        heard = stream.peek(12)[9:12] if status == 200 else b""
        # More than once, since what was sent may not have arrived yet.
        assert is_soon(lambda: served.sweep(later_s) == 0)
        raw = stream.read()

    assert (raw[9:12] or heard) == (b"" if status is None else b"%d" % status)


def test_a_client_that_had_to_wait_with_its_body_is_not_slow(served):
    body = b"a" * 400_000
    whole = post("/late", body)

    with connected(served.address) as sock, sock.makefile("rb") as stream:
        sock.sendall(whole[:200_000])
        assert is_soon(lambda: served.count() > 0 and served.is_held())
        served.age(BODY_S + 1)
        GO_ON["/late"].set()
        assert is_soon(lambda: not served.is_held())
        served.sweep(0)
        sock.sendall(whole[200_000:])
        found = next(responses(stream))

    assert (found.status, found.body) == (200, body)


def test_an_unread_long_body_delays_no_later_request(served):
    whole = post("/unread", bytes(70_000))

    with connected(served.address) as sock, sock.makefile("rb") as stream:
        sock.sendall(whole[:-10_000])
        sock.sendall(whole[-10_000:])
        assert is_soon(lambda: served.count() > 0 and served.is_held())
        GO_ON["/unread"].set()
        first = next(responses(stream))
        sock.sendall(get("/sized"))
        second = next(responses(stream))

    assert (first.body, second.body) == (b"unread", b"whole")


def test_requests_far_ahead_of_their_responses_wait_at_the_client(served):
    n = 1_000
    asked = post("/empty", b'{"number":3}', b"X: " + b"y" * 8_000) * n
    found: list[Answer] = []
    waiting = []

    with connected(served.address) as sock, sock.makefile("rb") as stream:
        sender = threading.Thread(target=sock.sendall, args=(asked,))
        sender.start()
        for _ in range(n):
            found.append(next(responses(stream)))
            waiting.append(served.n_ahead())
        sender.join()

    assert {one.status for one in found} == {204}
    assert max(waiting) < 4 * AHEAD_BYTES_MAX


def test_a_client_that_accepts_nothing_is_disconnected(served):
    with connected(served.address) as sock:
        sock.sendall(get("/long"))
        assert sock.recv(10) == b"HTTP/1.1 2"
        served.sweep(BODY_S + 1)
        assert served.count() == 1
        served.sweep(STALLED_S + 1)
        assert is_soon(lambda: served.count() == 0)


def test_a_client_that_keeps_sending_after_a_refusal_is_disconnected(served):
    with connected(served.address) as sock, sock.makefile("rb") as stream:
        sock.sendall(b"no request\r\n\r\n")
        assert stream.read()[9:12] == b"400"
        sock.sendall(b"more")
        assert served.count() == 1
        served.sweep(LINGER_S + 1)
        assert is_soon(lambda: served.count() == 0)


def test_there_is_an_end_to_what_is_read_after_a_refusal(served):
    n_too_many = LINGER_BYTES // len(LONG) + 20

    with connected(served.address) as sock:
        sock.sendall(b"no request\r\n\r\n")
        with pytest.raises(ConnectionError):
            send_long(sock, n_too_many)


def send_long(sock: socket.socket, n: int) -> None:
    for _ in range(n):
        sock.sendall(LONG)
