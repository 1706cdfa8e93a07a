"""The shipper: moves records from all outboxes of a folder to the store, and deletes old ones."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from podium.errors import StoreError
from podium.outbox.aside import Aside
from podium.outbox.isolation import insert_valid
from podium.outbox.lock import FileLock
from podium.outbox.mark import read_committed
from podium.outbox.outboxes import (
    moving,
    outboxes,
    remove_outbox,
    remove_remains,
    segments,
)
from podium.outbox.refused import store_refused
from podium.outbox.salvage import salvage
from podium.outbox.segment import Batch, DamagedSegment, SegmentDeleted, SegmentReader, failures
from podium.outbox.segment_files import delete_segment, retire, set_aside
from podium.outbox.segment_reader import open_segment
from podium.outbox.status import STATUS_NAME, Status, write_status
from podium.records.retention import Retention
from podium.records.store import RecordQuery, Store, drop_before, iter_pages

SHIPPED_ROWS = 2_000
# While work runs aside, a run is short: a reader of a page waits for it to end.
ASIDE_ROWS = 250
POLL_S, IDLE_S = 0.05, 0.25
STATUS_S = 1.0
BACK_OFF_MAX_S = 1.0
# After this many failures in a row the cause may be a record that the store can't hold. Finding it
# takes many attempts, so it isn't tried each time.
ISOLATED_AFTER, ISOLATED_EVERY = 3, 10
# A store that was idle for this long is probed with a query for a record that doesn't exist.
PROBE_S = 0.5
NOWHERE = "0" * 32
# A store that takes longer for one response is reported while it does.
RESPONSE_S, WATCH_S = 0.75, 0.2
DAMAGED_NAME = "damaged"
# While the outbox is less full than the first share, shipping takes a tenth of the time, above the
# second all of it: a burst of predictions isn't slowed down by the store.
EASY, URGENT = 0.2, 0.8
EASY_REST = 9.0

# A generator of its own: a program may have seeded the global one.
_random = random.Random()  # noqa: S311 - not a secret
_log = logging.getLogger("podium")


class Shipper:
    """Ships while it runs; one at a time for a folder, however many are started.

    Args:
        folder: of all outboxes.
        keep_days: how long the store keeps records; 0 keeps them for ever.
        rows_max: how many records an outbox holds: the fuller it is, the more time shipping takes.
        aside: where it works while the outbox is far from full; None if it shares a process.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        *,
        keep_days: int = 0,
        rows_max: int = 1_000_000,
        aside: Aside | None = None,
    ) -> None:
        self._rows_max = rows_max
        self._aside = aside
        self._turn_rows = SHIPPED_ROWS
        self._n_waiting = 0
        self._folder = folder
        self._store = store
        self._retention = Retention(keep_days)
        self._n_failed = 0
        self._readers: dict[Path, SegmentReader] = {}
        self._status = Status()
        self._written = Status()
        self._written_s = 0.0
        self._oldest_us = 0
        self._lock: FileLock | None = None
        self._unread: StoreError | None = None
        self._responded_s = 0.0
        self._requested_s = 0.0
        self._status_lock = threading.Lock()

    def run(self, stop: threading.Event) -> None:
        """Ship until stopped, then the rest, for some seconds."""
        threading.Thread(
            target=self._watch, args=(stop,), name="podium-ship-watch", daemon=True
        ).start()
        wait_s = 0.0
        while not stop.wait(wait_s):
            if self._aside is None or self._n_waiting > EASY * self._rows_max:
                self._turn_rows = SHIPPED_ROWS
                wait_s = self._run_once(wait_s)
            else:
                self._turn_rows = ASIDE_ROWS
                wait_s = self._aside.do(self._run_once, wait_s)
        self._turn_rows = SHIPPED_ROWS
        self.drain(5.0)
        self.close()

    def drain(self, seconds: float) -> None:
        """Ship everything that is there, unless it takes too long."""
        until_s = time.monotonic() + seconds
        try:
            with failures(self._folder):
                while time.monotonic() < until_s and self.ship_alone():
                    pass
        except StoreError as error:
            _log.warning("records_not_shipped: %s", error)

    def ship(self) -> int:
        """Move some records to the store; returns how many.

        Raises:
            StoreError: it accepts none now, or some can't be read now.
        """
        n_rows = 0
        self._n_waiting = 0
        self._oldest_us = 0
        self._unread = None
        folders = list(outboxes(self._folder))
        paths = {outbox.path: segments(outbox.path) for outbox in folders}
        self._close_others({path for some in paths.values() for path in some})
        for outbox, is_dead in folders:
            # Nothing is written any more to segments before the last one that has batches. An empty
            # one may have been created in advance: it proves nothing.
            done = paths[outbox] if is_dead else self._complete_segments(paths[outbox])
            for path in paths[outbox]:
                with moving(self._folder):
                    n_rows += self._ship(path, is_done=path in done)
            if is_dead and not segments(outbox):
                remove_outbox(outbox)
        if self._unread is not None:
            raise self._unread
        return n_rows

    def ship_alone(self) -> int:
        """Move some records, unless another shipper is active; returns how many.

        Raises:
            StoreError: as `ship`.
        """
        return self.ship() if self._is_leader() else 0

    def close(self) -> None:
        """Close the files."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        if self._lock is not None:
            self._lock.release()

    def _run_once(self, waited_s: float) -> float:
        """Ship once; returns how long to wait until the next run."""
        if not self._is_leader():
            return 1.0
        began_s = time.monotonic()
        try:
            with failures(self._folder):
                n_rows = self.ship()
                if time.monotonic() - self._responded_s > PROBE_S:
                    with self._requesting():
                        self._store.get(NOWHERE)
                self._delete_old()
        except Exception as error:  # noqa: BLE001 - see FOREIGN_CODE
            if not isinstance(error, StoreError):
                _log.exception("store_raised %s", type(error).__name__)
                error = StoreError(f"the store raised {type(error).__name__}")
            self._failed(error)
            return min(max(waited_s * 2, 0.1), BACK_OFF_MAX_S) * _random.uniform(0.5, 1)
        if n_rows < self._turn_rows:
            self._oldest_us = 0
        self._write_status(failing_since_s=0.0, error="", reason="")
        took_s = time.monotonic() - began_s
        if not n_rows:
            return min(max(waited_s, POLL_S) * 1.2, IDLE_S)
        return max(POLL_S if n_rows < self._turn_rows else 0.0, took_s * self._pause_s(n_rows))

    def _pause_s(self, n_shipped: int) -> float:
        """How long to pause, as a multiple of the time that the last run took."""
        if n_shipped < self._turn_rows or self._turn_rows == ASIDE_ROWS:
            return 0.0
        urgency = (self._n_waiting / self._rows_max - EASY) / (URGENT - EASY)
        return EASY_REST * (1 - min(max(urgency, 0.0), 1.0))

    def _is_leader(self) -> bool:
        if self._lock is not None and self._lock.is_locked:
            return True
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._lock = FileLock(self._folder / "shipper.lock")
        except OSError:
            return False
        with suppress(StoreError):  # they are removed another time
            remove_remains(self._folder)
        return True

    def _ship(self, path: Path, *, is_done: bool) -> int:
        """Move some records of a segment; delete it if nothing is left and no more can come."""
        try:
            batches, is_damaged = self._read(path)
        except SegmentDeleted:
            self._close_reader(path)
            return 0
        except StoreError as error:
            self._unread = error
            return 0
        if batches:
            self._insert(batches)
            self._readers[path].advance(batches)
            with suppress(OSError):  # it decides nothing but how much time shipping takes
                committed = read_committed(path)
                self._n_waiting += max(committed.n_rows - committed.shipped.n_rows, 0)
        elif is_done:
            if is_damaged or self._is_incomplete(path):
                return self._salvage(path, is_damaged=is_damaged)
            self._close_reader(path)
            delete_segment(path)
        elif is_damaged:
            retire(path)
        return sum(len(batch.records) for batch in batches)

    def _is_incomplete(self, path: Path) -> bool:
        """Whether less was readable than was committed, or is there."""
        committed = read_committed(path)
        return committed.n_rows > committed.shipped.n_rows or self._reader(path).has_rest

    def _salvage(self, path: Path, *, is_damaged: bool) -> int:
        """Insert the readable rows of a damaged segment, and set it aside; returns how many."""
        self._close_reader(path)
        salvaged = salvage(path)
        for batch in salvaged.batches:
            self._insert([batch])
        self._unread = None
        if not (is_damaged or salvaged.n_rows or salvaged.n_lost):
            delete_segment(path)  # only a commit was cut off, which nobody was told of
            return 0
        place = self._folder / DAMAGED_NAME
        set_aside(path, place)
        _log.error(
            "outbox_damaged: %s: %d records were rescued, %d are lost; the damaged file is kept in %s",
            path,
            salvaged.n_rows,
            salvaged.n_lost,
            place,
        )
        self._status = replace(
            self._status,
            n_damaged=self._status.n_damaged + 1,
            n_lost=self._status.n_lost + salvaged.n_lost,
        )
        return salvaged.n_rows

    def _read(self, path: Path) -> tuple[list[Batch], bool]:
        """The next batches of a segment, and whether what follows is damaged."""
        batches: list[Batch] = []
        try:
            # Not a comprehension: the batches before the damage are kept.
            batches.extend(self._reader(path).batches(self._turn_rows))
        except DamagedSegment as error:
            if not batches:
                self._unread = error
            return batches, True
        return batches, False

    def _insert(self, batches: list[Batch]) -> None:
        records = [record for batch in batches for record in batch.records]
        if not records:  # writing shows whether the disk is back
            return
        self._oldest_us = min(self._oldest_us or records[0].time_us, records[0].time_us)
        tries = self._n_failed - ISOLATED_AFTER
        isolates = tries >= 0 and tries % ISOLATED_EVERY == 0 and len(records) > 1
        with self._requesting():
            result = insert_valid(self._store, records) if isolates else self._store.insert(records)
        self._n_failed = 0
        if result.failed:
            store_refused(self._folder, records, result.failed)
            n_refused = self._status.n_refused + len(result.failed)
            self._status = replace(self._status, n_refused=n_refused)

    def _complete_segments(self, paths: list[Path]) -> list[Path]:
        for at in range(len(paths) - 1, 0, -1):
            with suppress(StoreError):  # the next read, in a moment, will tell why
                if self._reader(paths[at]).end:
                    return paths[:at]
        return []

    def _reader(self, path: Path) -> SegmentReader:
        reader = self._readers.get(path)
        if reader is None:
            reader = self._readers[path] = open_segment(path)
        return reader

    def _close_reader(self, path: Path) -> None:
        reader = self._readers.pop(path, None)
        if reader is not None:
            reader.close()

    def _close_others(self, paths: set[Path]) -> None:
        """Close segments that their worker has dropped, which frees their disk space."""
        for path in self._readers.keys() - paths:
            self._close_reader(path)

    def _failed(self, error: StoreError) -> None:
        self._n_failed += 1
        if not self._status.failing_since_s:
            _log.warning("store_failed: %s", error)
        self._write_status(
            n_errors=self._status.n_errors + 1,
            failing_since_s=self._status.failing_since_s or time.time(),
            error=error.message,
            reason=error.reason or "the store fails",
        )

    @contextmanager
    def _requesting(self) -> Iterator[None]:
        """While a request to the store runs: `_watch` reads when it began."""
        self._requested_s = time.monotonic()
        try:
            yield
        finally:
            self._requested_s, self._responded_s = 0.0, time.monotonic()

    def _watch(self, stop: threading.Event) -> None:
        """Report a store that doesn't respond: the thread that waits for it can't."""
        while not stop.wait(WATCH_S):
            since_s = self._requested_s
            if since_s and time.monotonic() - since_s > RESPONSE_S:
                self._write_status(
                    failing_since_s=self._status.failing_since_s or time.time() - RESPONSE_S,
                    error=f"no response for {RESPONSE_S:g} s",
                    reason="the store doesn't respond",
                )

    def _write_status(self, **changes: Any) -> None:
        """Write the status file: at once if the status changes, otherwise once a second."""
        with self._status_lock:
            self._replace_status(**changes)

    def _replace_status(self, **changes: Any) -> None:
        before = self._status
        self._status = replace(before, oldest_s=self._oldest_us / 1e6, **changes)
        now_s = time.monotonic()
        if self._status == self._written or (
            self._status.error == before.error and now_s - self._written_s < STATUS_S
        ):
            return
        self._written, self._written_s = self._status, now_s
        try:
            write_status(self._folder, self._status)
        except OSError as error:
            _log.warning("status_not_written: %s: %s", STATUS_NAME, error)

    def _delete_old(self) -> None:
        before_us = self._retention.due_us()
        if before_us is None:
            return
        # Not locked out by `moving`: a reader of a page would wait for all of it. Records that
        # reappear that way are deleted an hour later.
        n_rows = drop_before(self._store, before_us)
        n_rows += sum(
            map(self._store.delete, iter_pages(self._store, RecordQuery(until_us=before_us)))
        )
        self._retention.done()
        if n_rows:
            _log.info("records_deleted: %d from before %d us", n_rows, before_us)
