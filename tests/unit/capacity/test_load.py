"""The program that asks, against servers that answer in their own ways."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest

from podium.capacity.load import Load, Outcome

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Reply = Callable[[int], bytes]
Start = Callable[[Reply], str]


def request_in(peer: socket.socket) -> bytes:
    """A whole request; empty once the client has left."""
    data = b""
    while True:
        head, end, body = data.partition(b"\r\n\r\n")
        if end:
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            if len(body) >= length:
                return data
        more = peer.recv(65_536)
        if not more:
            return b""
        data += more


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers: each answers the request of a number by what a function returns."""
    listeners = []

    def begin(reply: Reply) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        counter = iter(range(10**9))

        def talk(peer: socket.socket) -> None:
            with peer:
                try:
                    while request_in(peer):
                        answer = reply(next(counter))
                        peer.sendall(answer)
                        if not answer or b"connection: close" in answer.lower():
                            return
                except OSError:
                    return

        def accept() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=(peer,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield begin
    for one in listeners:
        one.shutdown(socket.SHUT_RDWR)
        one.close()


def run(address: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    values = {"warm_s": 0.05, "seconds": 0.3} | options
    load = Load(address=address, path="/predict", bodies=['{"x":1}', '{"x":2}'], **values)  # type: ignore[arg-type]
    return subprocess.run(
        [sys.executable, "-m", "podium.capacity.load"],
        input=msgspec.json.encode(load),
        capture_output=True,
        timeout=60,
        check=False,
    )


def outcome(address: str, **options: object) -> Outcome:
    done = run(address, **options)
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.Decoder(Outcome).decode(done.stdout)


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
    ids=["kept", "closed", "in chunks"],
)
def test_answers_are_counted_and_timed(start: Start, answer: bytes) -> None:
    found = outcome(start(lambda _: answer), n_connections=4)

    assert found.n_ok > 4
    assert found.n_sent >= found.n_ok
    assert found.failures == {}
    assert 0 < found.p50_ms <= found.p99_ms
    assert 0 < found.cpu_share <= 1.5


def test_whatever_is_no_prediction_is_counted_by_its_reason(start: Start) -> None:
    refused = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    answers = [OK, refused, b""]  # the last one closes the connection instead

    found = outcome(start(lambda number: answers[number % 3]))

    assert found.n_ok > 0
    assert set(found.failures) <= {"status 503", "connection closed", "ConnectionResetError"}
    assert found.failures["status 503"] > 0
    assert len(found.failures) > 1


def test_a_server_that_is_gone_ends_the_program(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    done = run(f"http://127.0.0.1:{port}")

    assert done.returncode != 0
    assert b"ConnectionRefusedError" in done.stderr
