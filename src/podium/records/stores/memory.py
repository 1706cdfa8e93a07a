"""Records in memory, lost when the process ends."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence

import msgspec

from podium.errors import StoreError
from podium.records.cursor import cursor_of, read_cursor
from podium.records.history import succeeding
from podium.records.record import Feedback, Record
from podium.records.storable import reason_to_refuse
from podium.records.store import ALL_FILTERS, InsertResult, Order, Page, RecordQuery, StoreFeatures


class MemoryStore:
    """A store for tests, and for servers that write nothing to disk. It grows without limit.

    Every id in `_places`, which is sorted by time, has its record in `_records`; both change under
    the lock.
    """

    features = StoreFeatures(durability="memory", filters=ALL_FILTERS)

    def __init__(self, address: str = "memory:") -> None:  # noqa: ARG002 - as every store's
        self._lock = threading.Lock()
        self._records: dict[str, Record] = {}
        self._places: list[tuple[int, str]] = []
        self._is_closed = False

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Insert records; one whose id is already stored changes nothing."""
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
        """The record with this id, or None."""
        with self._lock:
            self._check_open()
            return self._get(record_id, time_us)

    def page(
        self,
        query: RecordQuery,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = "newest",
    ) -> Page:
        """At most `limit` records, by time and id."""
        after = None if cursor is None else read_cursor(cursor)
        records: list[Record] = []
        with self._lock:
            self._check_open()
            for place in self._from(after, order):
                record = self._records[self._places[place][1]]
                if query.fits(record):
                    records.append(record)
                    if len(records) > limit:
                        break
        some = tuple(records[:limit])
        return Page(records=some, cursor=cursor_of(some[-1]) if len(records) > limit else None)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add the true outcome; False if there is no such record."""
        with self._lock:
            self._check_open()
            record = self._get(record_id, time_us)
            if record is not None:
                self._records[record_id] = _with_feedback(record, feedback)
            return record is not None

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model; returns the ids that exist."""
        with self._lock:
            self._check_open()
            found = {id_: self._records[id_] for id_ in feedback if id_ in self._records}
            found = {id_: one for id_, one in found.items() if one.model == model}
            for id_, one in found.items():
                self._records[id_] = _with_feedback(one, feedback[id_])
            return frozenset(found)

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records."""
        with self._lock:
            self._check_open()
            deleted = [self._records.pop(one.id) for one in records if one.id in self._records]
            ids = {one.id for one in deleted}
            self._places = [place for place in self._places if place[1] not in ids]
            return len(deleted)

    def close(self) -> None:
        """Forget every record."""
        with self._lock:
            self._is_closed = True
            self._records.clear()
            self._places.clear()

    def _get(self, record_id: str, time_us: int | None) -> Record | None:
        record = self._records.get(record_id)
        return record if record is not None and time_us in (None, record.time_us) else None

    def _from(self, after: tuple[int, str] | None, order: Order) -> range:
        """The indexes of the places after this one."""
        n_places = len(self._places)
        if order == "oldest":
            return range(0 if after is None else bisect_right(self._places, after), n_places)
        return range((n_places if after is None else bisect_left(self._places, after)) - 1, -1, -1)

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreError("the store is closed")


def _with_feedback(record: Record, feedback: Feedback) -> Record:
    return msgspec.structs.replace(record, feedback=succeeding(record.feedback, feedback))
