"""How our server stops: it says so first, and answers for a while yet."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import cast

import uvicorn

from podium.hosts.server.accepting import Acceptor
from podium.hosts.server.child import WorkerContext

# How long a TLS handshake may take of a client that came at the last moment.
HANDSHAKE_S = 1.0


class DrainingServer(uvicorn.Server):
    """A server that, after SIGTERM, goes on answering for some seconds before it stops.

    Meanwhile it isn't ready, and each response is the last one on its connection, so clients with
    connections that they keep open leave for another server without a request being lost. A second
    signal stops it at once, and so does Ctrl-C, for which nobody wants to wait.

    Args:
        tell: called when a stop was requested, before anything else happens.
        drain_s: how long it goes on answering.
        worker: the context of this process, if it shares its sockets with others.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        tell: Callable[[], None],
        drain_s: float,
        worker: WorkerContext | None = None,
    ) -> None:
        super().__init__(config)
        self._worker = worker
        self._acceptors: list[Acceptor] = []
        self._tell = tell
        self._drain_s = drain_s
        self._stops_at_s = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal asks the process to stop."""
        self._tell()
        if sig == signal.SIGTERM and self._drain_s and not (self._stops_at_s or self.should_exit):
            self._stops_at_s = time.monotonic() + self._drain_s
        else:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; at sockets that are shared, a connection goes to a worker that has few."""
        await super().startup(sockets if self._worker is None else [])
        if self._worker is not None:
            connections = self.server_state.connections
            self._acceptors = [
                Acceptor(one, self._worker, lambda: len(connections), self._admit)
                for one in sockets or []
            ]

    async def on_tick(self, counter: int) -> bool:
        """Whether it is time to stop; called ten times a second."""
        for one in self._acceptors:
            one.note()
        if self._stops_at_s and not self.should_exit and time.monotonic() >= self._stops_at_s:
            super().handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; connections that the system has accepted are answered.

        Closed with the sockets, they would be reset, with the requests that were sent on them.
        """
        for acceptor in self._acceptors:
            acceptor.close()
        last = [one.dup() for one in sockets or []]
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        admitting = [task for one in self._acceptors for task in one.admitting]
        await asyncio.gather(
            *[self._admit(one, HANDSHAKE_S) for each in last for one in _waiting(each)],
            *([asyncio.wait(admitting, timeout=HANDSHAKE_S)] if admitting else []),
        )
        await super().shutdown(sockets)

    async def _admit(self, accepted: socket.socket, handshake_s: float | None = None) -> None:
        """Let a connection be handled, as uvicorn does with those that it accepts."""
        config, loop = self.config, asyncio.get_running_loop()
        protocol = partial(
            cast("Callable[..., asyncio.Protocol]", config.http_protocol_class),
            config=config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        limit_s = handshake_s if config.ssl else None
        with suppress(OSError):  # the client has left, or its handshake takes too long
            await loop.connect_accepted_socket(
                protocol, accepted, ssl=config.ssl, ssl_handshake_timeout=limit_s
            )


def _waiting(listener: socket.socket) -> list[socket.socket]:
    """The connections that wait at a socket, which is closed as soon as there are no more."""
    found = []
    try:
        while True:
            found.append(listener.accept()[0])
    except OSError:  # as BlockingIOError
        listener.close()
    for one in found:
        one.setblocking(False)
    return found
