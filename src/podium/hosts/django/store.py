"""Records in the project's database, through its ORM, its `DATABASES` and its routers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import msgspec
from django.db import IntegrityError, connections, router, transaction
from django.db.models import JSONField, Q, Value

from podium.hosts.django import mongodb
from podium.hosts.django.counts import DjangoCounts
from podium.hosts.django.database import done, is_inside_transaction
from podium.hosts.django.models import MonitoringCount
from podium.hosts.django.models.prediction import Prediction, PredictionQuerySet
from podium.records.columns import FEEDBACK_NAMES, NAMES, names_of
from podium.records.cursor import cursor_of, read_cursor
from podium.records.history import succeeding
from podium.records.record import Feedback, Record
from podium.records.storable import is_hex, is_id, refused_of
from podium.records.store import (
    InsertResult,
    Order,
    Page,
    RecordQuery,
    StoreFeatures,
    check_filters,
)
from podium.records.stores.rows import row_of

# Older versions of SQLite accept at most 999 values in a statement.
DELETE_ROWS = 500

_JSON = names_of(bytes)
_T = TypeVar("_T")


class DjangoStore:
    """A store in the table of `Prediction`.

    Each call uses the connection of its thread, as all code of the project does. New records are
    never part of a surrounding transaction: when a view rolls back, its predictions were sent all
    the same, and their records have left the outbox for good. Feedback and deletion are part of it.
    """

    def __init__(self) -> None:
        self.features = StoreFeatures(
            durability="power",
            duplicate_policy="absorb",  # the ORM doesn't count skipped duplicates
            # In MongoDB, nothing can be locked while counts are added to it.
            counts=not mongodb.is_mongodb(router.db_for_write(MonitoringCount)),
        )
        self.counts = DjangoCounts()

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Store records; one whose id is already stored changes nothing.

        All or none, except in MongoDB, where those before a failure stay: they are duplicates when
        the batch is repeated.
        """
        failed = refused_of(records)
        good = [_row(record) for record in records if record.id not in failed]
        refused = self._written(partial(_insert, new=good)) if good else {}
        n_inserted = sum(row.id not in refused for row in good)
        return InsertResult(inserted=n_inserted, failed=failed | refused)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None."""
        if not is_id(record_id):
            return None
        found = self._read(lambda rows: _the_one(rows, record_id, time_us).first())
        return None if found is None else found.record

    def page(
        self,
        query: RecordQuery,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = "newest",
    ) -> Page:
        """At most `limit` records, by time and id."""
        check_filters(query, self.features.filters)
        after = None if cursor is None else read_cursor(cursor)
        wanted = _condition(query, after, order)
        by = ("time_us", "id") if order == "oldest" else ("-time_us", "-id")
        found = self._read(lambda rows: list(rows.filter(wanted).order_by(*by)[: limit + 1]))
        records = tuple(row.record for row in found[:limit])
        return Page(records=records, cursor=cursor_of(records[-1]) if len(found) > limit else None)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add the true outcome; False if there is no such record."""
        if not is_id(record_id):
            return False

        def write(rows: PredictionQuerySet) -> bool:
            found = rows if time_us is None else rows.filter(time_us=time_us)
            return bool(_add_feedback(found, {record_id: feedback}))

        return self._changed(write)

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model; returns the ids that exist."""
        # In a fixed order, as in `delete`.
        ids, found = sorted(filter(is_id, feedback)), []

        def write(some: Sequence[str], rows: PredictionQuerySet) -> list[str]:
            return _add_feedback(rows.filter(model=model), {id_: feedback[id_] for id_ in some})

        for start in range(0, len(ids), DELETE_ROWS):
            found += self._changed(partial(write, ids[start : start + DELETE_ROWS]))
        return frozenset(found)

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records, in pieces."""
        # In a fixed order: two transactions that delete the same records can't deadlock.
        ids = sorted(record.id for record in records)
        pieces = [ids[at : at + DELETE_ROWS] for at in range(0, len(ids), DELETE_ROWS)]
        return sum(self._changed(partial(_deleted, ids=piece)) for piece in pieces)

    def close(self) -> None:
        """Nothing to do: the connections are the project's."""

    def _read(self, work: Callable[[PredictionQuerySet], _T]) -> _T:
        # The database for writes: a replica may not have the latest changes.
        return _done(work, router.db_for_write(Prediction))

    def _changed(self, work: Callable[[PredictionQuerySet], _T]) -> _T:
        """Run `work` as part of the project's own transaction, if there is one.

        Outside of it, it would wait for what that transaction has locked, and so for itself.
        """
        return _done(work, router.db_for_write(Prediction))

    def _written(self, work: Callable[[PredictionQuerySet], _T]) -> _T:
        using = router.db_for_write(Prediction)
        if not is_inside_transaction(using):
            return _done(work, using)
        with ThreadPoolExecutor(1) as apart:  # a thread of its own has a connection of its own
            return apart.submit(_done, work, using).result()


def _done(work: Callable[[PredictionQuerySet], _T], using: str) -> _T:
    return done(lambda: work(PredictionQuerySet(Prediction, using=using)), using)


def _insert(rows: PredictionQuerySet, new: Sequence[Prediction]) -> dict[str, str]:
    """Insert rows whose ids aren't there yet; returns why some were refused, by their ids."""
    if connections[rows.db].features.supports_ignore_conflicts:
        rows.bulk_create(new, ignore_conflicts=True)
        return {}
    failed = mongodb.refused_rows(new, _JSON) if mongodb.is_mongodb(rows.db) else {}
    left = {row.id: row for row in reversed(new) if row.id not in failed}
    while left:
        try:
            rows.bulk_create(list(left.values()))
            break
        except IntegrityError:
            # Some are there, of an earlier batch or since a moment ago.
            there = set(_ids_of(rows, list(left)))
            if not there:
                raise
            left = {id_: row for id_, row in left.items() if id_ not in there}
    return failed


def _ids_of(rows: PredictionQuerySet, ids: Sequence[str]) -> Iterator[str]:
    """Those of these ids that exist."""
    for start in range(0, len(ids), DELETE_ROWS):
        some = rows.filter(id__in=ids[start : start + DELETE_ROWS])
        yield from some.values_list("id", flat=True)


def _the_one(rows: PredictionQuerySet, record_id: str, time_us: int | None) -> PredictionQuerySet:
    found = rows.filter(id=record_id)
    return found if time_us is None else found.filter(time_us=time_us)


def _add_feedback(rows: PredictionQuerySet, feedback: Mapping[str, Feedback]) -> list[str]:
    """Add true outcomes to rows by their ids; returns the ids that are among the rows."""
    if mongodb.is_mongodb(rows.db):
        found = list(rows.filter(id__in=list(feedback)))
        return [row.id for row in found if _correct(rows, row, feedback[row.id])]
    with transaction.atomic(rows.db):
        return [id_ for id_, one in feedback.items() if _set_feedback(rows.filter(id=id_), one)]


def _set_feedback(one: PredictionQuerySet, feedback: Feedback) -> bool:
    """Whether there is such a record; in a transaction."""
    new = msgspec.structs.replace(feedback, earlier=None)
    if one.filter(feedback_time_us__isnull=True).update(**_feedback_values(new)):
        return True
    # The record is locked before it is read, on SQLite by the update: no correction is lost.
    found = one.select_for_update().first()
    if found is not None:
        one.update(**_feedback_values(succeeding(found.record.feedback, feedback)))
    return found is not None


def _correct(rows: PredictionQuerySet, found: Prediction | None, feedback: Feedback) -> bool:
    """The same where nothing can be locked: again, until nobody else corrected it meanwhile."""
    while found is not None:
        new = _feedback_cells(succeeding(found.record.feedback, feedback))
        if mongodb.changed_if_same(rows.db, found, FEEDBACK_NAMES, new):
            return True
        found = rows.filter(id=found.id).first()
    return False


def _deleted(rows: PredictionQuerySet, ids: Sequence[str]) -> int:
    """How many of these nobody else deleted first."""
    return rows.filter(id__in=ids).delete()[0]


def _condition(query: RecordQuery, after: tuple[int, str] | None, order: Order) -> Q:
    plain = {
        "model": query.model,
        "version": query.version,
        "actor": query.actor,
        "owner": query.owner,
        "outcome": query.outcome,
        "role": query.role,
        "time_us__gte": query.since_us,
        "time_us__lt": query.until_us,
        "outcome_number__gte": query.outcome_min,
        "outcome_number__lte": query.outcome_max,
        "id__in": query.ids,
        "business_key__in": query.business_keys,
    }
    found = Q(**{name: value for name, value in plain.items() if value is not None})
    if query.has_feedback is not None:
        found &= Q(feedback_time_us__isnull=not query.has_feedback)
    if query.id_prefix:
        found &= _begins(query.id_prefix)
    if after is not None:
        time_us, last = after
        if order == "oldest":
            found &= Q(time_us__gte=time_us) & (Q(time_us__gt=time_us) | Q(id__gt=last))
        else:
            found &= Q(time_us__lte=time_us) & (Q(time_us__lt=time_us) | Q(id__lt=last))
    return found


def _begins(prefix: str) -> Q:
    """Ids with this prefix: a range, which every database finds by the index of ids."""
    if not is_hex(prefix):
        return Q(pk__in=())
    return Q(id__gte=prefix, id__lt=f"{prefix}g")


def _row(record: Record) -> Prediction:
    cells = dict(zip(NAMES, row_of(record), strict=True))
    for name in _JSON:
        if cells[name] is not None:
            cells[name] = msgspec.json.decode(cells[name])
    for name in FEEDBACK_NAMES:
        del cells[name]
    feedback = {} if record.feedback is None else _feedback_values(record.feedback)
    return Prediction(**cells, **feedback)


def _feedback_values(feedback: Feedback) -> dict[str, Any]:
    cells = _feedback_cells(feedback)
    if cells["feedback_truth"] is None:
        cells["feedback_truth"] = Value(None, JSONField())
    return cells


def _feedback_cells(feedback: Feedback) -> dict[str, Any]:
    return {
        "feedback_truth": msgspec.json.decode(feedback.truth),
        "feedback_time_us": feedback.time_us,
        "feedback_actor": feedback.actor,
        "feedback_note": feedback.note,
        "feedback_earlier": None
        if feedback.earlier is None
        else msgspec.json.decode(feedback.earlier),
    }
