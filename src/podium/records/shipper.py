"""The shipper: moves records from all outboxes of a folder to the store, and deletes old ones."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from podium.errors import StoreError
from podium.records.outbox import LOCK_NAME, locked
from podium.records.record import Record
from podium.records.segment import SUFFIX, Batch, SegmentReader, delete_segment
from podium.records.store import Store

SHIPPED_ROWS = 2_000
POLL_S, IDLE_S = 0.05, 0.25
TOLD_S = 1.0
BACK_OFF_MAX_S = 10.0
# A store that answers "no" for so long is told of at `/readyz`.
ALARM_S = 60.0
RETENTION_S = 3_600.0
DAY_US = 86_400_000_000
STATUS_NAME = "shipper.json"
REFUSED_NAME = "refused.jsonl"
# Below the first number of waiting rows shipping takes a tenth of the time, above the second all of
# it: a burst of predictions isn't slowed down by the store.
EASY_ROWS, URGENT_ROWS = 50_000, 400_000
EASY_REST = 9.0

_log = logging.getLogger("podium")


class Status(msgspec.Struct, frozen=True):
    """How shipping goes, for whoever asks in another process.

    Attributes:
        n_errors: how often the store failed.
        failing_since_s: when it began to, in seconds since 1970; 0 while all is well.
        error: what it said.
        n_refused: records that no store can hold, set aside.
        oldest_s: when the oldest record that waits was made; 0 when none waits.
    """

    n_errors: int = 0
    failing_since_s: float = 0.0
    error: str = ""
    n_refused: int = 0
    oldest_s: float = 0.0

    @property
    def is_alarmed(self) -> bool:
        """Whether the store has failed for long."""
        return bool(self.failing_since_s) and time.time() - self.failing_since_s > ALARM_S


class Shipper:
    """Ships while it runs; one at a time for a folder, however many are started.

    Args:
        folder: of all outboxes.
        keep_days: how long the store keeps records; 0 is for ever.
    """

    def __init__(self, folder: Path, store: Store, *, keep_days: int = 0) -> None:
        self._folder = folder
        self._store = store
        self._keep_days = keep_days
        self._readers: dict[Path, SegmentReader] = {}
        self._status = Status()
        self._told = Status()
        self._told_s = 0.0
        self._oldest_us = 0
        self._lock_fd = -1
        self._deleted_s = 0.0

    def run(self, stop: threading.Event) -> None:
        """Ship until it is told to stop, then what is left, for some seconds."""
        wait_s = 0.0
        while not stop.wait(wait_s):
            wait_s = self._turn(wait_s)
        self.drain(5.0)
        self.close()

    def drain(self, seconds: float) -> None:
        """Ship all that is there, unless it takes too long."""
        until_s = time.monotonic() + seconds
        try:
            while self._is_the_one() and time.monotonic() < until_s and self.ship():
                pass
        except StoreError as error:
            _log.warning("records_not_shipped: %s", error)

    def ship(self) -> int:
        """Move some records to the store; returns how many.

        Raises:
            StoreError: it takes none now.
        """
        n_rows = 0
        self._oldest_us = 0
        for outbox, is_dead in _outboxes(self._folder):
            segments = _segments(outbox)
            for path in segments:
                with _moving(self._folder):
                    n_rows += self._ship(path, is_last=path == segments[-1] and not is_dead)
            if is_dead and not _segments(outbox):
                (outbox / LOCK_NAME).unlink(missing_ok=True)
                outbox.rmdir()
        return n_rows

    def close(self) -> None:
        """Let go of the files."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _turn(self, waited_s: float) -> float:
        """One turn; returns how long to wait until the next."""
        if not self._is_the_one():
            return 1.0
        began_s = time.monotonic()
        try:
            n_rows = self.ship()
            self._delete_old()
        except StoreError as error:
            self._failed(error)
            return min(max(waited_s * 2, 0.1), BACK_OFF_MAX_S) * random.uniform(0.5, 1)  # noqa: S311
        if n_rows < SHIPPED_ROWS:
            self._oldest_us = 0
        self._tell(failing_since_s=0.0, error="")
        took_s = time.monotonic() - began_s
        if not n_rows:
            return min(max(waited_s, POLL_S) * 1.2, IDLE_S)
        return max(POLL_S if n_rows < SHIPPED_ROWS else 0.0, took_s * self._rest(n_rows))

    def _rest(self, n_shipped: int) -> float:
        """How much longer than it worked the shipper rests."""
        if n_shipped < SHIPPED_ROWS:
            return 0.0
        n_waiting = self._n_bytes_waiting() // 500
        urgency = (n_waiting - EASY_ROWS) / (URGENT_ROWS - EASY_ROWS)
        return EASY_REST * (1 - min(max(urgency, 0.0), 1.0))

    def _n_bytes_waiting(self) -> int:
        logs = self._folder.glob(f"*/*{SUFFIX}-wal")
        return sum(path.stat().st_size for path in logs if path.exists())

    def _is_the_one(self) -> bool:
        if self._lock_fd < 0:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lock_fd = locked(self._folder / "shipper.lock")
            except OSError:
                return False
        return True

    def _ship(self, path: Path, *, is_last: bool) -> int:
        reader = self._readers.get(path)
        try:
            if reader is None:
                reader = self._readers[path] = SegmentReader(path)
            batches = list(reader.batches(SHIPPED_ROWS))
        except StoreError:
            # Its worker was killed before the file was made, or has dropped it.
            self._forget(path, delete=not is_last)
            return 0
        if not batches:
            if not is_last:
                self._forget(path, delete=True)
            return 0
        records = [record for batch in batches for record in batch.records]
        self._oldest_us = min(self._oldest_us or records[0].time_us, records[0].time_us)
        result = self._store.insert(records)
        if result.failed:
            self._set_aside(records, result.failed)
        reader.advance(batches)
        return len(records)

    def _forget(self, path: Path, *, delete: bool) -> None:
        reader = self._readers.pop(path, None)
        if reader is not None:
            reader.close()
        if delete:
            delete_segment(path)

    def _set_aside(self, records: list[Record], failed: dict[str, str]) -> None:
        """Keep what the store can't hold where a person can look at it."""
        with (self._folder / REFUSED_NAME).open("ab") as file:
            for record in records:
                if record.id in failed:
                    said = {"why": failed[record.id], "record": asdict(record)}
                    file.write(msgspec.json.encode(said) + b"\n")
        _log.error("records_refused: %d, first: %s", len(failed), next(iter(failed.values())))
        self._status = replace(self._status, n_refused=self._status.n_refused + len(failed))

    def _failed(self, error: StoreError) -> None:
        if not self._status.failing_since_s:
            _log.warning("store_failed: %s", error)
        self._tell(
            n_errors=self._status.n_errors + 1,
            failing_since_s=self._status.failing_since_s or time.time(),
            error=error.message,
        )

    def _tell(self, **said: Any) -> None:
        """Write down how it goes: at once when that changes, else once a second."""
        before = self._status
        self._status = replace(before, oldest_s=self._oldest_us / 1e6, **said)
        now_s = time.monotonic()
        if self._status == self._told or (
            self._status.error == before.error and now_s - self._told_s < TOLD_S
        ):
            return
        self._told, self._told_s = self._status, now_s
        part = self._folder / f"{STATUS_NAME}.part"
        try:
            part.write_bytes(msgspec.json.encode(self._status))
            part.replace(self._folder / STATUS_NAME)
        except OSError as error:
            _log.warning("shipper_status_not_written: %s", error)

    def _delete_old(self) -> None:
        now_s = time.time()
        if self._keep_days and now_s - self._deleted_s > RETENTION_S:
            self._deleted_s = now_s
            before_us = int(now_s * 1e6) - self._keep_days * DAY_US
            with _moving(self._folder, is_shared=False):
                n_rows = self._store.delete(before_us=before_us)
            if n_rows:
                _log.info("records_deleted: %d older than %d days", n_rows, self._keep_days)


def flush(folder: Path, store: Store, *, seconds: float = 2.0) -> bool:
    """Put into the store what every outbox holds now, so that a reader sees it; whether all is.

    It reads only: the shipper finds the same records and the store knows them already.

    Raises:
        StoreError: the store takes none now.
    """
    until_s = time.monotonic() + seconds
    with _moving(folder):
        return _flush(folder, store, until_s)


def delete(folder: Path, store: Store, *, before_us: int, seconds: float = 10.0) -> int:
    """Delete the records before a moment, those that wait among them; returns how many.

    Raises:
        StoreError: the store takes none now, so that some would come after they were deleted.
    """
    until_s = time.monotonic() + seconds
    while not _is_all_shipped(folder):
        shipper = Shipper(folder, store)
        shipper.drain(seconds)  # unless another one is at it
        shipper.close()
        if time.monotonic() > until_s:
            raise StoreError("records still wait for the store", hint="try again in a while")
        time.sleep(0.01)
    with _moving(folder, is_shared=False):
        return store.delete(before_us=before_us)


def _is_all_shipped(folder: Path) -> bool:
    for outbox, _ in _outboxes(folder):
        for path in _segments(outbox):
            try:
                reader = SegmentReader(path)
                is_empty = next(iter(reader.batches(1)), None) is None
                reader.close()
            except (StoreError, OSError):
                continue
            if not is_empty:
                return False
    return True


@contextmanager
def _moving(folder: Path, *, is_shared: bool = True) -> Iterator[None]:
    """While records move to the store nobody deletes any: they would come back."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = locked(folder / "moving.lock", is_shared=is_shared, waits=True)
    try:
        yield
    finally:
        os.close(fd)


def _flush(folder: Path, store: Store, until_s: float) -> bool:
    for outbox, _ in _outboxes(folder):
        for path in _segments(outbox):
            try:
                reader = SegmentReader(path)
            except (StoreError, OSError):
                continue  # shipped and deleted just now
            try:
                if not _flushed(reader, store, until_s):
                    return False
            finally:
                reader.close()
    return True


def _flushed(reader: SegmentReader, store: Store, until_s: float) -> bool:
    after = reader.mark.seq
    while True:
        try:
            batches: list[Batch] = list(reader.batches(SHIPPED_ROWS, after))
        except StoreError:
            return True
        if not batches:
            return True
        store.insert([record for batch in batches for record in batch.records])
        after = batches[-1].seq
        if time.monotonic() > until_s:
            return False


def status_of(folder: Path) -> Status:
    """What the shipper of this folder last told."""
    try:
        return msgspec.json.decode((folder / STATUS_NAME).read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return Status()


def _outboxes(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Each outbox, and whether its worker is dead."""
    for lock in sorted(folder.glob(f"[!.]*/{LOCK_NAME}")):
        try:
            os.close(locked(lock))
            is_dead = True
        except OSError:
            is_dead = False
        yield lock.parent, is_dead


def _segments(outbox: Path) -> list[Path]:
    """Its segments, oldest first."""
    return sorted(outbox.glob(f"*{SUFFIX}"))
