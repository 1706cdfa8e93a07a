"""Processes that answer, and the one that starts them again.

The supervisor forks its workers: they share the listening socket and the memory of what was
imported, and functions that were given as models need no way back from a file.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import msgspec

from podium.errors import PodiumError, SetupError
from podium.hosts.server.board import Board
from podium.hosts.server.quarantine import blamed

# After a worker that ends sooner than this the next one waits longer and longer; not very long where
# that one could answer before it ended, for then each start is worth trying.
STEADY_S = 10.0
WAIT_READY_MAX_S, WAIT_MAX_S = 1.0, 30.0
# How long workers may take to answer what began, after a stop was asked for.
STOP_S = 12.0
_CANT_START = 3


class _Told(msgspec.Struct):
    """An error on its way from a worker."""

    kind: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Seat:
    """What a worker is given.

    Attributes:
        slot: its number, from 0.
        is_first: no worker sat here before.
        alive_fd: readable as soon as the supervisor has ended.
        stop: set when a process without an event loop is to stop.
    """

    board: Board
    slot: int
    is_first: bool
    alive_fd: int
    stop: threading.Event


@dataclass(slots=True)
class _Worker:
    slot: int
    work: Callable[[Seat], None]
    name: str = "worker"
    pid: int = 0
    failure_fd: int = -1
    began_s: float = 0.0
    wait_s: float = 0.0
    start_at_s: float = 0.0


class Supervisor:
    """Keeps workers running until it is told to stop.

    Args:
        work: what a worker does; it returns when it is stopped.
        ship: what the shipper does, a process beside the workers; none is started when left out.
            It is told to stop when the workers have ended.
    """

    def __init__(
        self,
        work: Callable[[Seat], None],
        n_workers: int,
        ship: Callable[[Seat], None] | None = None,
    ) -> None:
        self._workers = [_Worker(slot, work) for slot in range(n_workers)]
        self._shippers = [] if ship is None else [_Worker(n_workers, ship, "shipper")]
        self._all = self._workers + self._shippers
        self._board = Board(len(self._all))
        self._is_stopping = False
        self._is_proven = False
        self._wake_r, self._wake_w = os.pipe()
        self._alive_r, self._alive_w = os.pipe()

    def run(self) -> None:
        """Start the workers, and start again those that end.

        Raises:
            PodiumError: a worker can't start at all.
        """
        os.set_blocking(self._wake_w, False)
        stops = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._stop) for number in stops}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _ignore)
        woken = signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)
        try:
            while not self._is_stopping:
                self._start_those_due()
                self._sleep()
                self._reap()
        finally:
            self._end_all()
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            for fd in (self._wake_r, self._wake_w, self._alive_r, self._alive_w):
                os.close(fd)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _sleep(self) -> None:
        """Until a signal comes, or a worker is due."""
        due = [one.start_at_s for one in self._all if not one.pid]
        left_s = max(min(due) - time.monotonic(), 0.0) if due else None
        readable, _, _ = select.select([self._wake_r], [], [], left_s)
        if readable:
            os.read(self._wake_r, 4_096)

    def _start_those_due(self) -> None:
        now_s = time.monotonic()
        for one in self._all:
            if not one.pid and one.start_at_s <= now_s:
                self._fork(one)

    def _fork(self, one: _Worker) -> None:
        is_first = not one.began_s
        one.began_s = time.monotonic()
        failure_r, failure_w = os.pipe()
        pid = os.fork()
        if pid:
            os.close(failure_w)
            one.pid, one.failure_fd = pid, failure_r
            return
        # From here on this is the worker; it must never return into the supervisor's code.
        code = 1
        try:
            os.close(failure_r)
            os.close(self._alive_w)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with suppress(OSError):  # what `ps` and `top` show, on Linux
                Path("/proc/self/comm").write_text(f"podium-{one.name}", "ascii")
            stop = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
            seat = Seat(self._board, one.slot, is_first, self._alive_r, stop)
            code = self._worked(one.work, seat, failure_w)
        except BaseException:
            traceback.print_exc()  # nobody above would: what is behind this is the supervisor's
            raise
        finally:
            os._exit(code)

    def _worked(self, work: Callable[[Seat], None], seat: Seat, failure_fd: int) -> int:
        try:
            work(seat)
        except PodiumError as error:
            told = _Told(type(error).__name__, error.message, error.hint)
            os.write(failure_fd, msgspec.json.encode(told))
            return _CANT_START
        except KeyboardInterrupt:
            return 0
        return 0

    def _reap(self) -> None:
        """See which workers ended, and why."""
        for one in self._all:
            if not one.pid:
                continue
            pid, status = os.waitpid(one.pid, os.WNOHANG)
            if pid:
                self._ended(one, os.waitstatus_to_exitcode(status))

    def _ended(self, one: _Worker, code: int) -> None:
        with os.fdopen(one.failure_fd, "rb") as pipe:
            told = pipe.read()
        was_ready = self._board.is_ready(one.slot)
        in_flight = self._board.in_flight(one.slot)
        pid, one.pid, one.failure_fd = one.pid, 0, -1
        self._board.clear(one.slot)
        if self._is_stopping:
            return
        # Once any of them has answered, the models can be served: it never gives up again. One that
        # ran something had them, though it may not have told yet that it is ready.
        is_any_ready = any(map(self._is_ready, self._workers))
        self._is_proven = self._is_proven or was_ready or bool(in_flight) or is_any_ready
        if not self._is_proven:
            raise _error_of(told, code)
        if in_flight:
            self._board.set_suspects(blamed(self._board.suspects(), in_flight))
        lived_s = time.monotonic() - one.began_s
        is_steady = was_ready and lived_s > STEADY_S
        most_s = WAIT_READY_MAX_S if was_ready or in_flight else WAIT_MAX_S
        one.wait_s = 0.0 if is_steady else min(max(one.wait_s * 2, 0.05), most_s)
        one.start_at_s = time.monotonic() + one.wait_s
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        print(f"{one.name} {pid} ended {how}; another starts in {one.wait_s:g} s", flush=True)

    def _is_ready(self, one: _Worker) -> bool:
        return self._board.is_ready(one.slot)

    def _end_all(self) -> None:
        """Stop the workers, and then the shipper, which moves what they left."""
        self._is_stopping = True
        for some in (self._workers, self._shippers):
            self._end(some)

    def _end(self, some: Sequence[_Worker]) -> None:
        for one in some:
            if one.pid:
                os.kill(one.pid, signal.SIGTERM)
        until_s = time.monotonic() + STOP_S
        while any(one.pid for one in some) and time.monotonic() < until_s:
            self._reap()
            time.sleep(0.01)
        for one in some:
            if one.pid:
                os.kill(one.pid, signal.SIGKILL)
                os.waitpid(one.pid, 0)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Having a handler at all is what makes the signal write to the wake-up pipe."""


def _error_of(told: bytes, code: int) -> PodiumError:
    """What a worker that couldn't start said, as the error that it was."""
    if not told:
        return SetupError(
            f"the worker ended before it was ready, with exit code {code}",
            hint="its log says more; a model may need more memory than there is",
        )
    said = msgspec.json.decode(told, type=_Told)
    kind = next((one for one in _kinds(PodiumError) if one.__name__ == said.kind), SetupError)
    error = kind.__new__(kind)
    PodiumError.__init__(error, said.message, hint=said.hint)
    return error


def _kinds(kind: type[PodiumError]) -> list[type[PodiumError]]:
    return [kind, *(one for child in kind.__subclasses__() for one in _kinds(child))]
