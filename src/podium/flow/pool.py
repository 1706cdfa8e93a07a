"""A thread pool for one kind of work, so that other kinds never wait for it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from podium.errors import Overloaded, StoreError

T = TypeVar("T")


class Pool:
    """A thread pool with a bounded queue.

    Work that has started can't be cancelled: when its caller gives up, the thread stays busy
    until it is done, and the process doesn't wait for it when it ends. Work that hasn't started
    is dropped as soon as nobody waits for it any more.

    Args:
        name: of the threads.
        n_threads: the most threads; they start when they are needed.
        waiting_max: how much work may wait for a thread; more is refused at once. None: any
            amount.
        wait_s: how long a caller waits, for a thread and the work together. None: without limit.
    """

    def __init__(
        self,
        name: str,
        n_threads: int,
        *,
        waiting_max: int | None = None,
        wait_s: float | None = None,
    ) -> None:
        self._name = name
        self._n_threads = n_threads
        self._waiting_max = waiting_max
        self._wait_s = wait_s
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._changed = threading.Condition()
        self._n_started = 0
        self._n_busy = 0

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Run work in a thread; returns what it returns, and raises what it raises.

        Raises:
            Overloaded: too much work waits already.
            StoreError: it took too long.
        """
        done: Future[T] = Future()
        self._add(done, partial(contextvars.copy_context().run, work, *args))
        waited_for = asyncio.wrap_future(done)
        try:
            await asyncio.wait([waited_for], timeout=self._wait_s)
            if waited_for.done():
                return waited_for.result()
        finally:
            done.cancel()  # so that it doesn't start, if it hasn't yet
            waited_for.cancel()
            # The exception refers to this frame, and both frames refer to the exception: whatever
            # they hold, such as a body of 32 MiB, would stay in memory until the next full
            # collection.
            del done, waited_for
        raise StoreError(
            f"the database didn't respond within {self._wait_s:g} s",
            hint="it may be slow or unavailable: try again later",
        )

    def start(self, work: Callable[[], object]) -> None:
        """Start work in a thread without waiting for it.

        Raises:
            Overloaded: too much work waits already.
        """
        self._add(Future(), work)

    def call(self, work: Callable[..., T], *args: Any, wait_s: float) -> T:
        """Run work in a thread and wait for it in this one, so long at most.

        Raises:
            Overloaded: too much work waits already.
            TimeoutError: it took longer; if it has started, it goes on.
        """
        done: Future[T] = Future()
        self._add(done, partial(work, *args))
        try:
            return done.result(wait_s)
        finally:
            done.cancel()

    def _add(self, future: Future[Any], work: Callable[[], Any]) -> None:
        with self._changed:
            self._drop_cancelled()
            n_there = self._n_busy + len(self._waiting)
            if self._waiting_max is not None and n_there >= self._n_threads + self._waiting_max:
                raise Overloaded(
                    "too many requests of this kind are already waiting", hint="try again later"
                )
            self._waiting.append((future, work))
            if self._n_started <= n_there and self._n_started < self._n_threads:
                self._n_started += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            self._changed.notify()

    def _drop_cancelled(self) -> None:
        if any(future.cancelled() for future, _ in self._waiting):
            left = [one for one in self._waiting if not one[0].cancelled()]
            self._waiting = deque(left)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                self._n_busy += 1
                future, work = self._waiting.popleft()
            settle = _settling(future, work) if future.set_running_or_notify_cancel() else None
            with self._changed:
                self._n_busy -= 1
            if settle is not None:
                settle()
            del future, work, settle  # or they stay in memory until the next work


def _settling(future: Future[T], work: Callable[[], T]) -> Callable[[], None]:
    """Do the work; returns a function that passes the result on to the caller."""
    try:
        return partial(future.set_result, work())
    except BaseException as error:  # noqa: BLE001 - raised again in the caller
        return partial(future.set_exception, error)
    finally:
        del future, work  # as in `Pool.run`
