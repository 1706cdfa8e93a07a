"""A server whose answer is always the same: what is left when there is no model, no store and no check.

python -m bench.serve.constant protocol PORT      a bare asyncio protocol with httptools, on uvloop
python -m bench.serve.constant connection PORT    Podium's own connection, with a lane that says this
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

import httptools
import uvicorn
import uvloop

from podium.hosts.server.connection import FastConnection

BODY = b'{"prediction":1.0}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)


class Protocol(asyncio.Protocol):
    """Reads requests, and answers each when it has come in whole."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.transport.write(ANSWER)


@dataclass
class _Head:
    """What a connection must know of a request."""

    length: int
    deployment: None = None


class _Lane:
    """Answers at once, where Podium's own lane hands rows to a model."""

    is_used = True

    def __init__(self) -> None:
        self.heads = self
        self._known: dict[bytes, _Head] = {}

    def read(self, raw: bytes) -> _Head:
        head = self._known.get(raw)
        if head is None:
            lines = raw.lower().split(b"\r\n")
            lengths = [int(x[15:]) for x in lines if x.startswith(b"content-length:")]
            head = self._known[raw] = _Head(lengths[0] if lengths else 0)
        return head

    def batcher(self, _: None) -> _Lane:
        return self

    def ask(self, asker: FastConnection, *_: Any) -> None:
        asker.answer(ANSWER, is_last=False)


async def _protocol(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Protocol, "127.0.0.1", port)
    await server.serve_forever()


async def _connection(port: int) -> None:
    lane: Any = _Lane()
    http: Any = partial(FastConnection, lane=lane)
    config = uvicorn.Config(_no_app, "127.0.0.1", port, http=http, log_config=None, lifespan="off")
    await uvicorn.Server(config).serve()


async def _no_app(*_: Any) -> None:
    """Nothing is handed to it."""


if __name__ == "__main__":
    kind, port = sys.argv[1:]
    uvloop.run((_protocol if kind == "protocol" else _connection)(int(port)))
