"""A head without an end is refused as it arrives: nobody else waits for it, and nothing piles up."""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from wire import LANES, MODEL, PREDICT, answers, connected, request, responses

SOAK = int(os.environ.get("PODIUM_SOAK", "0"))
LINE = b"POST " + PREDICT + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
# What begins a head, and what then goes on and on.
ENDLESS = {
    "a long address": (b"GET /", b"a" * 4_096, 414),
    "a long first line": (b"GET / HTTP/1.1", b"1" * 4_096, 414),
    "a long method": (b"", b"A" * 4_096, 414),
    "a long header": (LINE + b"X: ", b"y" * 4_096, 431),
    "a long name": (LINE, b"y" * 4_096, 431),
    "many tiny headers": (LINE, b"a:\r\n" * 1_024, 431),
    "lines that end in LF": (b"GET / HTTP/1.1\n", b"a:\n" * 1_024, 400),
    "zeros": (b"", bytes(4_096), 414),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("endless")
    (folder / "half.py").write_text(MODEL)
    with ServerProcess(f"{folder / 'half.py'}:half", home=folder / "home") as server:
        yield server


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_head_is_refused_as_soon_as_it_passes_a_bound(server, kind):
    begin, more, status = ENDLESS[kind]

    with connected(server.address) as sock, sock.makefile("rb") as stream:
        sock.sendall(begin + more * 8)
        (answer,) = responses(stream)

    assert answer.status == status
    assert answer.headers[b"connection"] == b"close"


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"X: " + b"y" * 16_000, 200),
        (b"X: " + b"y" * 17_000, 431),
        (b"X: " + b"y" * 500_000, 431),
        (b"\r\n".join([b"x:"] * 60), 200),
        (b"\r\n".join([b"x:"] * 70), 431),
        (b"\r\n".join([b"x:"] * 70_000), 431),
    ],
)
def test_a_head_that_arrives_at_once_is_held_to_the_same_bounds(server, lane, header, status):
    found = answers(server.address, request(b'{"number":3}', lane, header))

    assert [one.status for one in found] == [status]


def test_a_client_that_streams_heads_delays_nobody_and_fills_no_memory(server):
    is_over = threading.Event()
    before = memory(server.pid)
    streams = [
        threading.Thread(target=streamed, args=(server.address, begin, more, is_over))
        for begin, more, _ in ENDLESS.values()
    ]
    for one in streams:
        one.start()
    waited = []
    until = time.monotonic() + 3 + SOAK
    while time.monotonic() < until:
        began = time.monotonic()
        with urllib.request.urlopen(f"{server.address}/livez", timeout=60) as answer:
            assert answer.status == 200
        waited.append(time.monotonic() - began)
    after = memory(server.pid)
    is_over.set()
    for one in streams:
        one.join()

    # Half of them: a busy machine delays some, and what reads for ever delays all.
    assert statistics.median(waited) < 1
    assert after - before < 64 * 2**20


def streamed(address: str, begin: bytes, more: bytes, is_over: threading.Event) -> None:
    """Send heads without an end, on one connection after the other."""
    while not is_over.is_set():
        with connected(address) as sock:
            try:
                sock.sendall(begin)
                while not is_over.is_set():
                    sock.sendall(more * 16)
            except OSError:
                pass  # it was closed, as it should be


def memory(pid: int) -> int:
    """What a process and its children hold in memory, in bytes."""
    fields = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:
            continue  # it has ended
        fields[int(lines["Pid"])] = int(lines["PPid"]), int(lines.get("VmRSS", "0 kB").split()[0])
    return 1_024 * sum(kb for one, (parent, kb) in fields.items() if pid in (one, parent))
