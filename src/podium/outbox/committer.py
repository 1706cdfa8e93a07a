"""Group commits: one wait for the disk serves many requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

from podium.errors import StoreError
from podium.outbox.frames import Packed

Settled: TypeAlias = Callable[[StoreError | None], object]


class Committer:
    """A thread that commits together what arrived during the previous commit.

    Args:
        pause_s: how long it waits for more after each commit, if nobody waits for it.
    """

    def __init__(self, commit: Callable[[Sequence[Packed]], None], *, pause_s: float = 0.0) -> None:
        self._commit = commit
        self._pause_s = pause_s
        self._gathered: list[tuple[Sequence[Packed], Settled]] = []
        self._changed = threading.Condition()
        self._hurried = threading.Event()
        self._is_idle = True
        self._n_here = 0
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="podium-commit", daemon=True)
        self._thread.start()

    def add(self, records: Sequence[Packed], settled: Settled) -> int:
        """Commit records soon; returns how many such calls are pending.

        Args:
            settled: called once, in the thread, with None or the reason why they weren't stored.

        Raises:
            StoreError: it is closed.
        """
        with self._changed:
            if self._is_closed:
                raise StoreError("the outbox is closed")
            self._gathered.append((records, settled))
            if self._is_idle:
                self._is_idle = False
                self._changed.notify_all()
            return len(self._gathered)

    def commit_here(self) -> None:
        """Commit what is pending in the calling thread, which is sooner than the other would."""
        with self._changed:
            batch, self._gathered = self._gathered, []
            self._n_here += 1
        try:
            if batch:
                self._settle(batch)
        finally:
            with self._changed:
                self._n_here -= 1
                self._changed.notify_all()

    def settle(self) -> None:
        """Wait until everything that was added is committed, or has failed."""
        with self._changed:
            while self._n_here or not self._is_idle:
                self._hurried.set()
                self._changed.wait()

    def close(self) -> None:
        """Commit what is pending, and end the thread."""
        with self._changed:
            self._is_closed = True
            self._hurried.set()
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._gathered:
                    self._is_idle = True
                    self._changed.notify_all()
                    if self._is_closed:
                        return
                    self._changed.wait()
                batch, self._gathered = self._gathered, []
            self._settle(batch)
            if self._pause_s:
                self._hurried.wait(self._pause_s)
                self._hurried.clear()

    def _settle(self, batches: list[tuple[Sequence[Packed], Settled]]) -> None:
        failure: StoreError | None = None
        try:
            self._commit([batch for records, _ in batches for batch in records])
        except StoreError as error:
            failure = error
        for _, settled in batches:
            settled(failure)
