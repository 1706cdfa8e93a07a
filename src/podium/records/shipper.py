"""The shipper: moves records from all outboxes of a folder to the store, and deletes old ones."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from podium.errors import StoreError
from podium.records.aside import Aside
from podium.records.outbox import locked
from podium.records.outboxes import (
    moving,
    outboxes,
    remove_outbox,
    remove_remains,
    segments,
)
from podium.records.record import Record
from podium.records.retention import Retention
from podium.records.segment import (
    Batch,
    DamagedSegment,
    SegmentGone,
    SegmentReader,
    delete_segment,
    failures,
    set_aside,
)
from podium.records.sift import sift
from podium.records.status import STATUS_NAME, Status, write_status
from podium.records.store import Store

SHIPPED_ROWS = 2_000
# Done aside, a turn is short: who looks at a page meanwhile waits for it to end.
ASIDE_ROWS = 250
POLL_S, IDLE_S = 0.05, 0.25
TOLD_S = 1.0
BACK_OFF_MAX_S = 10.0
# After so many failures in a row it may be a record that the store can't take.
SIFTED_AFTER = 3
REFUSED_NAME = "refused.jsonl"
DAMAGED_NAME = "damaged"
# As long as the outbox is less full than the first share, shipping takes a tenth of the time, above the
# second all of it: a burst of predictions isn't slowed down by the store.
EASY, URGENT = 0.2, 0.8
EASY_REST = 9.0

_log = logging.getLogger("podium")


class Shipper:
    """Ships while it runs; one at a time for a folder, however many are started.

    Args:
        folder: of all outboxes.
        keep_days: how long the store keeps records; 0 is for ever.
        rows_max: how many records an outbox holds: the fuller it is, the harder shipping works.
        aside: where it works while the outbox is far from full; None shares a process with others.
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
        self._told = Status()
        self._told_s = 0.0
        self._oldest_us = 0
        self._lock_fd = -1
        self._unread: StoreError | None = None

    def run(self, stop: threading.Event) -> None:
        """Ship until it is told to stop, then what is left, for some seconds."""
        wait_s = 0.0
        while not stop.wait(wait_s):
            if self._aside is None or self._n_waiting > EASY * self._rows_max:
                self._turn_rows = SHIPPED_ROWS
                wait_s = self._turn(wait_s)
            else:
                self._turn_rows = ASIDE_ROWS
                wait_s = self._aside.do(self._turn, wait_s)
        self._turn_rows = SHIPPED_ROWS
        self.drain(5.0)
        self.close()

    def drain(self, seconds: float) -> None:
        """Ship all that is there, unless it takes too long."""
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
            StoreError: it takes none now, or some can't be read now.
        """
        n_rows = 0
        self._n_waiting = 0
        self._oldest_us = 0
        self._unread = None
        found = list(outboxes(self._folder))
        paths = {outbox.path: segments(outbox.path) for outbox in found}
        self._forget_all_but({path for some in paths.values() for path in some})
        for outbox, is_dead in found:
            # Nothing is written any more to those before the last that was begun. The next one may
            # have been made already: that says nothing.
            done = paths[outbox] if is_dead else self._before_last_begun(paths[outbox])
            for path in paths[outbox]:
                with moving(self._folder):
                    n_rows += self._ship(path, is_done=path in done)
            if is_dead and not segments(outbox):
                remove_outbox(outbox)
        if self._unread is not None:
            raise self._unread
        return n_rows

    def ship_alone(self) -> int:
        """Move some records, unless another shipper is at it; returns how many.

        Raises:
            StoreError: as `ship`.
        """
        return self.ship() if self._is_the_one() else 0

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
            with failures(self._folder):
                n_rows = self.ship()
                self._delete_old()
        except StoreError as error:
            self._failed(error)
            return min(max(waited_s * 2, 0.1), BACK_OFF_MAX_S) * random.uniform(0.5, 1)  # noqa: S311
        if n_rows < self._turn_rows:
            self._oldest_us = 0
        self._tell(failing_since_s=0.0, error="")
        took_s = time.monotonic() - began_s
        if not n_rows:
            return min(max(waited_s, POLL_S) * 1.2, IDLE_S)
        return max(POLL_S if n_rows < self._turn_rows else 0.0, took_s * self._rest(n_rows))

    def _rest(self, n_shipped: int) -> float:
        """How much longer than it worked the shipper rests."""
        if n_shipped < self._turn_rows or self._turn_rows == ASIDE_ROWS:
            return 0.0
        urgency = (self._n_waiting / self._rows_max - EASY) / (URGENT - EASY)
        return EASY_REST * (1 - min(max(urgency, 0.0), 1.0))

    def _is_the_one(self) -> bool:
        if self._lock_fd < 0:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lock_fd = locked(self._folder / "shipper.lock")
                remove_remains(self._folder)
            except (OSError, StoreError):
                return self._lock_fd >= 0
        return True

    def _ship(self, path: Path, *, is_done: bool) -> int:
        """Move some records of a segment; delete it when nothing is left and it is done with."""
        try:
            batches, is_damaged = self._read(path)
        except SegmentGone:
            self._forget(path)
            return 0
        except StoreError as error:
            self._unread = error
            return 0
        if batches:
            self._move(batches)
            reader = self._readers[path]
            reader.advance(batches)
            # Batches that come after are taken to be as large as these.
            n_rows = sum(len(batch.records) for batch in batches)
            self._n_waiting += (reader.end - batches[-1].seq) * n_rows // len(batches)
        elif is_done:
            self._forget(path)
            if is_damaged:
                _log.error("segment_damaged: %s is moved to %s", path, DAMAGED_NAME)
                set_aside(path, self._folder / DAMAGED_NAME)
                self._status = replace(self._status, n_damaged=self._status.n_damaged + 1)
            else:
                delete_segment(path)
        return sum(len(batch.records) for batch in batches)

    def _read(self, path: Path) -> tuple[list[Batch], bool]:
        """What comes next in a segment, and whether what follows is damaged."""
        batches: list[Batch] = []
        try:
            # Not a comprehension: what comes before the damage is kept.
            batches.extend(self._reader(path).batches(self._turn_rows))
        except DamagedSegment as error:
            self._unread = error
            return batches, True
        return batches, False

    def _move(self, batches: list[Batch]) -> None:
        records = [record for batch in batches for record in batch.records]
        if not records:  # written to see whether the disk is back
            return
        self._oldest_us = min(self._oldest_us or records[0].time_us, records[0].time_us)
        is_sifted = self._n_failed >= SIFTED_AFTER and len(records) > 1
        result = sift(self._store, records) if is_sifted else self._store.insert(records)
        self._n_failed = 0
        if result.failed:
            self._set_aside(records, result.failed)

    def _before_last_begun(self, paths: list[Path]) -> list[Path]:
        for at in range(len(paths) - 1, 0, -1):
            with suppress(StoreError):  # it is read again in a moment, which tells why
                if self._reader(paths[at]).end:
                    return paths[:at]
        return []

    def _reader(self, path: Path) -> SegmentReader:
        reader = self._readers.get(path)
        if reader is None:
            reader = self._readers[path] = SegmentReader(path)
        return reader

    def _forget(self, path: Path) -> None:
        reader = self._readers.pop(path, None)
        if reader is not None:
            reader.close()

    def _forget_all_but(self, paths: set[Path]) -> None:
        """Let go of segments that their worker has dropped: their space is free only then."""
        for path in self._readers.keys() - paths:
            self._forget(path)

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
        self._n_failed += 1
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
        try:
            write_status(self._folder, self._status)
        except OSError as error:
            _log.warning("shipper_not_told: %s: %s", STATUS_NAME, error)

    def _delete_old(self) -> None:
        before_us = self._retention.due_us()
        if before_us is None:
            return
        # Not locked out by `moving`: who looks at a page meanwhile would wait for all of it. What
        # comes back that way is deleted an hour later.
        n_rows = self._store.delete(before_us=before_us)
        self._retention.done()
        if n_rows:
            _log.info("records_deleted: %d from before %d us", n_rows, before_us)
