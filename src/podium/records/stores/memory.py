"""Records in memory: gone with the process."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import msgspec

from podium.records.record import Feedback, Record
from podium.records.store import (
    InsertResult,
    Page,
    RecordQuery,
    StoreFeatures,
    cursor_of,
    read_cursor,
    reason_to_refuse,
)


class MemoryStore:
    """A store for tests, and for servers that shall keep nothing on disk."""

    features = StoreFeatures(
        has_atomic_batch=True, reads_own_writes=True, has_filters=True, durability="memory"
    )

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._lock = threading.Lock()

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Keep records; one whose id is kept already changes nothing."""
        failed = {r.id: why for r in records if (why := reason_to_refuse(r)) is not None}
        good = [record for record in records if record.id not in failed]
        with self._lock:
            before = len(self._records)
            for record in good:
                self._records.setdefault(record.id, record)
            inserted = len(self._records) - before
        return InsertResult(inserted=inserted, duplicates=len(good) - inserted, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record of this id, or None."""
        found = self._records.get(record_id)
        return found if found is not None and time_us in (None, found.time_us) else None

    def page(self, query: RecordQuery, *, limit: int, cursor: str | None = None) -> Page:
        """At most `limit` records, newest first by time and id."""
        before = read_cursor(cursor) if cursor is not None else None
        with self._lock:
            found = [record for record in self._records.values() if _fits(record, query)]
        found.sort(key=lambda record: (record.time_us, record.id), reverse=True)
        if before is not None:
            found = [record for record in found if (record.time_us, record.id) < before]
        some = tuple(found[:limit])
        return Page(records=some, cursor=cursor_of(some[-1]) if len(found) > limit else None)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add what really happened; False when there is no such record."""
        with self._lock:
            found = self.get(record_id, time_us=time_us)
            if found is None:
                return False
            self._records[record_id] = msgspec.structs.replace(found, feedback=feedback)
            return True

    def delete(self, *, before_us: int) -> int:
        """Delete the records before a moment."""
        with self._lock:
            old = [id_ for id_, record in self._records.items() if record.time_us < before_us]
            for id_ in old:
                del self._records[id_]
            return len(old)

    def close(self) -> None:
        """Nothing is held."""


def _fits(record: Record, query: RecordQuery) -> bool:
    same = (
        (query.model, record.model),
        (query.version, record.version),
        (query.actor, record.actor),
        (query.outcome, record.outcome),
        (query.has_feedback, record.feedback is not None),
    )
    number = record.outcome_number
    return (
        all(wanted is None or wanted == value for wanted, value in same)
        and (query.since_us is None or record.time_us >= query.since_us)
        and (query.until_us is None or record.time_us < query.until_us)
        and (query.outcome_min is None or (number is not None and number >= query.outcome_min))
        and (query.outcome_max is None or (number is not None and number <= query.outcome_max))
        and (query.id_prefix is None or record.id.startswith(query.id_prefix))
    )
