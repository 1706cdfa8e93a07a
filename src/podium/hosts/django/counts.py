"""Counts of monitoring in the project's database, through its ORM."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from django.db import connections, router, transaction
from django.db.models import F, Max, Subquery

from podium.hosts.django.database import done
from podium.hosts.django.models import MonitoringCount, MonitoringSource
from podium.hosts.django.models.counts import MODEL_LENGTH
from podium.records.counted import Entry, Found, Key, Tallies, Tally
from podium.records.stores.count_rows import NUMBERS, id_of, read_tally

_DELETED_AT_ONCE = 500
# Tallies by the id of their row, in order: transactions that lock the same rows can't deadlock.
_Rows: TypeAlias = Mapping[str, tuple[Key, Tally]]


class DjangoCounts:
    """Counts in the tables of `MonitoringCount` and `MonitoringSource`, wherever routers send them.

    A row is locked before it is read, added to and written, in one transaction with the number of
    the entry: no count is lost or added twice, whoever adds at once. On SQLite the first statement
    of each transaction takes the lock of the file.
    """

    def is_there(self) -> bool:
        """Whether the tables exist: the project's migrations create them."""
        using = _using()

        def look() -> bool:
            connection = connections[using]
            with connection.cursor() as cursor:
                names = set(connection.introspection.table_names(cursor))
            ours = {one._meta.db_table for one in (MonitoringCount, MonitoringSource)}  # noqa: SLF001
            return ours <= names

        return done(look, using)

    def add(self, entry: Entry, tallies: Tallies) -> None:
        """Add counts, all or none; an entry that was added before changes nothing."""
        # Longer names can't be served from this database either: their records are refused.
        rows = _summed((key, tally) for key, tally in tallies if len(key.model) <= MODEL_LENGTH)
        using = _using()

        def write() -> None:
            sources = MonitoringSource.objects.using(using)
            with transaction.atomic(using):
                first = MonitoringSource(source=entry.source, number=0)
                sources.bulk_create([first], ignore_conflicts=True)
                # The row is locked until the end: nobody else adds the same entry meanwhile.
                new = sources.filter(source=entry.source, number__lt=entry.number)
                if new.update(number=entry.number):
                    _add(using, rows)

        done(write, using)

    def read(
        self, model: str, since_hour: int, until_hour: int, source: str = ""
    ) -> tuple[Found, int]:
        """The counts of a model, and the last entry of a source in them."""
        using = _using()
        last = MonitoringSource.objects.using(using).filter(source=source).values("number")[:1]
        columns = (*Key._fields, "layout", *NUMBERS)
        rows = MonitoringCount.objects.using(using).annotate(last=Subquery(last))
        rows = rows.filter(model=model, hour__gte=since_hour, hour__lt=until_hour)
        cells = done(lambda: list(rows.order_by("hour", "id").values_list(*columns, "last")), using)
        found: Found = {}
        number = 0
        for name, digest, role, hour, n_hours, layout, *numbers, said in cells:
            if name == model:  # some databases ignore case, or trailing blanks
                key = Key(name, digest, role, hour, n_hours)
                found.setdefault(key, []).append(read_tally(layout, numbers))
            number = said or 0
        return found, number

    def last_hours(self) -> dict[str, int]:
        """The last hour in which something of each model was counted; of a day its last one."""
        using = _using()
        rows = MonitoringCount.objects.using(using).order_by().values("model")
        last = rows.annotate(last=Max(F("hour") + F("n_hours") - 1)).values_list("model", "last")
        return dict(done(lambda: list(last), using))

    def make_days(self, before_hour: int) -> int:
        """Add up the hours of each day before this hour; returns how many hours were replaced."""
        using = _using()
        old = MonitoringCount.objects.using(using).filter(
            n_hours=1, hour__lt=before_hour - before_hour % 24
        )

        def write() -> int:
            with transaction.atomic(using):
                # On SQLite this takes the lock; elsewhere the rows are locked.
                MonitoringSource.objects.using(using).filter(number__lt=0).update(number=0)
                rows = list(old.select_for_update().order_by("id"))
                _add(using, _summed((_key(row).day, _tally(row)) for row in rows))
                ids = [row.id for row in rows]
                for start in range(0, len(ids), _DELETED_AT_ONCE):
                    some = ids[start : start + _DELETED_AT_ONCE]
                    MonitoringCount.objects.using(using).filter(id__in=some).delete()
            return len(rows)

        return done(write, using)

    def forget(self, before_hour: int) -> None:
        """Delete what was counted before this hour."""
        using = _using()
        old = MonitoringCount.objects.using(using).filter(hour__lt=before_hour)
        done(old.delete, using)


def _using() -> str:
    # The database for writes: a replica may not have the latest changes.
    return router.db_for_write(MonitoringCount)


def _summed(tallies: Iterable[tuple[Key, Tally]]) -> _Rows:
    """One tally for each row, by its id."""
    found: dict[str, tuple[Key, Tally]] = {}
    for key, tally in tallies:
        id_ = id_of(key, tally.layout)
        if id_ in found:
            found[id_][1].add(tally)
        else:
            found[id_] = key, dataclasses.replace(tally)
    return dict(sorted(found.items()))


def _add(using: str, rows: _Rows) -> None:
    """Add tallies to rows, which are locked first; in a transaction."""
    there = _locked(using, list(rows))
    missing = [id_ for id_ in rows if id_ not in there]
    if missing:
        MonitoringCount.objects.using(using).bulk_create(
            [_empty(id_, *rows[id_]) for id_ in missing], ignore_conflicts=True
        )
        there |= _locked(using, missing)  # somebody else may have been faster
    for id_, (_, tally) in rows.items():
        total = _tally(there[id_])
        total.add(tally)
        numbers = dict(zip(NUMBERS, total.numbers, strict=True))
        MonitoringCount.objects.using(using).filter(id=id_).update(**numbers)


def _locked(using: str, ids: Sequence[str]) -> dict[str, MonitoringCount]:
    rows = MonitoringCount.objects.using(using).select_for_update().order_by("id")
    found: dict[str, MonitoringCount] = {}
    for start in range(0, len(ids), _DELETED_AT_ONCE):
        found |= {row.id: row for row in rows.filter(id__in=ids[start : start + _DELETED_AT_ONCE])}
    return found


def _empty(id_: str, key: Key, tally: Tally) -> MonitoringCount:
    """A row in which nothing was counted yet."""
    nothing = Tally(tally.layout, np.zeros_like(tally.counts))
    numbers: dict[str, Any] = dict(zip(NUMBERS, nothing.numbers, strict=True))
    layout = zlib.compress(tally.layout.encode())
    return MonitoringCount(id=id_, layout=layout, **key._asdict(), **numbers)


def _key(row: MonitoringCount) -> Key:
    return Key(*(getattr(row, name) for name in Key._fields))


def _tally(row: MonitoringCount) -> Tally:
    return read_tally(row.layout, [getattr(row, name) for name in NUMBERS])
