"""The outbox of one worker: records are committed here before the response is sent.

A folder of consecutive segments. The folder is locked while its worker lives: a process that can
take the lock knows that the worker is dead, and that its records are to be shipped.
"""

from __future__ import annotations

import itertools
import logging
import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from podium.errors import StoreError
from podium.outbox.committer import Committer, Settled
from podium.outbox.disk import Disk, sync_folder
from podium.outbox.frames import Packed
from podium.outbox.health import try_disk
from podium.outbox.lock import FileLock
from podium.outbox.segment import SUFFIX, DamagedSegment, failures, packed, packed_in_chunks
from podium.outbox.segment_files import delete_segment
from podium.outbox.segment_writer import SegmentWriter
from podium.records.block import Recordable

Durability: TypeAlias = Literal["normal", "full", "off"]
WhenFull: TypeAlias = Literal["refuse", "drop"]

SEGMENT_BYTES = 32 * 2**20
LOCK_NAME = "lock"
# How long records may be written to removed files before that is noticed.
PLACE_S = 0.05
# How old the count of waiting rows may be: reading it takes a system call.
COUNT_S = 0.05
# How often records that nobody waits for are committed, or after how many waiting batches: by the
# thread that adds the last of them, since another thread would have to take turns with the event
# loop.
LOOSE_S = 0.05
LOOSE_BATCHES = 16
# Requests of many rows are recorded several times as fast as a store takes their rows. While the outbox
# is fuller than this, which leaves room for others, they wait: at most for the time in which a slow
# store takes so many rows.
MANY_ROWS = 64
CROWDED = 0.8
PATIENT_ROWS_PER_S = 10_000
PATIENT_S = 5.0

_log = logging.getLogger("podium")


class Outbox:
    """Stores records durably until they are shipped to the store.

    Args:
        folder: of all outboxes; this one is a subfolder.
        durability: `normal` survives the end of the process at any moment; `full` also a power
            failure; with `off` nobody waits for a commit.
        rows_max: the most records that may wait.
        when_full: whether further records are refused, or the oldest dropped.
        disk: writes the segments; tests use one that fails.

    Raises:
        StoreError: the folder can't be used.
    """

    def __init__(
        self,
        folder: Path,
        *,
        durability: Durability = "normal",
        rows_max: int = 1_000_000,
        when_full: WhenFull = "refuse",
        disk: Disk | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.folder = folder / secrets.token_hex(8)
        self.is_inline = durability != "full"
        self._is_loose = durability == "off"
        self.failure: StoreError | None = None
        self.n_dropped = 0
        self._rows_max = rows_max
        self._when_full = when_full
        self._disk = disk
        self._segment_bytes = segment_bytes
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._old: list[SegmentWriter] = []
        self._counted_s = -1.0
        self._placed_s = time.monotonic()
        self._n_waiting = 0
        self._is_closed = False
        self.is_deleted = False
        self._alive = self._create_folder(folder)
        try:
            self._current = self._create_segment()
            if not self.is_inline:
                with failures(folder):
                    for one in (self.folder, folder, folder.parent):
                        sync_folder(one)
        except BaseException:
            self._alive.release()  # shippers take it for that of a dead worker, and remove it
            raise
        self._committer = None
        if durability != "normal":
            self._committer = Committer(self._commit, pause_s=LOOSE_S if self._is_loose else 0.0)

    def append(self, records: Iterable[Recordable]) -> None:
        """Store records, all or none: they are committed on return, unless durability is `off`.

        Raises:
            StoreError: none is stored: the outbox is full, or the disk fails.
        """
        some = packed_in_chunks(records)
        if self._committer is None:
            self._commit(some)
            return
        if self._is_loose:
            n_rows = sum(batch.n_rows for batch in some)
            if self._committer.add(some, partial(self._note, n_rows)) >= LOOSE_BATCHES:
                self._committer.commit_here()
            return
        done = threading.Event()
        failed: list[StoreError | None] = []

        def settled(error: StoreError | None) -> None:
            failed.append(error)
            done.set()

        self._committer.add(some, settled)
        done.wait()
        if failed[0] is not None:
            raise failed[0]

    def wait_for_room(self, n_rows: int) -> None:
        """Wait while the outbox is crowded, the longer the more rows are about to come."""
        until_s = time.monotonic() + min(n_rows / PATIENT_ROWS_PER_S, PATIENT_S)
        while self._n_waiting > CROWDED * self._rows_max and not self._is_closed:
            if self.n_waiting <= CROWDED * self._rows_max or time.monotonic() > until_s:
                return
            time.sleep(COUNT_S / 5)

    def append_later(self, records: Sequence[Recordable], settled: Settled) -> None:
        """Store records without waiting for the disk.

        Args:
            settled: called once, in another thread, with None or the reason why they weren't
                stored.
        """
        try:
            some = packed_in_chunks(records)
            if self._committer is not None:
                self._committer.add(some, settled)
                return
            self._commit(some)
        except StoreError as error:
            settled(error)
        else:
            settled(None)

    def settle(self) -> None:
        """Wait until the records of `append_later` are committed or dropped."""
        if self._committer is not None:
            self._committer.settle()

    def _note(self, n_rows: int, error: StoreError | None) -> None:
        """Count lost records that no caller is notified of."""
        if error is not None:
            self.n_dropped += n_rows
            _log.warning("records_dropped: %d: %s", n_rows, error.message)

    @property
    def n_waiting(self) -> int:
        """The number of records that aren't in the store yet."""
        with self._lock:
            if not self._is_closed:
                self._count()
            return self._n_waiting

    def probe(self) -> StoreError | None:
        """Check whether records can be stored; returns the reason if not."""
        with suppress(StoreError), self._lock:
            if not self._is_closed:
                self._check_place(now_s=None)
                if self._current.is_retired:
                    self._begin_next()
                    self._current.append([packed([])])  # so that the shipper sees that it has begun
        if self.failure is not None:
            with suppress(StoreError):
                self.append([])
        if self.failure is None:
            try:
                with failures(self.folder):
                    try_disk(self.folder)
            except StoreError as error:
                return error
        return self.failure

    def copy_waiting(self, other: Outbox) -> int:
        """Take over the waiting rows of another outbox whose files were deleted; returns how many."""
        with other._lock:
            left = other._current.left()
            self._commit(left or [packed([])])
            return sum(batch.n_rows for batch in left)

    def close(self) -> None:
        """Close the files. Unshipped records wait for the shipper."""
        if self._committer is not None:
            self._committer.close()
        with self._lock:
            if self._is_closed:
                return
            self._count()
            self._is_closed = True
            for segment in (*self._old, self._current):
                segment.close()
            self._alive.release()

    def _commit(self, batches: Sequence[Packed]) -> None:
        n_rows = sum(batch.n_rows for batch in batches)
        with self._lock:
            if self._is_closed:
                raise StoreError("the outbox is closed")
            if self.is_deleted:
                self._check_place(now_s=None)
            self._ensure_capacity(max(n_rows, 1))  # nothing else checks the room
            try:
                self._append(batches)
            except StoreError as error:
                self.failure = error
                raise
            self._check_place(now_s=time.monotonic())
            self.failure = None
            self._n_waiting += n_rows
            if self._current.n_bytes > self._segment_bytes:
                with suppress(StoreError):  # the next commit tries again
                    self._begin_next()

    def _append(self, batches: Sequence[Packed]) -> None:
        try:
            self._current.append(batches)
        except DamagedSegment:  # the shipper salvages what is readable
            self._begin_next()
            self._current.append(batches)

    def _begin_next(self) -> None:
        """Write to another segment from now on."""
        following = self._create_segment()
        self._current.finish()
        self._old.append(self._current)
        self._current = following

    def _check_place(self, *, now_s: float | None) -> None:
        """Check that the files are in place, unless that was checked a moment ago.

        Raises:
            StoreError: they aren't: nothing that was written to them is stored.
        """
        if now_s is not None and now_s - self._placed_s < PLACE_S:
            return
        is_deleted = not self._current.is_in_place
        if is_deleted:
            self.failure = StoreError(
                f"{self.folder} isn't where it was: it was removed, moved or replaced",
                hint="put the home folder back, or an empty one in its place",
                reason="the home folder, or a file in it, was removed or moved",
            )
        if is_deleted and not self.is_deleted:
            _log.error("outbox_gone: %s", self.failure)
        self.is_deleted = is_deleted
        if is_deleted and self.failure is not None:
            raise self.failure
        self._placed_s = time.monotonic()

    def _ensure_capacity(self, n_rows: int) -> None:
        if self._n_waiting + n_rows <= self._rows_max:
            return
        self._count()
        if self._n_waiting + n_rows <= self._rows_max:
            return
        if self._when_full == "refuse":
            self.failure = StoreError(
                f"{self._n_waiting} records are already waiting for the store",
                hint="check the store: the log says why it accepts no records",
            )
            raise self.failure
        # A whole segment: dropping is for operators who would rather lose many records than refuse
        # one.
        if not self._old:
            self._begin_next()
        oldest = self._old.pop(0)
        self.n_dropped += oldest.n_waiting
        oldest.close()
        delete_segment(oldest.path)
        self._counted_s = -1.0
        self._count()

    def _count(self) -> None:
        now_s = time.monotonic()
        if now_s - self._counted_s < COUNT_S:
            return
        self._counted_s = now_s
        for segment in list(self._old):
            if not segment.path.exists():
                segment.close()
                self._old.remove(segment)
        self._n_waiting = sum(one.n_waiting for one in (*self._old, self._current))

    def _create_segment(self) -> SegmentWriter:
        number = next(self._numbers)
        path = self.folder / f"{number:08d}{SUFFIX}"
        return SegmentWriter(path, is_synced=not self.is_inline, disk=self._disk)

    def _create_folder(self, folder: Path) -> FileLock:
        """Create the folder of this outbox; returns its lock."""
        with failures(self.folder):
            # Shippers see it only once it is locked: without a lock it would seem to be a dead
            # worker's. The home folder isn't created here: if it is gone, it isn't ours to
            # recreate.
            folder.mkdir(mode=0o700, exist_ok=True)
            hidden = folder / f".{self.folder.name}"
            hidden.mkdir(mode=0o700)
            lock = FileLock(hidden / LOCK_NAME)
            try:
                hidden.rename(self.folder)
            except OSError:
                lock.release()
                raise
        return lock
