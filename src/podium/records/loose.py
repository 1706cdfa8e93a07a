"""A store that nobody waits for: records are lost with the process, and with more than it can take."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence

import msgspec

from podium.errors import StoreError
from podium.records.record import Feedback, Record
from podium.records.storable import refused_of
from podium.records.store import InsertResult, Page, RecordQuery, Store

BATCH_ROWS = 2_000
RETRY_S = 1.0

_log = logging.getLogger("podium")


class LooseStore:
    """A store behind a queue in memory, which a thread empties.

    Args:
        rows_max: the most records that wait; the oldest are dropped beyond.
    """

    is_inline = True

    def __init__(self, store: Store, *, rows_max: int) -> None:
        self.features = msgspec.structs.replace(
            store.features, durability="memory", duplicate_policy="absorb", atomic_batch=False
        )
        self.store = store
        self.n_dropped = 0
        self._waiting: deque[Record] = deque(maxlen=rows_max)
        self._changed = threading.Condition()
        self._moving = threading.Lock()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    @property
    def n_waiting(self) -> int:
        """How many records aren't in the store yet."""
        return len(self._waiting)

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Note records; they reach the store in a moment, if nothing ends before."""
        failed = refused_of(records)
        good = [record for record in records if record.id not in failed]
        with self._changed:
            beyond = len(self._waiting) + len(good) - (self._waiting.maxlen or 0)
            self.n_dropped += max(beyond, 0)
            self._waiting.extend(good)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="podium-ship", daemon=True)
                self._thread.start()
            self._changed.notify()
        return InsertResult(inserted=len(good), failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record of this id, or None."""
        self._move()
        return self.store.get(record_id, time_us=time_us)

    def page(self, query: RecordQuery, *, limit: int, cursor: str | None = None) -> Page:
        """At most `limit` records, newest first by time and id."""
        self._move()
        return self.store.page(query, limit=limit, cursor=cursor)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add what really happened; False when there is no such record."""
        self._move()
        return self.store.set_feedback(record_id, feedback, time_us=time_us)

    def delete(self, *, before_us: int) -> int:
        """Delete the records before a moment."""
        self._move()
        with self._moving:
            return self.store.delete(before_us=before_us)

    def close(self) -> None:
        """Move what waits, and close the store."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        self.store.close()

    def _move(self) -> None:
        """Put what waits into the store.

        Raises:
            StoreError: it takes nothing now; the records wait on.
        """
        with self._moving:
            while self._waiting:
                records = [self._waiting[i] for i in range(min(len(self._waiting), BATCH_ROWS))]
                self.store.insert(records)
                with self._changed:
                    # The oldest may have been dropped meanwhile: only what was moved is taken away.
                    moved = {record.id for record in records}
                    while self._waiting and self._waiting[0].id in moved:
                        self._waiting.popleft()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._is_closed:
                    self._changed.wait()
                is_closed = self._is_closed
            try:
                self._move()
            except StoreError as error:
                _log.warning("store_failed: %s", error)
                if not is_closed:
                    threading.Event().wait(RETRY_S)
            if is_closed:
                return
