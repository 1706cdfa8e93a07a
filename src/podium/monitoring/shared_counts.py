"""Counts of several servers in one store: written to the file of the home folder, and shipped.

A count is in the file, on its way, or in the store. What is on its way has a number, which the store
keeps, so that it arrives once: whether an attempt had failed or only its answer was lost, it is
repeated. A store that is down loses nothing: the counts wait in the file, which survives the process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from podium.errors import StoreError
from podium.monitoring.counts_file import CountsFile
from podium.outbox.lock import FileLock
from podium.records import forks
from podium.records.counted import CountStore, Found, Key, Tally, added
from podium.records.store import Store, counts_of

SHIP_S, SHIP_MAX_S = 1.0, 10.0
# A database without the tables, and without the right to create them, may get them later.
LOOK_AGAIN_S = 60.0
# An hour that is the last one stays so for long.
LAST_S = 60.0
_CLOSED_S = 10.0
# Of reading, while counts move.
_TRIES = 3
_log = logging.getLogger("podium")


class Counts(Protocol):
    """Where counts are added and read."""

    def add(self, tallies: Mapping[Key, Tally]) -> None:
        """Add counts: all of them, or none."""
        ...

    def read(self, model: str, since_hour: int, until_hour: int) -> Found:
        """The counts of a model, by version, role and time."""
        ...

    def last_hours(self) -> dict[str, int]:
        """The last hour in which something of each model was counted; of old days the last one."""
        ...

    def make_days(self, before_hour: int) -> int:
        """Add up the hours of each day before this hour."""
        ...

    def forget(self, before_hour: int) -> None:
        """Delete what was counted before this hour."""
        ...

    def close(self) -> None:
        """Close it; the next use opens it again."""
        ...


class SharedCounts(forks.ForkAware):
    """Counts in a store, which one process of each home folder ships at a time.

    Args:
        file: holds what isn't in the store yet.
    """

    def __init__(self, file: CountsFile, store: CountStore) -> None:
        self._file = file
        self._store = store
        self._lock_path = file.path.with_name("counts.lock")
        self._is_failing = False
        self._looked_s = self._asked_s = float("-inf")
        self._last_hours: dict[str, int] = {}
        self._is_there = False
        self._reset()
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """The parent's thread isn't here; the next count starts another."""
        self._reset()

    def _reset(self) -> None:
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def add(self, tallies: Mapping[Key, Tally]) -> None:
        """Add counts to the file, from where they are shipped."""
        self._file.add(tallies)
        with self._starting:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="podium-counts", daemon=True)
                self._thread.start()

    def read(self, model: str, since_hour: int, until_hour: int) -> Found:
        """What is in the store, on its way and in the file, each count once.

        Raises:
            StoreError: the store or the file can't be read.
        """
        if not self._has_store():
            return self._file.read(model, since_hour, until_hour)
        for _ in range(_TRIES):
            found, moving = self._file.read_apart(model, since_hour, until_hour)
            entry = moving.entry
            stored, number = self._store.read(model, since_hour, until_hour, entry.source)
            if number <= entry.number:
                break  # else what was in the file has arrived meanwhile, too
        waiting = moving.tallies if number < entry.number else []
        return added(stored, *found.items(), *((key, [tally]) for key, tally in waiting))

    def last_hours(self) -> dict[str, int]:
        """The last hour in which something of each model was counted, by any server.

        A page with all models asks for it: the store is asked once a minute at most, and what it
        said before is taken while it is down.

        Raises:
            StoreError: the file can't be read.
        """
        here = self._file.last_hours()
        if time.monotonic() - self._asked_s > LAST_S and not self._is_failing:
            self._asked_s = time.monotonic()
            with suppress(StoreError):
                self._last_hours = self._store.last_hours() if self._has_store() else {}
        there = self._last_hours
        return {name: max(here.get(name, 0), there.get(name, 0)) for name in {**there, **here}}

    def make_days(self, before_hour: int) -> int:
        """Add up the hours of each day before this hour, in the store or else in the file."""
        where = self._store if self._has_store() else self._file
        return where.make_days(before_hour)

    def forget(self, before_hour: int) -> None:
        """Delete what was counted before this hour."""
        self._file.forget(before_hour)
        if self._has_store():
            self._store.forget(before_hour)

    def ship(self) -> bool:
        """Move what is in the file to the store; returns whether nothing is left in it.

        Raises:
            StoreError: the store can't be reached, or the file can't be used; nothing is lost.
        """
        if not self._has_store():
            return False
        try:
            with FileLock(self._lock_path):
                while (moving := self._file.move()) is not None:
                    self._store.add(moving.entry, moving.tallies)
                    self._file.moved(moving.entry)
        except BlockingIOError:
            return False  # another process does
        except OSError as error:
            raise StoreError(f"{self._lock_path} can't be used: {error}") from error
        return True

    def close(self) -> None:
        """Ship what waits, once, and end; the rest waits for the next process."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread.is_alive():
            thread.join(_CLOSED_S)
        self._file.close()

    def _run(self) -> None:
        wait_s = SHIP_S
        while not self._stop.wait(wait_s):
            wait_s = SHIP_S if self._shipped() else min(2 * wait_s, SHIP_MAX_S)
        self._shipped()

    def _shipped(self) -> bool:
        try:
            self.ship()
        except StoreError as error:
            if not self._is_failing:  # once, not once a second
                _log.error("counts_not_shipped: %s", error)
            self._is_failing = True
            return False
        self._is_failing = False
        return True

    def _has_store(self) -> bool:
        """Whether the store has tables for counts; a store that is down has those it had.

        Raises:
            StoreError: nobody knows, as the store is down.
        """
        if self._is_there:
            return True
        if time.monotonic() - self._looked_s > LOOK_AGAIN_S:
            self._is_there = self._store.is_there()
            self._looked_s = time.monotonic()
            if not self._is_there:
                _log.warning("counts_not_shared: the store has no tables for counts, nor makes any")
        return self._is_there


def counts_in(file: CountsFile, store: Store | None) -> Counts:
    """Counts in a store, or in a file if there is none, or it keeps none."""
    counts = None if store is None else counts_of(store)
    return file if counts is None else SharedCounts(file, counts)
