"""Worker processes, and the supervisor that restarts them.

The supervisor forks its workers: they share the listening socket and the memory of what was
imported, and functions that were passed as models needn't be reloaded from a file.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from podium.hosts.server.child import Lifeline, WorkerContext, failure_of, live
from podium.hosts.server.quarantine import blamed
from podium.hosts.server.scoreboard import Scoreboard

# After a worker that ends sooner than this, the next one waits longer and longer; but not very long
# if the last one was ready before it ended, because then each start is worth trying.
STEADY_S = 10.0
WAIT_READY_MAX_S, WAIT_MAX_S = 1.0, 30.0
# How long workers may take to finish requests after a stop was requested.
STOP_S = 12.0
# How often workers are checked; and how long one that a signal has stopped may stay so.
LOOK_S = 1.0
STOPPED_S = 5.0


@dataclass(slots=True)
class _Worker:
    slot: int
    work: Callable[[WorkerContext], None]
    name: str = "worker"
    pid: int = 0
    failure_fd: int = -1
    began_s: float = 0.0
    wait_s: float = 0.0
    start_at_s: float = 0.0
    is_stopped: bool = False
    is_killed: bool = False
    beats: int = 0
    silent_s: float = 0.0


class Supervisor:
    """Keeps workers running until it is told to stop.

    Args:
        work: what a worker does; it returns when it is stopped.
        ship: the work of the shipper, a process beside the workers; none is started by default. It
            is told to stop when the workers have ended.
        hang_s: the time without a heartbeat after which a worker is killed and replaced; 0 is
            never.
        drain_s: how long workers go on answering once they were told to stop.
        release: called when they are: closes what only workers need from then on.
    """

    def __init__(
        self,
        work: Callable[[WorkerContext], None],
        n_workers: int,
        ship: Callable[[WorkerContext], None] | None = None,
        *,
        hang_s: float = 0.0,
        drain_s: float = 0.0,
        release: Callable[[], object] = lambda: None,
    ) -> None:
        self._workers = [_Worker(slot, work) for slot in range(n_workers)]
        self._shippers = [] if ship is None else [_Worker(n_workers, ship, "shipper")]
        self._all = self._workers + self._shippers
        self._scoreboard = Scoreboard(len(self._all))
        self._is_stopping = False
        self._is_hurried = False
        self._is_proven = False
        self._hang_s = hang_s
        self._stop_s = STOP_S + drain_s
        self._release = release
        self._looked_s = 0.0
        self._wake_r, self._wake_w = os.pipe()
        self._lifeline = Lifeline()

    def run(self) -> None:
        """Start the workers, and restart those that end.

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
                self._end_silent()
        finally:
            self._end_all()
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            for fd in (self._wake_r, self._wake_w):
                os.close(fd)
            self._lifeline.close()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_hurried = self._is_stopping
        self._is_stopping = True

    def _sleep(self) -> None:
        """Sleep until a signal comes, a worker is due, or the next check."""
        due = [one.start_at_s - time.monotonic() for one in self._all if not one.pid]
        left_s = max(min([LOOK_S, *due]), 0.0)
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
        os.close(failure_r)
        live(
            one.work,
            WorkerContext(self._scoreboard, one.slot, is_first),
            self._lifeline,
            one.name,
            failure_w,
        )

    def _reap(self) -> None:
        """Find out which workers ended, and why, and which were stopped by a signal or continue."""
        for one in self._all:
            if not one.pid:
                continue
            pid, status = os.waitpid(one.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if pid and (os.WIFSTOPPED(status) or os.WIFCONTINUED(status)):
                one.is_stopped = os.WIFSTOPPED(status)
            elif pid:
                self._ended(one, os.waitstatus_to_exitcode(status))

    def _end_silent(self) -> None:
        """Kill workers without a heartbeat, so that others are started in their place."""
        now_s = time.monotonic()
        passed_s, self._looked_s = now_s - self._looked_s, now_s
        if passed_s > 2 * LOOK_S:
            return  # this process was suspended, and so, maybe, were they
        for one in self._all:
            is_silent = one.is_stopped or self._is_hung(one)
            one.silent_s = one.silent_s + passed_s if is_silent else 0.0
            most_s = min(STOPPED_S, self._hang_s) if one.is_stopped else self._hang_s
            if one.pid and self._hang_s and one.silent_s > most_s:
                print(f"{one.name} {one.pid} gave no sign of life for {most_s:g} s", flush=True)
                os.kill(one.pid, signal.SIGKILL)
                one.silent_s, one.is_killed = 0.0, True

    def _is_hung(self, one: _Worker) -> bool:
        """Whether it had no heartbeat since the last check; none is expected while it loads."""
        before, one.beats = one.beats, self._scoreboard.beats(one.slot)
        is_loaded = one.beats > 0 or bool(self._scoreboard.in_flight(one.slot))
        return is_loaded and one.beats == before

    def _ended(self, one: _Worker, code: int) -> None:
        with os.fdopen(one.failure_fd, "rb") as pipe:
            written = pipe.read()
        was_ready = self._scoreboard.is_ready(one.slot)
        in_flight = self._scoreboard.in_flight(one.slot)
        pid, one.pid, one.failure_fd = one.pid, 0, -1
        is_killed, one.is_killed = one.is_killed, False
        one.is_stopped, one.beats, one.silent_s = False, 0, 0.0
        self._scoreboard.clear(one.slot)
        if self._is_stopping:
            return
        # Once any of them was ready, the models can be served: it never gives up again. A worker
        # that ran a request had loaded them, even if it didn't report that it was ready.
        is_any_ready = any(map(self._is_ready, self._workers))
        self._is_proven = self._is_proven or was_ready or bool(in_flight) or is_any_ready
        # One that a signal stopped, and that was killed for it, says nothing about the models.
        if not self._is_proven and not is_killed:
            raise failure_of(written, code)
        if in_flight:
            self._scoreboard.set_suspects(blamed(self._scoreboard.suspects(), in_flight))
        lived_s = time.monotonic() - one.began_s
        is_steady = was_ready and lived_s > STEADY_S
        most_s = WAIT_READY_MAX_S if was_ready or in_flight else WAIT_MAX_S
        one.wait_s = 0.0 if is_steady else min(max(one.wait_s * 2, 0.05), most_s)
        one.start_at_s = time.monotonic() + one.wait_s
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        why = f": {failure_of(written, code)}" if written else ""
        print(f"{one.name} {pid} ended {how}; another starts in {one.wait_s:g} s{why}", flush=True)

    def _is_ready(self, one: _Worker) -> bool:
        return self._scoreboard.is_ready(one.slot)

    def _end_all(self) -> None:
        """Stop the workers, and then the shipper, which ships what they left."""
        self._is_stopping = True
        self._release()
        for some in (self._workers, self._shippers):
            self._end(some)

    def _ask_to_end(self, some: Sequence[_Worker]) -> None:
        for one in some:
            if one.pid:
                os.kill(one.pid, signal.SIGTERM)

    def _end(self, some: Sequence[_Worker]) -> None:
        self._ask_to_end(some)
        is_hurried = False
        until_s = time.monotonic() + self._stop_s
        while any(one.pid for one in some) and time.monotonic() < until_s:
            if self._is_hurried and not is_hurried:
                is_hurried = True
                self._ask_to_end(some)  # a second time: they don't go on answering
            self._reap()
            time.sleep(0.01)
        for one in some:
            if one.pid:
                os.kill(one.pid, signal.SIGKILL)
                os.waitpid(one.pid, 0)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """It is the presence of a handler that makes the signal write to the wake-up pipe."""
