"""What stores have in common whose records lie in partitions by day and shard."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Generic, Protocol, TypeVar

from podium.errors import StoreError
from podium.records.cursor import read_cursor
from podium.records.history import succeeding
from podium.records.record import Feedback, Record
from podium.records.storable import is_id, refused_of
from podium.records.store import (
    InsertResult,
    Order,
    Page,
    RecordQuery,
    StoreFeatures,
    check_filters,
)
from podium.records.stores.days import Days
from podium.records.stores.places import Place, Slice, day_of, page_of, range_of, read_page
from podium.records.stores.threads import Threads

# How often feedback is tried while others change the same record.
TRIES = 100
WAIT_S = 0.02

R = TypeVar("R")


class PlacedDatabase(Protocol):
    """The connections of such a store.

    Attributes:
        where: the address, without a password.
    """

    where: str
    threads: Threads

    def open(self) -> None:
        """Connect, and create what is missing, once in each process."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class PlacedStore(ABC, Generic[R]):
    """A store whose records change one by one, each under a condition.

    A record is found with its revision, of the type R: it changes only while that is the latest.
    """

    features: ClassVar[StoreFeatures]

    def __init__(self, database: PlacedDatabase, days: Days) -> None:
        self._database, self._days = database, days

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Insert records, each by itself; one whose id is already stored changes nothing."""
        self._database.open()
        failed = refused_of(records)
        good = [record for record in records if record.id not in failed]
        # The first one with an id is stored, as if they were inserted in their order.
        first = list({record.id: record for record in reversed(good)}.values())[::-1]
        results = self._database.threads.each(self._insert, first)
        refused = {
            record.id: result
            for record, result in zip(first, results, strict=True)
            if isinstance(result, str)
        }
        self._days.keep({day_of(record.time_us) for record in first if record.id not in refused})
        inserted = sum(result is True for result in results)
        n_valid = sum(record.id not in refused for record in good)
        failed |= refused
        return InsertResult(inserted=inserted, duplicates=n_valid - inserted, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None."""
        found = self._find(record_id, time_us)
        return None if found is None else found[0]

    def page(
        self,
        query: RecordQuery,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = "newest",
    ) -> Page:
        """At most `limit` records, by time and id; fewer where the filters match few."""
        check_filters(query, self.features.filters)
        after = None if cursor is None else read_cursor(cursor)
        self._database.open()
        if (candidates := self._candidates(query)) is not None:
            return page_of(candidates, query, limit=limit, order=order, after=after)
        times = range_of(query, after, order)
        if times is None:
            return Page(records=())
        read_day = partial(self._read_day, query=query, times=times, order=order)
        return read_page(
            self._days.between(*times, order=order), read_day, limit=limit, order=order, after=after
        )

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add the true outcome; False if there is no such record."""
        return self._set_feedback(record_id, feedback, time_us=time_us)

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model; returns the ids that exist."""
        self._database.open()
        ids = list(filter(is_id, feedback))
        found = self._database.threads.each(
            lambda id_: self._set_feedback(id_, feedback[id_], model=model), ids
        )
        return frozenset(id_ for id_, is_found in zip(ids, found, strict=True) if is_found)

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records, each by itself."""
        self._database.open()
        each = {one.id: one for one in records}.values()
        deleted = self._database.threads.each(self._delete, each)
        self._days.forget({day_of(one.time_us) for one in records})
        return sum(deleted)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    @abstractmethod
    def _insert(self, record: Record) -> bool | str:
        """Whether it was inserted, or why it can't be stored."""

    @abstractmethod
    def _find(self, record_id: str, time_us: int | None = None) -> tuple[Record, R] | None:
        """A record and its revision."""

    @abstractmethod
    def _candidates(self, query: RecordQuery) -> list[Record] | None:
        """All records with the ids or business keys of a query, if it names some."""

    @abstractmethod
    def _read_day(
        self,
        day: str,
        after: Place | None,
        wanted: int,
        *,
        query: RecordQuery,
        times: tuple[int, int],
        order: Order,
    ) -> list[Slice]:
        """The records of a day that match, as `read_page` reads them."""

    @abstractmethod
    def _update(self, record: Record, revision: R, feedback: Feedback) -> bool:
        """Whether the record was still there, and unchanged; then it has this feedback."""

    @abstractmethod
    def _delete(self, record: Record) -> bool:
        """Whether there was such a record."""

    def _set_feedback(
        self,
        record_id: str,
        feedback: Feedback,
        *,
        time_us: int | None = None,
        model: str | None = None,
    ) -> bool:
        """Whether there is such a record, of this model."""
        for _ in range(TRIES):
            found = self._find(record_id, time_us)
            if found is None or model not in (None, found[0].model):
                return False
            record, revision = found
            new = succeeding(record.feedback, feedback)
            if new is record.feedback or self._update(record, revision, new):
                return True
            time.sleep(WAIT_S * random.random())  # noqa: S311 - not a secret
        raise StoreError(
            f"{self._database.where}: others change the feedback of {record_id} all the time"
        )
