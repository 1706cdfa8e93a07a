"""A server whose answer is always the same: what is left when there is no model, no store and no check.

python -m bench.serve.constant protocol PORT      a bare asyncio protocol with httptools, on uvloop
python -m bench.serve.constant connection PORT    Podium's own connection, with a lane that says this
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import Any

import httptools
import uvicorn
import uvloop

from podium.hosts.server.connection import Connection
from podium.hosts.server.head import PredictHead

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


class _Constant:
    """A deployment without versions."""

    def choose(self) -> None:
        """None is needed."""


class _Heads:
    """Reads no more of a head than its length."""

    def __init__(self) -> None:
        self._known: dict[bytes, PredictHead] = {}

    def read(self, raw: bytes) -> PredictHead:
        head = self._known.get(raw)
        if head is None:
            lines = raw.lower().split(b"\r\n")
            lengths = [int(x[15:]) for x in lines if x.startswith(b"content-length:")]
            constant: Any = _Constant()
            head = self._known[raw] = PredictHead(
                "POST", b"/", (), sum(lengths), deployment=constant, authorization=b""
            )
        return head


class _Lane:
    """Answers at once, where Podium's own lane hands rows to a model."""

    def __init__(self) -> None:
        self.heads = _Heads()

    def batcher(self, *_: Any) -> _Lane:
        return self

    def read(self, *_: Any) -> None:
        return None

    def takes(self, *_: Any) -> bool:
        return True

    def submit(self, requester: Connection, *_: Any) -> None:
        requester.answer(ANSWER, is_last=False)


async def _protocol(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Protocol, "127.0.0.1", port)
    await server.serve_forever()


async def _connection(port: int) -> None:
    lane: Any = _Lane()
    http: Any = partial(Connection, lane=lane)
    config = uvicorn.Config(_no_app, "127.0.0.1", port, http=http, log_config=None, lifespan="off")
    await uvicorn.Server(config).serve()


async def _no_app(*_: Any) -> None:
    """Nothing is left to it."""


if __name__ == "__main__":
    kind, port = sys.argv[1:]
    uvloop.run((_protocol if kind == "protocol" else _connection)(int(port)))
