"""Accepting connections, so that workers with one socket have about as many of them."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from podium.hosts.server.child import WorkerContext

# So many more connections than another worker has, a worker may have before it lets that one go first.
AHEAD_MAX = 2
# How long it does: then it accepts what nobody else has, twice as many each time.
PATIENCE_S = 0.002
PATIENT_MAX = 64
# How long it waits after a failure.
RETRY_S = 1.0

_log = logging.getLogger("podium")


class Acceptor:
    """Accepts connections in one of several workers.

    The system wakes all workers that wait at a socket, and those that are awake would take all that
    wait. So a worker that has more connections than another lets a moment pass before it accepts
    one: never more than that, since the other may hang.

    Args:
        listener: a socket that listens, and doesn't block.
        n_connections: how many this worker has.
        admit: handles a connection; a task of its own runs it.

    Attributes:
        admitting: the tasks of connections that were accepted a moment ago.
    """

    def __init__(
        self,
        listener: socket.socket,
        worker: WorkerContext,
        n_connections: Callable[[], int],
        admit: Callable[[socket.socket], Coroutine[Any, Any, None]],
    ) -> None:
        self.admitting: set[asyncio.Task[None]] = set()
        self._listener = listener
        self._scoreboard, self._slot = worker.scoreboard, worker.slot
        self._n_connections = n_connections
        self._admit = admit
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._n_patient = 1
        self.note()
        self._loop.add_reader(listener, self._accept)

    def close(self) -> None:
        """Accept no more; the socket stays open."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._listener)
        self._scoreboard.set_connections(self._slot, None)

    def note(self) -> int:
        """Tell the other workers how many connections there are; returns it."""
        n_connections = self._n_connections() + len(self.admitting)
        self._scoreboard.set_connections(self._slot, n_connections)
        return n_connections

    def _accept(self) -> None:
        """Accept a connection, or let another worker do so; called while any wait."""
        if self.note() > self._scoreboard.connections_least(self._slot) + AHEAD_MAX:
            self._pause(PATIENCE_S)
        else:
            self._n_patient = 1
            self._take()

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._timer = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        """Accept what nobody else has: twice as much as before, in case nobody ever does."""
        self._loop.add_reader(self._listener, self._accept)
        is_left = all(self._take() for _ in range(self._n_patient))
        self._n_patient = min(2 * self._n_patient, PATIENT_MAX) if is_left else 1

    def _take(self) -> bool:
        """Accept a connection, if one waits; returns whether one did."""
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # taken by another worker, or left
            return False
        except OSError as error:  # there are no more files, for instance
            _log.error("connections_not_accepted: %s", error)
            self._pause(RETRY_S)
            return False
        accepted.setblocking(False)
        task = self._loop.create_task(self._admit(accepted))
        self.admitting.add(task)
        task.add_done_callback(self.admitting.discard)
        self.note()
        return True
