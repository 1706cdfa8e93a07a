"""The access log: one line per request, buffered and written a few times a second."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from podium.hosts.asgi import Receive, Scope, Send

WRITE_S = 0.2
# The most of a URL that is logged; the gate refuses URLs with control characters.
TARGET_CHARACTERS_MAX = 200


class AccessLog:
    """Lines on their way to a stream: time, method and path, status, milliseconds.

    It contains no client addresses and no content of requests.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lines: list[str] = []
        self._loop = asyncio.get_running_loop()

    def note(self, method: str, target: str, status: int, seconds: float) -> None:
        """Add a line, which is written soon."""
        if not self._lines:
            self._loop.call_later(WRITE_S, self.write)
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        shown = "".join(c if c.isprintable() else "?" for c in target[:TARGET_CHARACTERS_MAX])
        self._lines.append(f"{moment} {method} {shown} {status} {seconds * 1e3:.1f} ms\n")

    def write(self) -> None:
        """Write the buffered lines."""
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("".join(lines))
            self._stream.flush()


def logged(app: Callable[[Scope, Receive, Send], Any], log: AccessLog) -> Any:
    """An ASGI app that logs every request."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        began_s = time.perf_counter()
        status = 0

        async def noting(message: Any) -> None:
            nonlocal status
            if message["type"].endswith("http.response.start"):
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        try:
            await app(scope, receive, noting)
        finally:
            target = (scope.get("raw_path") or b"").decode("latin-1")
            log.note(scope["method"], target, status, time.perf_counter() - began_s)

    return answer
