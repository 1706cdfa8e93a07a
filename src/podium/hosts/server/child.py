"""A forked process: its context, how it ends with its parent, and how it reports an error."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from podium.errors import PodiumError, SetupError
from podium.hosts.server.scoreboard import Scoreboard

# How long a process may take to finish its work after its parent has ended.
LAST_S = 12.0
_CANT_START = 3
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """The context of a forked process.

    Attributes:
        slot: its number, from 0.
        is_first: whether it is the first process of this slot.
        stop: set when a process without an event loop should stop.
    """

    scoreboard: Scoreboard
    slot: int
    is_first: bool
    stop: threading.Event = field(default_factory=threading.Event)


class Lifeline:
    """A pipe that is never written to: its reading end is at its end once the parent has ended.

    Created in the parent, before it forks. It isn't the only safeguard: on Linux the kernel kills a
    child when its parent ends, whatever state the child is in.
    """

    def __init__(self) -> None:
        self._parent = os.getpid()
        self._read_fd, self._write_fd = os.pipe()
        # Looked up here: after a fork there may be locks that nobody will release.
        self._prctl: Any = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def hold(self) -> None:
        """In the child: end when the parent ends."""
        os.close(self._write_fd)
        if self._prctl is not None:
            # SIGKILL, because a stopped process reacts to nothing else. Predictions that were sent
            # are in the outbox; those in progress are lost only if the parent was killed, too.
            self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._parent:  # it ended before the kernel was told
            os._exit(1)
        threading.Thread(target=self._watch, name="podium-lifeline", daemon=True).start()

    def close(self) -> None:
        """In the parent: close the pipe."""
        os.close(self._read_fd)
        os.close(self._write_fd)

    def _watch(self) -> None:
        # Polled, and never read from: whether a read would block is shared by every process with
        # this pipe, and any of them may change it for all.
        watched = select.poll()
        watched.register(self._read_fd, select.POLLIN)
        watched.poll()
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(LAST_S)
        os._exit(1)


def live(
    work: Callable[[WorkerContext], None],
    worker: WorkerContext,
    lifeline: Lifeline,
    name: str,
    failure_fd: int,
) -> None:
    """Run the work as the forked process, and end. It never returns into its parent's code.

    Args:
        name: shown by `ps` and `top`, on Linux.
        failure_fd: where an error that prevents it from starting is written.
    """
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop.set())
        with suppress(OSError):
            Path("/proc/self/comm").write_text(f"podium-{name}", "ascii")
        lifeline.hold()
        code = _worked(work, worker, failure_fd)
    except BaseException:
        traceback.print_exc()  # the code below on the stack is the parent's
        raise
    finally:
        os._exit(code)


def _worked(work: Callable[[WorkerContext], None], worker: WorkerContext, failure_fd: int) -> int:
    try:
        work(worker)
    except PodiumError as error:
        failure = _Failure(type(error).__name__, error.message, error.hint)
        os.write(failure_fd, msgspec.json.encode(failure))
        return _CANT_START
    except KeyboardInterrupt:
        return 0
    return 0


class _Failure(msgspec.Struct):
    """An error on its way from a child to its parent."""

    kind: str
    message: str
    hint: str


_FAILURE = msgspec.json.Decoder(_Failure)


def failure_of(written: bytes, code: int) -> PodiumError:
    """The error of a process that couldn't start, from what it wrote."""
    if not written:
        return SetupError(
            f"the worker ended before it was ready, with exit code {code}",
            hint="its log has the details; a model may need more memory than is available",
        )
    failure = _FAILURE.decode(written)
    kind = next((one for one in _kinds(PodiumError) if one.__name__ == failure.kind), SetupError)
    error = kind.__new__(kind)
    PodiumError.__init__(error, failure.message, hint=failure.hint)
    return error


def _kinds(kind: type[PodiumError]) -> list[type[PodiumError]]:
    return [kind, *(one for child in kind.__subclasses__() for one in _kinds(child))]
