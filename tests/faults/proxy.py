"""A proxy between a store and its database, by which answers come late, in part, or not at all."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, Self

# Of a request that carries records; pings, log-ins and look-ups are smaller.
LARGE_BYTES = 1_200
LATE_S = 0.15
# What becomes of an answer: its first half comes and no more on this connection; or the connection
# ends then; or it ends before.
Spoiling = Literal["held", "cut", "lost"]
# The length of the first message in some bytes (more than there are if it isn't whole), and what is
# answered in the place of the database, if anything.
Framing = Callable[[bytes], int]
Answering = Callable[[bytes], bytes | None]


class Proxy:
    """Passes everything on, unless a test says otherwise.

    Attributes:
        port: where it listens, on 127.0.0.1.
        is_late: whether each answer comes in two parts, each of them late.
        n_spoiled: how many answers have been spoiled.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.is_late = False
        self.n_spoiled = 0
        self._spoiling: Spoiling = "cut"
        self._n_left = 0
        self._answering: tuple[Framing, Answering] | None = None
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            _end(one)

    def spoil(self, how: Spoiling, times: int) -> None:
        """Spoil the answers to the next requests that carry records."""
        self._spoiling, self._n_left = how, times

    def answer(self, framing: Framing | None, answering: Answering | None) -> None:
        """Answer messages in the place of the database, from now on."""
        self._answering = (framing, answering) if framing and answering else None

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, server]
            link = _Link(self, client, server)
            for pump in (link.requests, link.answers):
                threading.Thread(target=pump, name="proxy", daemon=True).start()

    def _takes(self) -> Spoiling | None:
        """How this answer is spoiled, if it is."""
        with self._lock:
            if not self._n_left:
                return None
            self._n_left -= 1
            self.n_spoiled += 1
            return self._spoiling


class _Link:
    """One connection of a client, and the one to the database that belongs to it."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._n_bytes = 0  # of the request
        self._is_held = False

    def requests(self) -> None:
        with suppress(OSError):
            while content := self._client.recv(2**16):
                self._n_bytes += len(content)
                if self._proxy._answering is not None:
                    content = self._unanswered(content, *self._proxy._answering)
                self._server.sendall(content)
        _end(self._server)
        _end(self._client)

    def answers(self) -> None:
        with suppress(OSError):
            while content := self._server.recv(2**16):
                if not self._is_held:
                    self._pass(content)
        _end(self._client)
        _end(self._server)

    def _pass(self, content: bytes) -> None:
        how = self._proxy._takes() if self._n_bytes >= LARGE_BYTES else None
        self._n_bytes = 0
        half = len(content) // 2
        if how == "lost":
            raise OSError("lost")
        if how is not None:
            self._client.sendall(content[:half])
            if how == "cut":
                raise OSError("cut")
            self._is_held = True
            return
        if self._proxy.is_late:
            time.sleep(LATE_S)
            self._client.sendall(content[:half])
            time.sleep(LATE_S)
            content = content[half:]
        self._client.sendall(content)

    def _unanswered(self, content: bytes, framing: Framing, answering: Answering) -> bytes:
        """What the database shall get of some bytes, which are completed to whole messages."""
        passed = b""
        while content:
            while (length := framing(content)) > len(content):
                content += self._client.recv(2**16) or b"\0" * length
            message, content = content[:length], content[length:]
            answer = answering(message)
            if answer is None:
                passed += message
            else:
                self._client.sendall(answer)
        return passed


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
