"""Several requests to a database at once, for stores that write each record by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from podium.errors import StoreError
from podium.records import forks

T = TypeVar("T")
R = TypeVar("R")

# Each waits some milliseconds for the database, and needs less than one for itself.
N_THREADS = 16


class Threads(forks.ForkAware):
    """Threads that are started when they are first needed, anew in each process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pool: ThreadPoolExecutor | None = None
        self._is_closed = False
        self._lock = threading.Lock()
        forks.watch(self)

    def each(self, work: Callable[[T], R], values: Iterable[T]) -> list[R]:
        """The results of `work`, which runs for several values at once and mustn't call this.

        After the first failure, which is raised, no more values are begun.

        Raises:
            StoreError: it is closed.
        """
        some: Sequence[T] = list(values)
        if len(some) < 2:
            return [work(one) for one in some]
        with self._lock:
            if self._is_closed:
                raise StoreError("the store is closed")
            if self._pool is None:
                self._pool = ThreadPoolExecutor(N_THREADS, self._name)
            pool = self._pool
        try:
            results = pool.map(work, some)
        except RuntimeError as error:  # it was closed meanwhile
            raise StoreError("the store is closed") from error
        return list(results)

    def close(self) -> None:
        """End the threads, after the requests that run."""
        with self._lock:
            self._is_closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()

    def after_fork_in_child(self) -> None:
        """Leave the parent's threads, which don't exist here."""
        forks.abandon(self._pool)
        self._pool = None
        self._lock = threading.Lock()
