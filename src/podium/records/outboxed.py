"""A store behind an outbox: records are kept at once, and reach the store in a moment."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from podium.errors import StoreError
from podium.records.flush import delete, flush
from podium.records.outbox import Durability, Outbox, WhenFull
from podium.records.record import Feedback, Record
from podium.records.shipper import Shipper
from podium.records.status import Status, status_of
from podium.records.storable import refused_of
from podium.records.store import InsertResult, Page, RecordQuery, Store
from podium.records.waiting import Waiting

_SURVIVES: dict[Durability, Literal["memory", "process", "power"]] = {
    "off": "memory",
    "normal": "process",
    "full": "power",
}


class OutboxedStore:
    """A store whose inserts never wait for it; whoever reads it sees them nevertheless.

    The outbox is made when it is first needed, and anew in a process that was forked: it belongs to
    one process.

    Args:
        store: where the records live.
        folder: of the outboxes of all processes that use this store.
        ships: whether this process ships, too; else another one does.
        keep_days: how long the store keeps records; 0 is for ever.
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
            atomic_batch=True,
            read_your_writes=True,
            duplicate_policy="absorb",  # who was there already shows when it is shipped
            durability=_SURVIVES[durability],
        )
        self.store = store
        self.folder = folder
        self.ships = ships
        self.is_inline = durability != "full"
        self._durability: Durability = durability
        self._rows_max = rows_max
        self._when_full: WhenFull = when_full
        self._keep_days = keep_days
        self._lock = threading.Lock()
        self._waiting = Waiting(folder)
        self._outbox: Outbox | None = None
        self._pid = 0
        self._shipping: threading.Thread | None = None
        self._stop = threading.Event()
        self._is_closed = False

    @property
    def outbox(self) -> Outbox:
        """The outbox of this process.

        Raises:
            StoreError: it can't be made.
        """
        if self._outbox is not None and self._pid == os.getpid():
            return self._outbox
        with self._lock:
            if self._is_closed:
                raise StoreError("the store is closed")
            if self._outbox is None or self._pid != os.getpid():
                self._outbox = Outbox(
                    self.folder,
                    durability=self._durability,
                    rows_max=self._rows_max,
                    when_full=self._when_full,
                )
                self._pid = os.getpid()
                if self.ships:
                    self._start_shipping()
            return self._outbox

    @property
    def shipping(self) -> Status:
        """How shipping goes."""
        return status_of(self.folder)

    def start(self) -> None:
        """Make the outbox, and ship what processes before this one left.

        Raises:
            StoreError: it can't be made.
        """
        _ = self.outbox

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Keep records; those that no store can hold fail at once."""
        failed = refused_of(records)
        good = [record for record in records if record.id not in failed]
        if good:
            self.outbox.append(good)
        return InsertResult(inserted=len(good), failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record of this id, or None."""
        self._flush()
        return self.store.get(record_id, time_us=time_us)

    def page(self, query: RecordQuery, *, limit: int, cursor: str | None = None) -> Page:
        """At most `limit` records, newest first by time and id."""
        self._flush()
        return self.store.page(query, limit=limit, cursor=cursor)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add what really happened; False when there is no such record."""
        self._flush()
        return self.store.set_feedback(record_id, feedback, time_us=time_us)

    def delete(self, *, before_us: int) -> int:
        """Delete the records before a moment, those that wait among them."""
        self.outbox.settle()
        return delete(self.folder, self.store, before_us=before_us)

    def close(self) -> None:
        """Ship what waits, for some seconds, and close the store."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            if self._outbox is not None and self._pid == os.getpid():
                self._outbox.close()
                self._outbox = None
        self._stop.set()
        if self._shipping is not None:
            self._shipping.join()
        self._waiting.close()
        self.store.close()

    def _flush(self) -> None:
        """Put into the store what this process has answered, and what others have."""
        if self._outbox is not None and self._pid == os.getpid():
            self._outbox.settle()
        flush(self.folder, self.store, self._waiting)

    def _start_shipping(self) -> None:
        shipper = Shipper(
            self.folder, self.store, keep_days=self._keep_days, rows_max=self._rows_max
        )
        self._stop = threading.Event()
        self._shipping = threading.Thread(
            target=shipper.run, args=(self._stop,), name="podium-ship", daemon=True
        )
        self._shipping.start()
