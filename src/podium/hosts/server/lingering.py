"""Connections that have had their last answer."""

from __future__ import annotations

import asyncio

from uvicorn.server import ServerState

# As nginx has it: `lingering_time` and `lingering_timeout`.
LINGER_S = 30.0
SILENCE_S = 5.0
LINGER_BYTES = 2**28


class LingeringConnection(asyncio.Protocol):
    """A connection on which the client still sends, although it was answered for the last time.

    Closed at once it would be reset, and a client that sends its whole request first would never
    see the answer. So what still comes is read and thrown away, within bounds.
    """

    def __init__(
        self,
        state: ServerState,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._state = state
        self._transport = transport
        self._loop = loop
        self._began_s = self._heard_s = loop.time()
        self._n_left = LINGER_BYTES
        state.connections.add(self)  # type: ignore[arg-type]
        transport.set_protocol(self)
        transport.resume_reading()
        if transport.can_write_eof():  # not with TLS
            transport.write_eof()

    def data_received(self, data: bytes) -> None:
        """Throw it away."""
        self._heard_s = self._loop.time()
        self._n_left -= len(data)
        if self._n_left < 0:
            self._transport.abort()

    def eof_received(self) -> None:
        """The client has sent all: the connection closes."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """It is closed."""
        self._state.connections.discard(self)

    def shutdown(self) -> None:
        """The server is being stopped."""
        self._transport.close()

    def sweep(self, now_s: float) -> None:
        """Close it when it takes too long, whatever is still to be sent or read."""
        if now_s - self._began_s > LINGER_S or now_s - self._heard_s > SILENCE_S:
            self._transport.abort()
