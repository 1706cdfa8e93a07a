"""Work that is done only while nobody else wants the processor."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Aside:
    """A thread that every other thread of the machine goes before.

    Who wakes up on the same core has it soon, where a thread that is merely less urgent would keep
    it for its whole slice of 3 ms. Not for a process that shares its interpreter with something
    urgent: that would wait for this thread to let go of it.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "podium-aside", initializer=_step_aside)

    def do(self, work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """What the work returns, done in the thread; whatever it raises is raised here."""
        return self._pool.submit(work, *args, **kwargs).result()

    def close(self) -> None:
        """Wait for the work to end."""
        self._pool.shutdown()


def _step_aside() -> None:
    if hasattr(os, "SCHED_IDLE"):  # on Linux, where it is a matter of the thread alone
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
