"""One request and its response, between a connection of ours and an ASGI app.

An exchange ends once: with the last byte of the response, or because the client disconnected. It
notifies its connection of the former, and is notified of the latter.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import unquote

from podium.hosts.asgi import Receive, Scope, Send
from podium.hosts.server.head import Head

# How much of a body may wait for the app before the client has to wait.
BODY_WAITING_MAX = 65_536

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FAILED = b"the server failed"
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BODILESS = frozenset({204, 304})
_log = logging.getLogger("podium")


class Carrier(Protocol):
    """The connection that carries an exchange."""

    def write(self, data: bytes) -> None:
        """Send these bytes."""

    def hold_back(self, *, is_full: bool) -> None:
        """Stop reading from the client, or go on."""

    def finish(self, *, is_last: bool) -> None:
        """The complete response was sent."""

    def break_off(self) -> None:
        """The response can't be completed."""


def scope_of(head: Head, **more: Any) -> Scope:
    """A request as an ASGI scope."""
    path, _, query = head.target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.0" if head.is_http_10 else "1.1",
        "method": head.method,
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": list(head.headers),
        **more,
    }


class Exchange:
    """A request whose body may still be arriving, and its response.

    Attributes:
        n_missing: the bytes of the body that haven't arrived.
        is_over: whether it has ended.
        writable: cleared while the client reads more slowly than we respond.
    """

    __slots__ = (
        "_body",
        "_carrier",
        "_default_headers",
        "_framing",
        "_has_all",
        "_is_last",
        "_is_started",
        "_lead",
        "_news",
        "_scope",
        "_wants_continue",
        "head",
        "is_over",
        "n_missing",
        "writable",
    )

    def __init__(
        self,
        carrier: Carrier,
        head: Head,
        body: bytes,
        scope: Scope,
        default_headers: Sequence[tuple[bytes, bytes]],
        *,
        is_last: bool = False,
    ) -> None:
        self._carrier = carrier
        self.head = head
        self._scope = scope
        self._default_headers = default_headers
        self._body = bytearray(body)
        self.n_missing = head.length - len(body)
        self._has_all = False
        self._news = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()
        expected = dict(head.headers).get(b"expect", b"").lower()
        self._wants_continue = expected == b"100-continue" and not head.is_http_10
        self._is_started = False
        self._is_last = head.is_last or is_last
        self._lead = b""  # status line and headers, until the body follows
        self._framing = _Framing(is_http_10=head.is_http_10)
        self.is_over = False

    @property
    def is_waiting(self) -> bool:
        """Whether the client should go on sending the body."""
        return self.n_missing > 0 and len(self._body) <= BODY_WAITING_MAX

    @property
    def is_begun(self) -> bool:
        """Whether part of the response was sent."""
        return self._is_started and not self._lead

    def feed(self, data: bytes) -> bytes:
        """Take the bytes of the body; returns those of the next request."""
        n_mine = min(self.n_missing, len(data))
        self.n_missing -= n_mine
        if not self.is_over:
            self._body += data[:n_mine]
            self._news.set()
            if len(self._body) > BODY_WAITING_MAX:
                self._carrier.hold_back(is_full=True)
        return data[n_mine:]

    def leave(self) -> None:
        """The client disconnected."""
        self.is_over = True
        self._news.set()
        self.writable.set()

    async def run(self, app: Callable[[Scope, Receive, Send], Any]) -> None:
        """Run the app."""
        try:
            await app(self._scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001 - an app may raise anything
            _log.error("request_failed", exc_info=error)
        finally:
            if not self.is_over:
                self._fail()

    async def receive(self) -> dict[str, Any]:
        """The next part of the body; after the last one, waits until the exchange is over."""
        if self._wants_continue and self.n_missing and not self._is_started and not self.is_over:
            self._carrier.write(_CONTINUE)
        self._wants_continue = False
        while not self.is_over and (self._has_all or (self.n_missing and not self._body)):
            self._news.clear()
            await self._news.wait()
        if self.is_over:
            return {"type": "http.disconnect"}
        body = bytes(self._body)
        self._body.clear()
        self._carrier.hold_back(is_full=False)
        self._has_all = not self.n_missing
        return {"type": "http.request", "body": body, "more_body": not self._has_all}

    async def send(self, message: Any) -> None:
        """Send a part of the response."""
        await self.writable.wait()
        if self.is_over:
            return
        if message["type"] == "http.response.start" and not self._is_started:
            self._start(message["status"], message.get("headers", ()))
        elif message["type"] == "http.response.body" and self._is_started:
            self._go_on(message.get("body", b""), has_more=message.get("more_body", False))
        else:
            raise RuntimeError(f"a response can't continue with {message['type']}")

    def _start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        framing = self._framing
        lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, '')}".encode()]
        for name, value in (*self._default_headers, *headers):
            if not _NAME.fullmatch(name) or _CONTROL.search(value):
                raise RuntimeError(f"not a response header: {name!r}: {value!r}")
            lower = name.lower()
            if lower == b"content-length":
                framing.n_left = int(value)
            if lower == b"connection":
                self._is_last |= b"close" in value.lower()
            elif lower != b"transfer-encoding":  # the server chooses these
                lines.append(lower + b": " + value)
        framing.is_bodiless = self.head.method == "HEAD" or status in _BODILESS
        # Not every client can tell the rest of an unread body from the next request.
        self._is_last |= self.n_missing > 0 or framing.ends_with_connection
        if framing.is_chunked:
            lines.append(b"transfer-encoding: chunked")
        if self._is_last:
            lines.append(b"connection: close")
        self._lead = b"\r\n".join(lines) + b"\r\n\r\n"
        self._is_started = True

    def _go_on(self, body: bytes, *, has_more: bool) -> None:
        data = self._lead + self._framing.part(body, is_end=not has_more)
        self._lead = b""
        if data:
            self._carrier.write(data)
        if not has_more:
            self.leave()
            self._carrier.finish(is_last=self._is_last)

    def _fail(self) -> None:
        """End a response that the app didn't complete."""
        if self.is_begun:
            self.leave()
            self._carrier.break_off()
            return
        self._framing = _Framing(is_http_10=self.head.is_http_10)
        self._is_last = True
        self._start(
            500,
            [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(_FAILED)).encode()),
            ],
        )
        self._go_on(_FAILED, has_more=False)


class _Framing:
    """How the end of a response's body is marked."""

    __slots__ = ("_is_http_10", "is_bodiless", "n_left")

    def __init__(self, *, is_http_10: bool) -> None:
        self.n_left: int | None = None  # of the Content-Length, if there is one
        self._is_http_10 = is_http_10
        self.is_bodiless = False

    @property
    def is_chunked(self) -> bool:
        """By an empty chunk."""
        return self.n_left is None and not self.is_bodiless and not self._is_http_10

    @property
    def ends_with_connection(self) -> bool:
        """By closing the connection."""
        return self.n_left is None and not self.is_bodiless and self._is_http_10

    def part(self, body: bytes, *, is_end: bool) -> bytes:
        """A part of the body as it is sent.

        Raises:
            RuntimeError: it doesn't have the announced length.
        """
        if self.is_bodiless:
            return b""
        if self.is_chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk + (b"0\r\n\r\n" if is_end else b"")
        if self.n_left is not None:
            self.n_left -= len(body)
            if self.n_left < 0 or (is_end and self.n_left):
                raise RuntimeError("the body of a response isn't as long as its Content-Length")
        return body
