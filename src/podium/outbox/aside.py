"""Work that runs only while nothing else needs the processor."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Aside:
    """A thread that yields to every other thread of the machine.

    A thread that becomes ready on the same core runs soon, where a thread of merely lower priority
    would keep the core for its whole slice of 3 ms. Not for a process that shares its interpreter
    with urgent work, which would wait for this thread to release the GIL.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "podium-aside", initializer=_step_aside)

    def do(self, work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Run work in the thread; returns what it returns, and raises what it raises."""
        return self._pool.submit(work, *args, **kwargs).result()

    def close(self) -> None:
        """Wait for the work to end."""
        self._pool.shutdown()


def _step_aside() -> None:
    if hasattr(os, "SCHED_IDLE"):  # on Linux, where the policy applies to the thread alone
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
