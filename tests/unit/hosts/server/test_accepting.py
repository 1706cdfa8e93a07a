"""Workers that accept at one socket: each gets as many connections, and none waits for another."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any

import pytest

from podium.hosts.server import accepting
from podium.hosts.server.accepting import AHEAD_MAX, Acceptor
from podium.hosts.server.child import WorkerContext
from podium.hosts.server.scoreboard import Scoreboard

N_CLIENTS = 32


class Worker:
    """An acceptor, and the connections that it has."""

    def __init__(self, listener: socket.socket, scoreboard: Scoreboard, slot: int) -> None:
        self.connections: list[socket.socket] = []
        context = WorkerContext(scoreboard, slot, is_first=True)
        self.acceptor = Acceptor(listener, context, lambda: len(self.connections), self._admit)

    async def _admit(self, accepted: socket.socket) -> None:
        self.connections.append(accepted)


class Failing(socket.socket):
    """A socket that fails once: the process has too many files."""

    is_failing = True

    def accept(self) -> tuple[socket.socket, object]:
        if self.is_failing:
            self.is_failing = False
            raise OSError(errno.EMFILE, "too many open files")
        return super().accept()


@asynccontextmanager
async def workers(
    *slots: int, scoreboard: Scoreboard, kind: type[socket.socket] = socket.socket
) -> AsyncIterator[tuple[list[Worker], Callable[[], socket.socket]]]:
    """Workers in these slots, and what connects to one of them."""
    with kind() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(2 * N_CLIENTS)
        listener.setblocking(False)
        listeners = [listener, *(listener.dup() for _ in slots[1:])]
        some = [Worker(each, scoreboard, at) for each, at in zip(listeners, slots, strict=True)]
        clients: list[socket.socket] = []

        def connect() -> socket.socket:
            clients.append(socket.create_connection(listener.getsockname()))
            return clients[-1]

        try:
            yield some, connect
        finally:
            for one in some:
                one.acceptor.close()
            for each in [*listeners, *clients, *(each for one in some for each in one.connections)]:
                each.close()


async def until(is_so: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end_s
        await asyncio.sleep(0.001)


def on_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The test as a function."""

    @wraps(test)
    def run(*args: Any, **named: Any) -> None:
        asyncio.run(test(*args, **named))

    return run


@pytest.mark.parametrize("busy", [0, 1])  # in one of these the system wakes it first
@on_a_loop
async def test_a_worker_that_has_more_lets_another_accept(
    busy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        accepting, "PATIENCE_S", 60.0
    )  # this machine may stall for two milliseconds
    n_before = AHEAD_MAX + N_CLIENTS
    async with workers(0, 1, scoreboard=Scoreboard(3)) as (some, connect):
        peers = [socket.socketpair() for _ in range(n_before)]
        some[busy].connections += [left for left, _ in peers]
        some[busy].acceptor.note()
        for number in range(N_CLIENTS):
            connect()
            await until(lambda n=number: sum(len(one.connections) for one in some) > n_before + n)
        for _, right in peers:
            right.close()

        assert [len(one.connections) for one in some][busy] == n_before


@on_a_loop
async def test_a_worker_that_hangs_keeps_no_connection_waiting() -> None:
    scoreboard = Scoreboard(2)
    scoreboard.set_connections(1, 0)  # it has none, and accepts none
    async with workers(0, scoreboard=scoreboard) as ([one], connect):
        for _ in range(N_CLIENTS):
            connect()
        await until(lambda: len(one.connections) == N_CLIENTS)


def test_a_worker_that_has_ended_counts_no_more() -> None:
    scoreboard = Scoreboard(2)
    scoreboard.set_connections(0, 7)
    scoreboard.set_connections(1, 9)
    assert (scoreboard.connections_least(0), scoreboard.connections_least(1)) == (9, 7)

    scoreboard.clear(1)

    assert scoreboard.connections_least(0) > 2**16


@on_a_loop
async def test_a_failure_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accepting, "RETRY_S", 0.0)
    async with workers(0, scoreboard=Scoreboard(1), kind=Failing) as ([one], connect):
        connect()
        await until(lambda: len(one.connections) == 1)

    assert "connections_not_accepted" in caplog.text
