"""Connections: each head is read once; then the fast lane or the ASGI app takes over."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from podium.hosts.server.exchange import Exchange, scope_of
from podium.hosts.server.head import Head, PredictHead, Rejected, check_size, readable
from podium.hosts.server.lane import Lane, NotQuick
from podium.hosts.server.lane_job import LaneSubmission
from podium.hosts.server.lingering import LingeringConnection
from podium.hosts.server.websocket import WebSocket, is_handshake
from podium.policy import gate

HEAD_S = 5.0
BODY_S = 10.0
# A long body may take longer, at this rate.
BODY_BYTES_S = 2**19
# Longer than proxies keep connections open, so that the proxy closes an idle one.
IDLE_S = 75.0
# A client that accepts none of its response for this long is gone.
STALLED_S = 60.0
# A request that has arrived, but wasn't read yet, would be reset with its connection. Less than uvicorn
# waits by itself when it stops.
ON_ITS_WAY_S = 0.05
# How much a client may send ahead of its responses before we stop reading.
AHEAD_BYTES_MAX = 262_144


class Connection(asyncio.Protocol):
    """A connection: one request at a time, in order.

    Plain prediction requests go to the fast lane as a whole; all others become an exchange with the
    ASGI app, which reads the body as it arrives. The head alone determines where a request ends,
    for both lanes.
    """

    __slots__ = (
        "_app_state",
        "_buffer",
        "_config",
        "_current",
        "_is_closing",
        "_is_paused",
        "_lane",
        "_loop",
        "_state",
        "_transport",
        "since_s",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        lane: Lane,
    ) -> None:
        self._config = config
        self._state = server_state
        self._app_state = app_state
        self._lane = lane
        self._loop = _loop or asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._buffer = b""
        self._current: LaneSubmission | Exchange | None = None
        self._is_paused = False
        # Nothing more is read: the client sends no more, or the server is stopping.
        self._is_closing = False
        self.since_s = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = transport  # type: ignore[assignment]
        self._state.connections.add(self)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The client disconnected; pending responses are of no use any more."""
        self._state.connections.discard(self)
        current, self._current = self._current, None
        if isinstance(current, Exchange):
            current.leave()
        elif current is not None:
            current.is_settled = True

    def eof_received(self) -> bool:
        """The client sends no more, but still waits for its responses."""
        self._is_closing = True
        current = self._current
        if isinstance(current, Exchange) and current.n_missing:
            return False  # its request will never be complete
        if current is None and self._buffer:
            self._loop.call_soon(self._go_on)
        # A TLS connection can't be half-closed.
        is_plain = self._transport.get_extra_info("sslcontext") is None
        return is_plain and bool(current or self._buffer)

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        if self._current is not None or self._is_paused:
            self._keep(data)
            return
        if self._buffer:
            data = self._buffer + data
        else:
            self.since_s = self._loop.time()
        self._read(data)
        if len(self._buffer) > AHEAD_BYTES_MAX:
            self._transport.pause_reading()

    @property
    def address(self) -> str:
        """The client's IP address."""
        peer = self._transport.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    def pause_writing(self) -> None:
        """The client reads more slowly than we respond: stop reading its requests."""
        self._is_paused = True
        self.since_s = self._loop.time()
        if isinstance(self._current, Exchange):
            self._current.writable.clear()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._is_paused = False
        self.since_s = self._loop.time()
        if isinstance(self._current, Exchange):
            self._current.writable.set()
        elif self._current is None:
            self._go_on()

    def write(self, data: bytes) -> None:
        """Send these bytes of an exchange's response."""
        self._transport.write(data)

    def hold_back(self, *, is_full: bool) -> None:
        """Stop reading the rest of the body, or go on."""
        if is_full:
            self._transport.pause_reading()
        elif len(self._buffer) <= AHEAD_BYTES_MAX and not self._transport.is_reading():
            self.since_s = self._loop.time()  # it was us who kept the client waiting
            self._transport.resume_reading()

    def finish(self, *, is_last: bool) -> None:
        """An exchange has sent its response."""
        is_read = isinstance(self._current, Exchange) and not self._current.n_missing
        self._current = None
        self._next(is_last=is_last, is_read=is_read)

    def break_off(self) -> None:
        """The rest of a response can't be sent: the client must notice."""
        self._transport.abort()

    def answer(self, data: bytes, *, is_last: bool) -> None:
        """Send a response of the fast lane; then handle the next request."""
        self._current = None
        if self._transport.is_closing():
            return
        self._transport.write(data)
        if is_last or self._buffer or self._is_closing:
            self._next(is_last=is_last)

    def shutdown(self) -> None:
        """The server is stopping: finish the current request, or one that is on its way."""
        if self._current is None:
            self._loop.call_later(ON_ITS_WAY_S, self._stop_reading)
        else:
            self._is_closing = True

    def _stop_reading(self) -> None:
        self._is_closing = True
        if self._current is None:
            self._close()

    def sweep(self, now_s: float) -> None:
        """Close a connection that takes too long."""
        waited_s = now_s - self.since_s
        current = self._current
        if self._is_paused or self._transport.is_closing():
            if waited_s > STALLED_S:
                self._transport.abort()
        elif isinstance(current, Exchange):
            if current.is_waiting and waited_s > BODY_S + current.head.length / BODY_BYTES_S:
                self._give_up(current)
        elif current is not None:
            return
        elif not self._buffer:
            if waited_s > IDLE_S:
                self._close()
        elif waited_s > (BODY_S if b"\r\n\r\n" in self._buffer else HEAD_S):
            self._reject(Rejected(gate.too_slow(), readable(self._buffer)))

    def _next(self, *, is_last: bool, is_read: bool = True) -> None:
        """Close the connection after a response, or handle what arrived meanwhile."""
        if is_last and (self._buffer or not is_read):
            self._linger()
        elif is_last or (self._is_closing and not self._buffer):
            self._close()
        elif self._buffer and not self._is_paused:
            self._loop.call_soon(self._go_on)
        else:
            self.since_s = self._loop.time()
            self._read_on()

    def _go_on(self) -> None:
        if self._current is not None or self._is_paused or self._transport.is_closing():
            return
        data, self._buffer = self._buffer, b""
        self.since_s = self._loop.time()
        if data:
            self._read(data)
        if not self._transport.is_closing():
            self._read_on()

    def _read_on(self) -> None:
        """Read on, unless enough of what the client sent ahead still waits."""
        if len(self._buffer) <= AHEAD_BYTES_MAX:
            self._transport.resume_reading()

    def _keep(self, data: bytes) -> None:
        """Buffer what arrives during a request: the rest of its body, or later requests."""
        if isinstance(self._current, Exchange):
            data = self._current.feed(data)
        self._buffer += data
        if len(self._buffer) > AHEAD_BYTES_MAX:
            self._transport.pause_reading()

    def _read(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n") + 4
        lane = self._lane
        try:
            if end == 3:
                check_size(data)
                self._await_rest(b"" if data == b"\r\n" else data)
                return
            head = lane.heads.read(data[:end])
        except Rejected as rejected:
            self._reject(rejected)
            return
        total = end + head.length
        body = data[end:total]
        if not isinstance(head, PredictHead):
            self._exchange(head, body, data[total:])
        elif len(data) < total:
            self._await_rest(data)
        else:
            self._buffer = rest = data[total:]
            try:
                # None if an error was already sent. Other responses come in a later turn.
                self._current = lane.submit(self, head, body)
            except NotQuick:
                self._exchange(head, body, rest)

    def _await_rest(self, data: bytes) -> None:
        """Buffer a request that isn't complete yet."""
        self._buffer = data
        if self._is_closing:
            self._close()

    def _exchange(self, head: Head, body: bytes, rest: bytes) -> None:
        if self._is_closing and len(body) < head.length:
            self._close()
            return
        transport = self._transport
        is_secure = transport.get_extra_info("sslcontext") is not None
        scope = scope_of(
            head,
            scheme="https" if is_secure else "http",
            client=_address(transport, "peername"),
            server=_address(transport, "sockname"),
            state=self._app_state.copy(),
        )
        run: Exchange | WebSocket
        if self._lane.heads.is_stream(head) and is_handshake(head):
            self._state.connections.discard(self)
            run = WebSocket(self._state, transport, self._loop, head, scope, rest)
        else:
            self._buffer = rest
            headers, is_last = self._state.default_headers, self._lane.is_stopping
            run = Exchange(self, head, body, scope, headers, is_last=is_last)
            self._current = run
        task = self._loop.create_task(run.run(self._config.loaded_app))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def _give_up(self, exchange: Exchange) -> None:
        """The body of a request doesn't arrive."""
        exchange.leave()
        self._current = None
        if exchange.is_begun:
            self._transport.abort()
        else:
            self._reject(Rejected(gate.too_slow(), exchange.head))

    def _reject(self, rejected: Rejected) -> None:
        """Send the last response; the meaning of the following bytes is unknown."""
        self._transport.write(self._lane.refusal(rejected))
        if self._is_closing:
            self._close()
        else:
            self._linger()

    def _linger(self) -> None:
        self._state.connections.discard(self)
        self._buffer = b""
        LingeringConnection(self._state, self._transport, self._loop)

    def _close(self) -> None:
        self.since_s = self._loop.time()
        self._transport.close()


def _address(transport: asyncio.Transport, name: str) -> tuple[str, int] | None:
    found = transport.get_extra_info(name)
    return (str(found[0]), int(found[1])) if found else None
