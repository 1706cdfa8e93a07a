"""Connections: the fast lane where a request is plain, uvicorn's own protocol where it isn't."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from podium.hosts.server.lane import Lane, LaneJob

HEAD_S = 5.0
BODY_S = 10.0
# Longer than proxies keep their connections, so that it is they who close an idle one.
IDLE_S = 75.0
# A head that is longer than the gate allows is handed on, to be refused.
HEAD_BYTES_MAX = 32_768
# What a client may send ahead of its answers before it isn't read any more.
AHEAD_BYTES_MAX = 262_144
_TIMEOUT = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 28\r\nconnection: close\r\n\r\nthe request took too long\r\n\r\n"
)


class FastConnection(asyncio.Protocol):
    """A connection in the fast lane: one request at a time, in order.

    A request that isn't plain goes to uvicorn's protocol with all its bytes, on the same connection,
    which comes back here after the response.
    """

    __slots__ = (
        "_app_state",
        "_buffer",
        "_config",
        "_is_closing",
        "_is_paused",
        "_job",
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
        self._job: LaneJob | None = None
        self._is_paused = False
        self._is_closing = False
        self.since_s = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = transport  # type: ignore[assignment]
        self._state.connections.add(self)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """The client left; what it waited for is of no use any more."""
        self._state.connections.discard(self)
        if self._job is not None:
            self._job.is_settled = True
            self._job = None

    def eof_received(self) -> bool:
        """The client sends no more, but still waits for what it asked."""
        self._is_closing = True
        return self._job is not None

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        if self._job is not None or self._is_paused:
            self._buffer += data
            if len(self._buffer) > AHEAD_BYTES_MAX:
                self._transport.pause_reading()
            return
        if self._buffer:
            data = self._buffer + data
        else:
            self.since_s = self._loop.time()
        self._read(data)

    @property
    def address(self) -> str:
        """The client's IP address."""
        peer = self._transport.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    def pause_writing(self) -> None:
        """The client reads slower than it is answered: it has to wait with more questions."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self._is_paused = False
        if self._job is None:
            self._go_on()

    def answer(self, data: bytes, *, is_last: bool) -> None:
        """Send a response; then the next request's turn comes."""
        self._job = None
        transport = self._transport
        if transport.is_closing():
            return
        transport.write(data)
        if is_last or (self._is_closing and not self._buffer):
            transport.close()
        elif self._buffer and not self._is_paused:
            self._loop.call_soon(self._go_on)

    def shutdown(self) -> None:
        """The server is being stopped: what began is answered, and no more."""
        self._is_closing = True
        if self._job is None:
            self._transport.close()

    def sweep(self, now_s: float) -> None:
        """Close a connection that takes too long."""
        if self._job is not None:
            return
        waited_s = now_s - self.since_s
        if not self._buffer:
            if waited_s > IDLE_S:
                self._transport.close()
        elif waited_s > (BODY_S if b"\r\n\r\n" in self._buffer else HEAD_S):
            self._transport.write(_TIMEOUT)
            self._transport.close()

    def _go_on(self) -> None:
        if self._job is not None or self._is_paused or self._transport.is_closing():
            return
        data, self._buffer = self._buffer, b""
        self._transport.resume_reading()
        self.since_s = self._loop.time()
        if data:
            self._read(data)

    def _read(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n") + 4
        if end == 3:
            if len(data) > HEAD_BYTES_MAX:
                self._hand_over(data)
            else:
                self._buffer = data
            return
        lane = self._lane
        head = lane.heads.read(data[:end]) if lane.is_used else None
        batcher = None if head is None else lane.batcher(head.deployment)
        if head is None or batcher is None:
            self._hand_over(data)
            return
        total = end + head.length
        if len(data) < total:
            self._buffer = data
            return
        self._buffer = data[total:]
        # None when it is answered already, with an error. Other answers come in a later turn.
        self._job = lane.ask(self, head, data[end:total], batcher)

    def _hand_over(self, data: bytes) -> None:
        self._buffer = b""
        self._state.connections.discard(self)
        other = HandedConnection(
            self._config, self._state, self._app_state, self._loop, lane=self._lane
        )
        other.connection_made(self._transport)
        self._transport.set_protocol(other)
        other.data_received(data)
        if self._is_closing:
            other.shutdown()


class HandedConnection(HttpToolsProtocol):
    """A connection whose request isn't plain: as uvicorn does it, until it is answered."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        lane: Lane,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._lane = lane
        self._n_open = 0
        self._since_s = self.loop.time()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._n_open += 1
        self._since_s = self.loop.time()
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """A request was read whole."""
        self._n_open -= 1
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It is answered: the connection goes back to the fast lane, if nothing is under way."""
        is_idle = not self._n_open and not self.pipeline
        super().on_response_complete()
        if not is_idle or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        fast = FastConnection(
            self.config, self.server_state, self.app_state, self.loop, lane=self._lane
        )
        fast.connection_made(self.transport)
        self.transport.set_protocol(fast)

    def sweep(self, now_s: float) -> None:
        """Close a connection whose request takes too long to arrive."""
        if self._n_open and now_s - self._since_s > BODY_S:
            self.transport.close()
