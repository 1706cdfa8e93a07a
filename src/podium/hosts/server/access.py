"""The access log: a line a request, gathered and written a few times a second."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from podium.hosts.asgi import Receive, Scope, Send

WRITE_S = 0.2
# What a log keeps of an address; control characters never reach it, for the gate refuses them.
TARGET_CHARACTERS_MAX = 200


class AccessLog:
    """Lines on their way to a stream: moment, method and address, status, milliseconds.

    No address of a client and no content of a request is written.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lines: list[str] = []
        self._loop = asyncio.get_running_loop()

    def note(self, method: str, target: str, status: int, seconds: float) -> None:
        """Write a line, soon."""
        if not self._lines:
            self._loop.call_later(WRITE_S, self.write)
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        shown = "".join(c if c.isprintable() else "?" for c in target[:TARGET_CHARACTERS_MAX])
        self._lines.append(f"{moment} {method} {shown} {status} {seconds * 1e3:.1f} ms\n")

    def write(self) -> None:
        """Write what has gathered."""
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("".join(lines))
            self._stream.flush()


def logged(app: Callable[[Scope, Receive, Send], Any], log: AccessLog) -> Any:
    """An ASGI app that notes every request in the log."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began_s = time.perf_counter()
        status = 0

        async def noting(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, noting)
        finally:
            target = (scope.get("raw_path") or b"").decode("latin-1")
            log.note(scope["method"], target, status, time.perf_counter() - began_s)

    return answer
