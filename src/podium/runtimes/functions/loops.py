"""An event loop in a thread of its own, for callers that can't await.

It lives as long as its owner, since clients and locks that a coroutine keeps between two calls
belong to the loop they were created on. It can be used from every thread, whether a loop runs there
or not.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class EventLoop:
    """A loop that starts with the first call, and ends with this object."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine and return its result; the caller's thread waits for it."""
        future = asyncio.run_coroutine_threadsafe(work(), self._running())
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C while waiting: nobody needs the result any more
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            # A forked process has the loop but not its thread.
            if self._loop is None or self._process != os.getpid():
                started: Future[asyncio.AbstractEventLoop] = Future()
                threading.Thread(
                    target=_run, args=(started,), name="podium-async-model", daemon=True
                ).start()
                self._loop, self._process = started.result(), os.getpid()
                weakref.finalize(self, _stop, self._loop, self._process)
            return self._loop


def _run(started: Future[asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner() as runner:  # its end cancels tasks that the model left running
        loop = runner.get_loop()
        started.set_result(loop)
        loop.run_forever()


def _stop(loop: asyncio.AbstractEventLoop, process: int) -> None:
    if process == os.getpid() and not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)
