"""A connection after `Upgrade: websocket`: its handshake, its frames, and how it ends.

The app sees a WebSocket as ASGI defines it. It may refuse with a response of its own, after which
the connection is closed. Messages come from the app alone: a client that sends one is refused.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from uvicorn.server import ServerState
from wsproto.connection import Connection as Frames
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import generate_accept_token

from podium.hosts.asgi import Receive, Scope, Send
from podium.hosts.server.exchange import Exchange
from podium.hosts.server.head import Head

VERSION = b"13"
KEY_BYTES = 16
# A client that isn't heard of for two of these is gone.
PING_S = 20.0
# How long the client may take to close its side; a server that stops waits no longer.
CLOSE_S = 1.0
# More than this isn't given to the system: what a client doesn't read stays with the app, which
# notices.
UNSENT_BYTES_MAX = 65_536

_log = logging.getLogger("podium")


def is_handshake(head: Head) -> bool:
    """Whether a request asks for a WebSocket, as RFC 6455 has it (section 4.2.1)."""
    found = dict(head.headers)
    return (
        head.method == "GET"
        and not head.is_http_10
        and not head.length
        and b"websocket" in _tokens(head, b"upgrade")
        and b"upgrade" in _tokens(head, b"connection")
        and found.get(b"sec-websocket-version") == VERSION
        and _is_key(found.get(b"sec-websocket-key", b""))
    )


class WebSocket(asyncio.Protocol):
    """A WebSocket of our server: from the request for it until its end.

    Args:
        state: the server's, which tells it when to stop.
        head: of a handshake.
        scope: of the same request.
        rest: what the client sent after it.
    """

    def __init__(
        self,
        state: ServerState,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        head: Head,
        scope: Scope,
        rest: bytes,
    ) -> None:
        self._state = state
        self._transport = transport
        self._loop = loop
        self._head = replace(head, is_last=True)
        self._scope = _websocket(scope)
        self._early = rest  # sent before it was accepted
        self._frames: Frames | None = None
        self._refusing = Exchange(self, self._head, b"", scope, state.default_headers)
        self._code: int | None = None  # once it has ended: why
        self._news = asyncio.Event()
        self._is_connected = False  # whether the app was told of it
        self._is_deaf = False  # after frames that can't be read
        self._is_stopping = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._heard_s = self._pinged_s = loop.time()
        state.connections.add(self)  # type: ignore[arg-type]
        transport.set_protocol(self)
        transport.set_write_buffer_limits(high=UNSENT_BYTES_MAX)
        transport.resume_reading()

    async def run(self, app: Callable[[Scope, Receive, Send], Any]) -> None:
        """Run the app."""
        try:
            await app(self._scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001 - an app may raise anything
            _log.error("request_failed", exc_info=error)
        finally:
            # One that the app has closed, or refused, is closing already.
            if not self._transport.is_closing() and self._code is None:
                self._transport.abort()

    async def receive(self) -> dict[str, Any]:
        """That it connects, and then that it has ended."""
        if not self._is_connected:
            self._is_connected = True
            return {"type": "websocket.connect"}
        while self._code is None:
            self._news.clear()
            await self._news.wait()
        return {"type": "websocket.disconnect", "code": self._code, "reason": ""}

    async def send(self, message: Any) -> None:
        """Accept it, refuse it, send a text, or close it."""
        await self._writable.wait()
        kind = message["type"]
        if kind.startswith("websocket.http.response"):
            await self._refusing.send({**message, "type": kind.removeprefix("websocket.")})
        elif self._code is not None:
            return  # the client has left, which the app learns from `receive`
        elif kind == "websocket.accept":
            self._accept()
        elif kind == "websocket.send" and self._frames is not None:
            self._transport.write(self._frames.send(TextMessage(message["text"])))
        elif kind == "websocket.close":
            self._close(message.get("code", CloseReason.NORMAL_CLOSURE))
        else:
            raise RuntimeError(f"a WebSocket can't continue with {kind}")

    def data_received(self, data: bytes) -> None:
        """Frames came in."""
        self._heard_s = self._loop.time()
        if self._is_deaf:
            return
        if self._frames is None:
            self._early += data
            if len(self._early) > UNSENT_BYTES_MAX:
                self._transport.abort()
            return
        if self._frames.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            self._read(self._frames, data)

    def eof_received(self) -> None:
        """The client has closed its side: so do we."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The client disconnected."""
        self._state.connections.discard(self)
        self._refusing.leave()
        self._end(CloseReason.ABNORMAL_CLOSURE)

    def pause_writing(self) -> None:
        """The client reads more slowly than the app sends, which waits; no ping is answered."""
        self._writable.clear()
        self._refusing.writable.clear()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._writable.set()
        self._refusing.writable.set()
        self._transport.resume_reading()

    def shutdown(self) -> None:
        """The server is stopping."""
        self._is_stopping = True
        if self._frames is not None:
            self._close(CloseReason.GOING_AWAY)

    def sweep(self, now_s: float) -> None:
        """Ask whether the client is still there; close the connection if it wasn't for too long."""
        if now_s - self._heard_s > 2 * PING_S:
            self._transport.abort()
        elif self._frames is not None and now_s - self._pinged_s > PING_S:
            self._pinged_s = now_s
            if self._frames.state is ConnectionState.OPEN and self._writable.is_set():
                self._transport.write(self._frames.send(Ping()))

    def write(self, data: bytes) -> None:
        """Send a part of the response that refuses it."""
        self._transport.write(data)

    def hold_back(self, *, is_full: bool) -> None:
        """A handshake has no body that could be held back."""

    def finish(self, *, is_last: bool) -> None:  # noqa: ARG002 - as Carrier
        """It is refused."""
        self._end(CloseReason.ABNORMAL_CLOSURE)
        self._transport.close()

    def break_off(self) -> None:
        """The response that refuses it can't be completed."""
        self._transport.abort()

    def _accept(self) -> None:
        key = dict(self._head.headers)[b"sec-websocket-key"]
        lines = [b"HTTP/1.1 101 Switching Protocols"]
        lines += [name + b": " + value for name, value in self._state.default_headers]
        lines += [b"upgrade: websocket", b"connection: upgrade"]
        lines += [b"sec-websocket-accept: " + generate_accept_token(key)]
        self._transport.write(b"\r\n".join(lines) + b"\r\n\r\n")
        self._frames = Frames(ConnectionType.SERVER)
        early, self._early = self._early, b""
        if early:
            self._read(self._frames, early)
        if self._is_stopping:
            self._close(CloseReason.GOING_AWAY)

    def _read(self, frames: Frames, data: bytes) -> None:
        frames.receive_data(data)
        for event in frames.events():
            if isinstance(event, Ping):
                self._transport.write(frames.send(event.response()))
            elif isinstance(event, CloseConnection):
                self._end_with(frames, event)
                return
            elif not isinstance(event, Pong):
                self._close(CloseReason.UNSUPPORTED_DATA)

    def _end_with(self, frames: Frames, event: CloseConnection) -> None:
        """The client closes it, or has sent something that can't be read."""
        if frames.state is ConnectionState.OPEN:
            self._is_deaf = True
            self._close(event.code)
            return
        if frames.state is ConnectionState.REMOTE_CLOSING:
            self._transport.write(frames.send(event.response()))
        self._end(event.code)
        self._transport.close()

    def _close(self, code: int) -> None:
        """Close it, or refuse it if it isn't open yet."""
        if self._frames is None:
            self._transport.write(_forbidden(self._state.default_headers))
            self._transport.close()
        elif self._frames.state is ConnectionState.OPEN:
            self._transport.write(self._frames.send(CloseConnection(code)))
            self._loop.call_later(CLOSE_S, self._transport.abort)
        self._end(code)

    def _end(self, code: int) -> None:
        """Tell the app, once."""
        if self._code is None:
            self._code = code
            self._news.set()
            self._writable.set()


def _websocket(scope: Scope) -> Scope:
    """The scope of the request as that of a WebSocket."""
    scheme = "wss" if scope["scheme"] == "https" else "ws"
    more = {"type": "websocket", "scheme": scheme, "subprotocols": []}
    extensions: dict[str, Any] = {"websocket.http.response": {}}
    return {**scope, **more, "extensions": extensions}


def _forbidden(default_headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    lines = [b"HTTP/1.1 403 Forbidden"]
    lines += [name + b": " + value for name, value in default_headers]
    lines += [b"content-length: 0", b"connection: close"]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _tokens(head: Head, name: bytes) -> list[bytes]:
    """What a header lists, in lower case."""
    values = [value for key, value in head.headers if key == name]
    return [one.strip().lower() for one in b",".join(values).split(b",")]


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except binascii.Error:
        return False
