"""Many clients at once, on raw connections of one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# How long each fault is played: 1 in the everyday suite, more in `make soak`.
SCALE = int(os.environ.get("PODIUM_SOAK", "1"))


def body_of(number: float, how: str = "") -> bytes:
    return json.dumps({"number": number, "how": how}).encode()


def request_of(number: float, how: str = "", model: str = "fragile", extra: str = "") -> bytes:
    return _request(body_of(number, how), model, extra)


def request_of_many(number: float, n_rows: int, model: str = "fragile") -> bytes:
    """A request of so many rows."""
    return _request(b"[%b]" % b",".join([body_of(number)] * n_rows), model, "")


def _request(body: bytes, model: str, extra: str) -> bytes:
    head = f"POST /api/models/{model}/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n{extra}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Reply:
    """What came back, and after how long; status 0 is a connection that was lost."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    def json(self) -> Any:
        return json.loads(self.body)


class Asker:
    """One keep-alive connection, opened again when it is lost.

    Attributes:
        is_refused: whether nobody listened when it was opened last.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._place = (parts.hostname, parts.port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.is_refused = False

    async def ask(self, request: bytes, *, within_s: float = 30) -> Reply:
        began_s = time.perf_counter()
        try:
            async with asyncio.timeout(within_s):
                reply = await self._ask(request)
        except (OSError, asyncio.IncompleteReadError, IndexError, TimeoutError) as error:
            self.is_refused = isinstance(error, ConnectionRefusedError)
            await self.close()
            reply = Reply(0)
        reply.seconds = time.perf_counter() - began_s
        return reply

    async def _ask(self, request: bytes) -> Reply:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._place)
        assert self._reader is not None
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            await self.close()
        return Reply(int(lines[0].split()[1]), headers, body)

    async def send_and_leave(self, request: bytes) -> None:
        """Send a request, and reset the connection without waiting for the answer."""
        try:
            _, writer = await asyncio.open_connection(*self._place)
        except OSError:
            return
        writer.write(request)
        await writer.drain()
        writer.transport.abort()

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        self._reader = self._writer = None


async def in_parallel(address: str, requests: list[bytes], *, n_clients: int) -> list[Reply]:
    """The replies to requests that some clients share among them, in the order of the requests."""
    replies: list[Reply] = [Reply(-1)] * len(requests)
    todo = iter(range(len(requests)))

    async def client() -> None:
        asker = Asker(address)
        for number in todo:
            replies[number] = await asker.ask(requests[number])
        await asker.close()

    await asyncio.gather(*(client() for _ in range(n_clients)))
    return replies


def children_of(pid: int) -> list[int]:
    """The processes that another one has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def workers_of(pid: int) -> list[int]:
    """The processes that answer, of those that a supervisor has started."""
    return [one for one in children_of(pid) if _name(one) == "podium-worker"]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
