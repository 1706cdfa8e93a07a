"""WebSockets: handshakes, frames and ends, in our own server and in another one."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

import podium
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from socket_client import ACCEPTED, SocketClient

BUNDLE = Path(__file__).parents[1] / "formats" / "logistic-1.podium"
STREAM = "/api/models/logistic-1/monitor/stream"
ROW = podium.load(BUNDLE).signature.examples[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("websockets")
    with ServerProcess(str(BUNDLE), "--access-log", home=home) as one:
        yield one


@pytest.fixture
def address(server: ServerProcess) -> str:
    return server.address


@pytest.mark.slow
def test_the_first_message_has_everything_and_the_next_what_is_new(address):
    with SocketClient(address, STREAM) as client:
        first = client.message()
        body = json.dumps(ROW).encode()
        headers = {"content-type": "application/json"}
        url = f"{address}/api/models/logistic-1/predict"
        urllib.request.urlopen(urllib.request.Request(url, body, headers)).close()
        points = [point for _ in range(3) for point in client.message()["points"]]

    assert client.status == 101
    assert client.headers["sec-websocket-accept"] == ACCEPTED
    assert len(first["series"]) == 5
    assert "Rows a second" in first["sections"]["now"]
    assert sum(rows for _, rows, *_ in points) > 0
    assert [point[0] for point in points] == sorted(point[0] for point in points)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Origin": "https://elsewhere.example"}, 403, "cross_site"),
        ({"Origin": "null"}, 403, "cross_site"),
        ({"Sec-Fetch-Site": "same-site"}, 403, "cross_site"),
        ({"Upgrade": None}, 426, "upgrade_required"),
        ({"Upgrade": "h2c"}, 426, "upgrade_required"),
        ({"Connection": "keep-alive"}, 426, "upgrade_required"),
        ({"Sec-WebSocket-Version": "12"}, 426, "upgrade_required"),
        ({"Sec-WebSocket-Key": None}, 426, "upgrade_required"),
        ({"Sec-WebSocket-Key": "too short"}, 426, "upgrade_required"),
        ({"Host": "elsewhere.example"}, 421, "host_not_allowed"),
    ],
)
def test_a_handshake_that_is_not_right_is_refused(address, headers, status, code):
    with SocketClient(address, STREAM, headers) as client:
        body = client.rest
        while len(body) < int(client.headers["content-length"]):
            body += client.socket.recv(65_536)

    assert client.status == status
    assert json.loads(body)["code"] == code
    if status == 426:
        assert client.headers["upgrade"] == "websocket"
        assert client.headers["sec-websocket-version"] == "13"


@pytest.mark.slow
def test_a_handshake_elsewhere_is_an_ordinary_request(address):
    with SocketClient(address, "/models/logistic-1") as page:
        assert page.status == 200
    with SocketClient(address, "/api/models/nothing/monitor/stream") as missing:
        assert missing.status == 404
    for query, status in (("window=year", 400), ("version=nothing", 404)):
        with SocketClient(address, f"{STREAM}?{query}") as invalid:
            assert invalid.status == status


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x05hello", 1002),  # not masked
        (b"\x81\x85\x00\x00\x00\x00hello", 1003),  # a message
        (b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", None),  # 9 EB of one
        (b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + bytes(126), 1002),  # a ping of 126 bytes
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # a kind of frame that there isn't
        (b"\xc1\x80\x00\x00\x00\x00", 1002),  # a bit of an extension that wasn't agreed on
        (b"\x88\x81\x00\x00\x00\x00x", 1002),  # half a code
    ],
)
def test_frames_that_are_not_right_end_it(address, frame, code):
    with SocketClient(address, STREAM, early=frame) as client:
        assert client.status == 101
        if code is None:  # once its first byte arrives
            client.socket.sendall(b"x")
            code = 1003
        assert client.close_code() == code
        assert client.event() is None  # the server closes the connection


@pytest.mark.slow
def test_pings_are_answered_and_a_close_is(address):
    with SocketClient(address, STREAM) as client:
        client.send(Ping(b"are you there"))
        while isinstance(event := client.event(), TextMessage):
            pass
        client.send(CloseConnection(1000))
        code = client.close_code()

    assert isinstance(event, Pong)
    assert bytes(event.payload) == b"are you there"
    assert code == 1000


@pytest.mark.slow
def test_each_user_may_have_so_many_and_gets_a_place_back(tmp_path):
    environment = {"PODIUM_SOCKETS_USER_MAX": "3", "PODIUM_SOCKETS_MAX": "5"}
    with ServerProcess(str(BUNDLE), home=tmp_path, environment=environment) as server:
        clients = [SocketClient(server.address, STREAM) for _ in range(4)]
        statuses = [client.status for client in clients]
        clients[0].socket.close()
        is_back = _until(lambda: _status(server.address) == 101)
        for client in clients:
            client.socket.close()

    assert statuses == [101, 101, 101, 429]
    assert is_back


@pytest.mark.slow
def test_the_server_stops_soon_and_says_so(tmp_path):
    with ServerProcess(str(BUNDLE), home=tmp_path) as server:
        clients = [SocketClient(server.address, STREAM) for _ in range(20)]
        # One that doesn't answer, and one that doesn't even read.
        began_s = time.monotonic()
        server.stop()
        stopped_s = time.monotonic() - began_s
        codes = {client.close_code() for client in clients}
        for client in clients:
            client.socket.close()
        log = server.log.read_text()

    assert codes == {1001}
    assert stopped_s < 8  # two seconds, on a machine that isn't busy
    assert "Traceback" not in log


@pytest.mark.slow
def test_the_access_log_has_a_line_when_it_ends(server):
    with SocketClient(server.address, STREAM) as client:
        client.message()

    assert _until(lambda: f"GET {STREAM} 101 " in server.log.read_text())


@pytest.mark.slow
def test_another_server_has_it_too_and_under_a_prefix(tmp_path):
    from fastapi import FastAPI

    app = podium.App(BUNDLE, home=str(tmp_path))
    outer = FastAPI(lifespan=app.lifespan)
    outer.mount("/ml", app)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(outer, log_level="critical", ws="wsproto")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            assert _until(lambda: server.started)
            with SocketClient(address, "/ml" + STREAM) as client:
                assert client.status == 101
                assert "series" in client.message()
                client.send(TextMessage("hello"))
                assert client.close_code() == 1003
            with SocketClient(address, "/ml" + STREAM, {"Origin": "https://x.example"}) as other:
                assert other.status == 403
            page = httpx.get(f"{address}/ml/models/logistic-1/monitor").text
        finally:
            server.should_exit = True
            thread.join(30)

    assert f'data-stream="/ml{STREAM}?window=day' in page


def _status(address: str) -> int:
    with SocketClient(address, STREAM) as client:
        return client.status


def _until(condition) -> bool:
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.1)
    return False
