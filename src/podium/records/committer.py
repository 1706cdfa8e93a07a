"""Commits in groups: many wait for the disk once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

from podium.errors import StoreError
from podium.records.segment import Packed

Settled: TypeAlias = Callable[[StoreError | None], object]


class Committer:
    """A thread that commits what gathered while it committed what was before."""

    def __init__(self, commit: Callable[[Sequence[Packed]], None]) -> None:
        self._commit = commit
        self._gathered: list[tuple[Packed, Settled]] = []
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="podium-commit", daemon=True)
        self._thread.start()

    def add(self, records: Packed, settled: Settled) -> None:
        """Commit records soon.

        Args:
            settled: called once, in the thread, with the reason why they aren't kept or None.

        Raises:
            StoreError: it is closed.
        """
        with self._changed:
            if self._is_closed:
                raise StoreError("the outbox is closed")
            self._gathered.append((records, settled))
            self._changed.notify()

    def close(self) -> None:
        """Commit what gathered, and end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._gathered and not self._is_closed:
                    self._changed.wait()
                taken, self._gathered = self._gathered, []
            if not taken:
                return
            failure: StoreError | None = None
            try:
                self._commit([records for records, _ in taken])
            except StoreError as error:
                failure = error
            for _, settled in taken:
                settled(failure)
