"""Records in memory: gone with the process."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Sequence

import msgspec

from podium.errors import InputError, StoreError
from podium.records.cursor import cursor_of, read_cursor
from podium.records.record import Feedback, Record
from podium.records.storable import feedback_problem, reason_to_refuse
from podium.records.store import InsertResult, Page, RecordQuery, StoreFeatures


class MemoryStore:
    """A store for tests, and for servers that shall keep nothing on disk. It grows without end.

    Every id in `_places`, the order of time, has its record in `_records`; both change in the lock.
    """

    features = StoreFeatures(atomic_batch=True, read_your_writes=True, durability="memory")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[str, Record] = {}
        self._places: list[tuple[int, str]] = []
        self._is_closed = False

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Keep records; one whose id is kept already changes nothing."""
        problems = [(record, reason_to_refuse(record)) for record in records]
        failed = {record.id: problem for record, problem in problems if problem is not None}
        inserted = duplicates = 0
        with self._lock:
            self._check_open()
            for record, problem in problems:
                if problem is not None:
                    continue
                if record.id in self._records:
                    duplicates += 1
                    continue
                self._records[record.id] = record
                insort(self._places, (record.time_us, record.id))
                inserted += 1
        return InsertResult(inserted=inserted, duplicates=duplicates, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record of this id, or None."""
        with self._lock:
            self._check_open()
            return self._found(record_id, time_us)

    def page(self, query: RecordQuery, *, limit: int, cursor: str | None = None) -> Page:
        """At most `limit` records, newest first by time and id."""
        after = None if cursor is None else read_cursor(cursor)
        found: list[Record] = []
        with self._lock:
            self._check_open()
            end = len(self._places) if after is None else bisect_left(self._places, after)
            for place in range(end - 1, -1, -1):
                record = self._records[self._places[place][1]]
                if _fits(record, query):
                    found.append(record)
                    if len(found) > limit:
                        break
        some = tuple(found[:limit])
        return Page(records=some, cursor=cursor_of(some[-1]) if len(found) > limit else None)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add what really happened; False when there is no such record."""
        if (problem := feedback_problem(feedback)) is not None:
            raise InputError(f"this feedback can't be kept: {problem}")
        with self._lock:
            self._check_open()
            found = self._found(record_id, time_us)
            if found is not None:
                self._records[record_id] = msgspec.structs.replace(found, feedback=feedback)
            return found is not None

    def delete(self, *, before_us: int) -> int:
        """Delete the records before a moment."""
        with self._lock:
            self._check_open()
            n_old = bisect_left(self._places, (before_us, ""))
            for _, record_id in self._places[:n_old]:
                del self._records[record_id]
            del self._places[:n_old]
            return n_old

    def close(self) -> None:
        """Forget every record."""
        with self._lock:
            self._is_closed = True
            self._records.clear()
            self._places.clear()

    def _found(self, record_id: str, time_us: int | None) -> Record | None:
        found = self._records.get(record_id)
        return found if found is not None and time_us in (None, found.time_us) else None

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreError("the store is closed")


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
