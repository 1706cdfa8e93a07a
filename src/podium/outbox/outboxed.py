"""A store behind an outbox: records are stored at once, and reach the database a moment later."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from podium.errors import StoreError
from podium.outbox.flush import FLUSH_S, flush, settled
from podium.outbox.health import HEALTHY, Health, Watch, of_failure
from podium.outbox.outbox import MANY_ROWS, Durability, Outbox, WhenFull
from podium.outbox.outboxes import outboxes, segments
from podium.outbox.recorder import Backlog, Settled
from podium.outbox.segment_files import is_on_disk
from podium.outbox.shipper import Shipper
from podium.outbox.status import Status, status_of
from podium.outbox.waiting import Waiting
from podium.records import forks
from podium.records.block import Recordable
from podium.records.counted import CountStore
from podium.records.record import Feedback, Record
from podium.records.storable import refused_of
from podium.records.store import InsertResult, Order, Page, RecordQuery, Store, counts_of

_log = logging.getLogger("podium")
_SURVIVES: dict[Durability, Literal["memory", "process", "power"]] = {
    "off": "memory",
    "normal": "process",
    "full": "power",
}


class OutboxedStore(forks.ForkAware):
    """A store with an outbox: inserts never wait for the database, and readers still see them.

    The outbox is created when it is first needed, and again in a forked process: it belongs to one
    process.

    Args:
        store: the database of the records.
        folder: of the outboxes of all processes that use this store.
        ships: whether this process ships, too; otherwise another one does.
        keep_days: how long the store keeps records; 0 keeps them for ever.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        durability: Durability = "normal",
        rows_max: int = 1_000_000,
        when_full: WhenFull = "refuse",
        ships: bool = True,
        keep_days: int = 0,
    ) -> None:
        self.features = msgspec.structs.replace(
            store.features,
            duplicate_policy="absorb",  # duplicates are found when they are shipped
            durability=_SURVIVES[durability],
            drops=False,  # what ships does that
        )
        self.store = store
        self.folder: Path | None = folder
        self._folder = folder
        self.ships = ships
        self.is_inline = durability != "full"
        self._durability: Durability = durability
        self._rows_max = rows_max
        self._when_full: WhenFull = when_full
        self._keep_days = keep_days
        self._lock = threading.Lock()
        self._waiting = Waiting(folder)
        self._outbox: Outbox | None = None
        self._watch: Watch | None = None
        self._device = 0
        self._pid = 0
        self._shipping: threading.Thread | None = None
        self._stop = threading.Event()
        self._is_closed = False
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """Replace the lock, which the parent's threads may hold."""
        self._lock = threading.Lock()

    @property
    def outbox(self) -> Outbox:
        """The outbox of this process.

        Raises:
            StoreError: it can't be created.
        """
        if self._outbox is not None and self._pid == os.getpid():
            return self._outbox
        with self._lock:
            if self._is_closed:
                raise StoreError("the store is closed")
            if self._outbox is None or self._pid != os.getpid():
                self._outbox = self._create_outbox()
                self._pid = os.getpid()
                self._device = os.stat(self._folder.parent).st_dev  # noqa: PTH116 - runs often
                self._watch = Watch(self._look)
                if self.ships:
                    self._start_shipping()
            return self._outbox

    @property
    def counts(self) -> CountStore | None:
        """What the store keeps counts in, if it does: they have an outbox of their own."""
        return counts_of(self.store)

    @property
    def health(self) -> Health:
        """The health of the recorder, from memory: at most a second old."""
        if self._outbox is None or self._pid != os.getpid() or self._watch is None:
            return HEALTHY  # there was no check yet
        failure = self._outbox.failure
        return self._watch.health if failure is None else of_failure(failure)

    @property
    def shipping(self) -> Status:
        """The status of shipping."""
        return status_of(self._folder)

    @property
    def backlog(self) -> Backlog | None:
        """The records that wait for the store."""
        status, n_rows, n_dropped = self.shipping, None, None
        with suppress(StoreError):
            n_rows, n_dropped = self.outbox.n_waiting, self.outbox.n_dropped
        return Backlog(n_rows, status.oldest_s, status.n_errors, n_dropped, status.n_refused)

    def start(self) -> None:
        """Create the outbox, and ship what earlier processes left.

        Raises:
            StoreError: it can't be created.
        """
        _ = self.outbox

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Store records; those that no store can hold fail at once."""
        failed = refused_of(records)
        good = [record for record in records if record.id not in failed]
        if good:
            self.outbox.append(good)
        return InsertResult(inserted=len(good), failed=failed)

    def record(self, records: Iterable[Recordable], *, n_patient: int = 0) -> None:
        """Store records that every store can hold; many of them wait while the outbox is crowded.

        Raises:
            StoreError: none of them is stored.
        """
        if n_patient >= MANY_ROWS:
            self.outbox.wait_for_room(n_patient)
        self.outbox.append(records)

    def record_later(self, records: Sequence[Recordable], settled: Settled) -> None:
        """Store records without waiting for the disk; `settled` is called in another thread."""
        try:
            outbox = self.outbox
        except StoreError as error:
            settled(error)
        else:
            outbox.append_later(records, settled)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None."""
        self._flush()
        return self.store.get(record_id, time_us=time_us)

    def page(
        self,
        query: RecordQuery,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = "newest",
    ) -> Page:
        """At most `limit` records, by time and id."""
        self._flush()
        return self.store.page(query, limit=limit, cursor=cursor, order=order)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add the true outcome; False if there is no such record."""
        self._flush()
        return self.store.set_feedback(record_id, feedback, time_us=time_us)

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model; returns the ids that exist."""
        self._flush()
        return self.store.set_feedback_many(feedback, model=model)

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records, also from the outbox."""
        self._settle()
        with settled(self._folder, self.store):
            return self.store.delete(records)

    def flush(self) -> None:
        """Insert everything that waits into the store, however long it takes.

        Other readers wait some seconds at most, and may miss what a large outbox still holds; who
        reads page by page, oldest first, would miss it for good.

        Raises:
            StoreError: the store accepts none now, or some can't be read now.
        """
        self._settle()
        seconds = FLUSH_S
        while not flush(self._folder, self.store, self._waiting, seconds=seconds):
            seconds *= 2  # so that it ends even where what is done can't be noted

    def drain(self, seconds: float) -> bool:
        """Wait until the earlier records of every outbox are shipped; returns whether they are.

        Raises:
            StoreError: the outboxes can't be read, or the store accepts none now.
        """
        before = [path for outbox, _ in outboxes(self._folder) for path in segments(outbox)]
        until_s = time.monotonic() + seconds
        while any(is_on_disk(path) for path in before):
            shipper = Shipper(self._folder, self.store)
            try:
                shipper.ship_alone()
            finally:
                shipper.close()
            if time.monotonic() > until_s:
                return False
            time.sleep(0.05)
        return True

    def close(self) -> None:
        """Ship what waits, for some seconds, and close the store."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            if self._watch is not None:
                self._watch.stop()
            if self._outbox is not None and self._pid == os.getpid():
                self._outbox.close()
                self._outbox = None
        self._stop.set()
        if self._shipping is not None:
            self._shipping.join()
        self._waiting.close()
        self.store.close()

    def _look(self) -> Health:
        """The health of the recorder; a deleted outbox is created again if its home folder exists."""
        try:
            failure = self.outbox.probe()
            if self.outbox.is_deleted and self._has_home():
                self._renew()
                failure = self.outbox.probe()
        except StoreError as error:
            failure = error
        if failure is not None:
            return of_failure(failure)
        status = self.shipping
        return Health("waiting for the store", status.reason) if status.failing_since_s else HEALTHY

    def _has_home(self) -> bool:
        """Whether the home folder exists, and not only the mount point of its disk."""
        try:
            status = os.stat(self._folder.parent)  # noqa: PTH116 - runs often
        except OSError:
            return False
        return status.st_dev == self._device or self.outbox.folder.is_dir()

    def _renew(self) -> None:
        """Continue in a new outbox, with the waiting rows of the one whose files were deleted."""
        with self._lock:
            old = self._outbox
            if self._is_closed or old is None:
                return
            new = self._create_outbox()
            n_rows = new.copy_waiting(old)
            new.n_dropped = old.n_dropped
            self._outbox = new
        old.close()
        _log.warning("outbox_recreated: %s, with %d earlier records", new.folder, n_rows)

    def _create_outbox(self) -> Outbox:
        return Outbox(
            self._folder,
            durability=self._durability,
            rows_max=self._rows_max,
            when_full=self._when_full,
        )

    def _flush(self) -> None:
        """Insert the waiting records of this process and of others into the store."""
        self._settle()
        flush(self._folder, self.store, self._waiting)

    def _settle(self) -> None:
        if self._outbox is not None and self._pid == os.getpid():
            self._outbox.settle()

    def _start_shipping(self) -> None:
        shipper = Shipper(
            self._folder, self.store, keep_days=self._keep_days, rows_max=self._rows_max
        )
        self._stop = threading.Event()
        self._shipping = threading.Thread(
            target=shipper.run, args=(self._stop,), name="podium-ship", daemon=True
        )
        self._shipping.start()
