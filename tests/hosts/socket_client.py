"""A WebSocket client for tests, which can also send what no client should."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, TextMessage

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPTED = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # of that key: RFC 6455, section 1.3
HEADERS = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}


class SocketClient:
    """Connects, and sends a handshake.

    Args:
        headers: more of them, or others; None leaves one out.

    Attributes:
        status: of the response.
        headers: of the response, by name in lower case.
    """

    def __init__(
        self, address: str, path: str, headers: Mapping[str, str | None] = {}, early: bytes = b""
    ) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        self.socket = socket.create_connection((parts.hostname, parts.port or 80), timeout=30)
        sent = {"Host": parts.netloc, **HEADERS, **headers}
        lines = [f"GET {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in sent.items() if value is not None]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + early)
        data = b""
        while b"\r\n\r\n" not in data:
            some = self.socket.recv(65_536)
            if not some:
                raise ConnectionError("the connection ended in the handshake")
            data += some
        head, self.rest = data.split(b"\r\n\r\n", 1)
        line, *rest = head.decode().split("\r\n")
        self.status = int(line.split()[1])
        self.headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in rest)}
        self._frames = Connection(ConnectionType.CLIENT, trailing_data=self.rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def event(self) -> Event | None:
        """The next whole message, ping or close; None at the end of the connection."""
        text = ""
        while True:
            for event in self._frames.events():
                if isinstance(event, Ping):
                    self.send(event.response())
                if not isinstance(event, TextMessage):
                    return event
                text += event.data
                if event.message_finished:
                    return TextMessage(text)
            some = self.socket.recv(65_536)
            if not some:
                return None
            self._frames.receive_data(some)

    def message(self) -> dict[str, Any]:
        """The next message."""
        event = self.event()
        assert isinstance(event, TextMessage), event
        value: dict[str, Any] = json.loads(event.data)
        return value

    def close_code(self) -> int | None:
        """The code with which the server closes it, after all messages; None if it doesn't say."""
        while True:
            event = self.event()
            if isinstance(event, CloseConnection):
                return int(event.code)
            if event is None:
                return None

    def send(self, event: Event) -> None:
        """Send a message, a ping or a close."""
        self.socket.sendall(self._frames.send(event))
