"""The load on a server: a program of its own, with connections that are kept open.

It reads a `Load` as JSON from standard input, and writes its `Outcome` as JSON: a process of its own,
so that it doesn't take time from whoever measures. Each connection sends its next request when the last
one was answered, so a server that stalls gets fewer requests meanwhile.
"""

from __future__ import annotations

import math
import selectors
import socket
import ssl
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

import msgspec

# Without an answer for so long a request has failed.
STALLED_S = 30.0
READ_BYTES = 2**18


class Load(msgspec.Struct, kw_only=True):
    """What to send.

    Attributes:
        address: of the server, such as `http://127.0.0.1:8000`.
        path: of the route that predicts.
        bodies: JSON, sent in turn.
        n_connections: that are open at the same time.
        warm_s: how long it sends before it measures.
        seconds: how long it measures.
        token: of the caller; "" for none.
    """

    address: str
    path: str
    bodies: list[str]
    n_connections: int = 1
    warm_s: float = 0.3
    seconds: float = 1.0
    token: str = ""


class Outcome(msgspec.Struct, kw_only=True):
    """What came back while it measured.

    Attributes:
        n_sent: requests answered in all, also while it warmed up.
        n_ok: requests with a status of 2xx.
        failures: how many others, by the reason.
        seconds: how long that took.
        p50_ms: half of the requests took at most so long; 0 where none was answered.
        p99_ms: likewise, 99 of 100 requests.
        cpu_share: how much of a core this program used.
    """

    n_sent: int
    n_ok: int
    failures: dict[str, int]
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_share: float


class _Connection:
    """A connection with one request on its way."""

    __slots__ = ("at", "began_s", "buffer", "needed", "socket")

    def __init__(self, at: int) -> None:
        self.at = at
        self.socket: socket.socket
        self.buffer = b""
        self.needed = 0
        self.began_s = 0.0


class _Client:
    """All connections, in one thread."""

    def __init__(self, load: Load) -> None:
        parts = urlsplit(load.address)
        self._is_secure = parts.scheme == "https"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (443 if self._is_secure else 80)
        self._requests = _requests(load, parts.netloc, parts.path.rstrip("/"))
        self._selector = selectors.DefaultSelector()
        self._load = load
        self._times_s: list[float] = []
        self._failures: Counter[str] = Counter()
        self._n_sent = 0
        self._is_measuring = False

    def run(self) -> Outcome:
        load = self._load
        connections = [_Connection(number) for number in range(load.n_connections)]
        for one in connections:
            self._open(one)
        self._ask_until(connections, time.perf_counter() + load.warm_s)
        self._is_measuring = True
        began_s, cpu_s = time.perf_counter(), time.process_time()
        self._ask_until(connections, began_s + load.seconds)
        seconds = time.perf_counter() - began_s
        times = sorted(self._times_s)
        return Outcome(
            n_sent=self._n_sent,
            n_ok=len(times),
            failures=dict(self._failures),
            seconds=seconds,
            p50_ms=_quantile(times, 0.5) * 1e3,
            p99_ms=_quantile(times, 0.99) * 1e3,
            cpu_share=(time.process_time() - cpu_s) / seconds,
        )

    def _ask_until(self, connections: list[_Connection], end_s: float) -> None:
        swept_s = time.perf_counter()
        while (now_s := time.perf_counter()) < end_s:
            for key, _ in self._selector.select(max(0.0, min(end_s - now_s, 0.5))):
                self._read(key.data)
            if now_s - swept_s > 1.0:
                swept_s = now_s
                for one in connections:
                    if now_s - one.began_s > STALLED_S:
                        self._fail(one, f"no answer within {STALLED_S:g} s")

    def _open(self, one: _Connection) -> None:
        """Connect, and send a request; the server must be there, or the program ends."""
        plain = socket.create_connection((self._host, self._port), timeout=10)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._is_secure:
            plain = ssl.create_default_context().wrap_socket(plain, server_hostname=self._host)
        one.socket = plain
        self._send(one)
        plain.setblocking(False)
        self._selector.register(plain, selectors.EVENT_READ, one)

    def _send(self, one: _Connection) -> None:
        one.at += 1
        one.buffer, one.needed = b"", 0
        request = self._requests[one.at % len(self._requests)]
        one.began_s = time.perf_counter()
        # A body fits into the socket's buffer, or is sent in parts, for which others have to wait.
        try:
            n_sent = one.socket.send(request)
        except (BlockingIOError, ssl.SSLWantWriteError):
            n_sent = 0
        if n_sent < len(request):
            one.socket.settimeout(STALLED_S)
            one.socket.sendall(request[n_sent:])
            one.socket.setblocking(False)

    def _read(self, one: _Connection) -> None:
        try:
            data = one.socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError as error:
            self._fail(one, type(error).__name__)
            return
        if not data:
            self._fail(one, "connection closed")
            return
        one.buffer = one.buffer + data if one.buffer else data
        if not one.needed:
            one.needed = _length_of(one.buffer)
        if one.needed and len(one.buffer) >= one.needed:
            self._settle(one)
        elif isinstance(one.socket, ssl.SSLSocket) and one.socket.pending():
            self._read(one)

    def _settle(self, one: _Connection) -> None:
        """A response is complete."""
        now_s = time.perf_counter()
        self._n_sent += 1
        status = one.buffer[9:12]
        if self._is_measuring and status[:1] == b"2":
            self._times_s.append(now_s - one.began_s)
        elif self._is_measuring:
            self._failures[f"status {status.decode('latin-1')}"] += 1
        if b"\r\nconnection: close" in one.buffer[: one.needed].lower():
            self._reopen(one)
            return
        try:
            self._send(one)
        except OSError as error:
            self._fail(one, type(error).__name__)

    def _fail(self, one: _Connection, reason: str) -> None:
        if self._is_measuring:
            self._failures[reason] += 1
        self._reopen(one)

    def _reopen(self, one: _Connection) -> None:
        self._selector.unregister(one.socket)
        one.socket.close()
        self._open(one)


def _requests(load: Load, host: str, prefix: str) -> list[bytes]:
    head = (
        f"POST {prefix}{load.path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    )
    head += f"Authorization: Bearer {load.token}\r\n" if load.token else ""
    bodies = [body.encode() for body in load.bodies]
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]


def _length_of(data: bytes) -> int:
    """The bytes of a response, its head included; 0 while they aren't known."""
    end = data.find(b"\r\n\r\n") + 4
    if end == 3:
        return 0
    head = data[:end].lower()
    _, found, rest = head.partition(b"content-length:")
    if found:
        return end + int(rest.partition(b"\r\n")[0])
    return len(data) if data.endswith(b"0\r\n\r\n") else 0  # in chunks, by some proxy


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


if __name__ == "__main__":
    loaded = msgspec.json.Decoder(Load).decode(sys.stdin.buffer.read())
    sys.stdout.buffer.write(msgspec.json.encode(_Client(loaded).run()))
