"""The outbox of one worker: what was answered is committed here, before the answer leaves.

A folder of segments, one after the other. The folder is locked while its worker lives: who can take
the lock knows that the worker is dead, and that what it left is to be shipped.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from podium.errors import StoreError
from podium.records.record import Record
from podium.records.segment import SUFFIX, SegmentWriter, delete_segment, failures

Durability: TypeAlias = Literal["normal", "full"]
WhenFull: TypeAlias = Literal["refuse", "drop"]
Settled: TypeAlias = Callable[[StoreError | None], object]

SEGMENT_BYTES = 32 * 2**20
LOCK_NAME = "lock"
# How old the count of waiting rows may be: reading it costs a call to the system.
COUNT_S = 0.05


class Outbox:
    """Takes records, and keeps them until somebody has shipped them to the store.

    Args:
        folder: of all the outboxes; this one is a folder in it.
        durability: `normal` survives the end of the process, at any moment; `full` the loss of
            power too.
        rows_max: the most records that may wait.
        when_full: whether more are then refused, or the oldest dropped.
        vfs: the name of SQLite's virtual file system; tests bring one that fails.

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
        vfs: str = "",
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.folder = folder / secrets.token_hex(8)
        self.is_inline = durability == "normal"
        self.failure: StoreError | None = None
        self.n_dropped = 0
        self._rows_max = rows_max
        self._when_full = when_full
        self._vfs = vfs
        self._segment_bytes = segment_bytes
        self._lock = threading.RLock()
        self._n_segments = 0
        self._preparing: threading.Thread | None = None
        self._next: SegmentWriter | None = None
        self._old: list[SegmentWriter] = []
        self._counted_s = -1.0
        self._n_waiting = 0
        with failures(self.folder):
            # Whoever ships sees it only when it is locked: without a lock it would be a dead one's.
            hidden = folder / f".{self.folder.name}"
            hidden.mkdir(mode=0o700, parents=True)
            self._lock_fd = locked(hidden / LOCK_NAME)
            hidden.rename(self.folder)
        self._current = self._made()
        self._committer = None if self.is_inline else _Committer(self._commit)

    def append(self, records: Sequence[Record]) -> None:
        """Keep records: they are committed when this returns.

        Raises:
            StoreError: nothing of them is kept: the outbox is full, or the disk fails.
        """
        if self._committer is None:
            self._commit([records])
            return
        done = threading.Event()
        failed: list[StoreError | None] = []

        def settled(error: StoreError | None) -> None:
            failed.append(error)
            done.set()

        self._committer.add(records, settled)
        done.wait()
        if failed[0] is not None:
            raise failed[0]

    def append_later(self, records: Sequence[Record], settled: Settled) -> None:
        """Keep records, without waiting for the disk.

        Args:
            settled: called once, in another thread, with the reason why they aren't kept or None.
        """
        if self._committer is not None:
            self._committer.add(records, settled)
            return
        try:
            self._commit([records])
        except StoreError as error:
            settled(error)
        else:
            settled(None)

    @property
    def n_waiting(self) -> int:
        """How many records aren't in the store yet."""
        with self._lock:
            self._count()
            return self._n_waiting

    def probe(self) -> StoreError | None:
        """Try whether records can be kept, where the last ones couldn't; the reason why not."""
        if self.failure is not None:
            with suppress(StoreError):
                self._commit([[]])
        return self.failure

    def close(self) -> None:
        """Let go of the files. What isn't shipped yet waits for whoever ships."""
        if self._committer is not None:
            self._committer.close()
        if self._preparing is not None:
            self._preparing.join()
        with self._lock:
            for segment in (*self._old, self._current):
                segment.close()
            if self._next is not None:
                self._next.close()
            os.close(self._lock_fd)

    def _commit(self, batches: Sequence[Sequence[Record]]) -> None:
        n_rows = sum(map(len, batches))
        with self._lock:
            self._make_room(max(n_rows, 1))  # nothing at all asks whether there is room
            try:
                self._current.append(batches)
            except StoreError as error:
                self.failure = error
                raise
            self.failure = None
            self._n_waiting += n_rows
            if self._current.n_bytes > self._segment_bytes // 2:
                self._rotate()

    def _make_room(self, n_rows: int) -> None:
        if self._n_waiting + n_rows <= self._rows_max:
            return
        self._count()
        if self._n_waiting + n_rows <= self._rows_max:
            return
        if self._when_full == "refuse":
            self.failure = StoreError(
                f"{self._n_waiting} records wait for the store already",
                hint="look at the store: the log says why it takes no more",
            )
            raise self.failure
        # A whole segment: dropping is for those who would rather lose many than refuse one.
        if not self._old:
            self._current.finish()
            self._old.append(self._current)
            self._current = self._next or self._made()
            self._next = None
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

    def _rotate(self) -> None:
        """Go on in a new segment, once a thread has made one."""
        if self._next is not None and self._current.n_bytes > self._segment_bytes:
            self._old.append(self._current)
            self._current.finish()
            self._current, self._next = self._next, None
        elif self._next is None and (self._preparing is None or not self._preparing.is_alive()):
            self._preparing = threading.Thread(target=self._prepare, name="podium-segment")
            self._preparing.start()

    def _prepare(self) -> None:
        try:
            made = self._made()
        except StoreError:
            return  # the current one goes on; the next commit tries again
        with self._lock:
            self._next = made

    def _made(self) -> SegmentWriter:
        self._n_segments += 1
        path = self.folder / f"{self._n_segments:08d}{SUFFIX}"
        return SegmentWriter(path, is_synced=not self.is_inline, vfs=self._vfs)


class _Committer:
    """A thread that commits what gathered while it committed what was before."""

    def __init__(self, commit: Callable[[Sequence[Sequence[Record]]], None]) -> None:
        self._commit = commit
        self._gathered: list[tuple[Sequence[Record], Settled]] = []
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="podium-commit", daemon=True)
        self._thread.start()

    def add(self, records: Sequence[Record], settled: Settled) -> None:
        with self._changed:
            self._gathered.append((records, settled))
            self._changed.notify()

    def close(self) -> None:
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


def locked(path: Path, *, is_shared: bool = False, waits: bool = False) -> int:
    """A lock on a file, held until its descriptor is closed or the process ends.

    Args:
        is_shared: others may hold it so, too.
        waits: until nobody else holds it.

    Raises:
        BlockingIOError: somebody else holds it.
    """
    import fcntl

    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
    try:
        fcntl.flock(fd, kind if waits else kind | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd
