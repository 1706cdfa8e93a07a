"""Connections after their last response."""

from __future__ import annotations

import asyncio

from uvicorn.server import ServerState

# As in nginx: `lingering_time` and `lingering_timeout`.
LINGER_S = 30.0
SILENCE_S = 5.0
LINGER_BYTES = 2**28


class LingeringConnection(asyncio.Protocol):
    """A connection on which the client still sends, although the last response was sent.

    If it were closed at once, it would be reset, and a client that sends its whole request first
    would never see the response. So what still arrives is read and discarded, within limits.
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
        """Discard the data."""
        self._heard_s = self._loop.time()
        self._n_left -= len(data)
        if self._n_left < 0:
            self._transport.abort()

    def eof_received(self) -> None:
        """The client has sent everything: close the connection."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The connection is closed."""
        self._state.connections.discard(self)

    def shutdown(self) -> None:
        """The server is stopping."""
        self._transport.close()

    def sweep(self, now_s: float) -> None:
        """Close the connection if it takes too long, whatever is still to be sent or read."""
        if now_s - self._began_s > LINGER_S or now_s - self._heard_s > SILENCE_S:
            self._transport.abort()
