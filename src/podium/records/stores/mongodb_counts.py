"""Counts in MongoDB, in which those of several servers meet."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from pymongo import IndexModel, ReplaceOne
from pymongo.client_session import ClientSession

from podium.records.counted import HOURS_A_DAY, Entry, Found, Key, Tallies, Tally
from podium.records.stores.count_rows import NUMBERS, id_of, read_tally
from podium.records.stores.mongodb_client import Collection, Document, MongoDatabase

COUNTS, SOURCES = "podium_count", "podium_count_source"
Sums: TypeAlias = dict[str, tuple[Key, Tally]]


def count_indexes() -> Mapping[str, Sequence[IndexModel]]:
    """The indexes of the collections of counts."""
    return {
        COUNTS: [
            IndexModel([("model", 1), ("hour", 1)], name="podium_count_by_model"),
            IndexModel([("n_hours", 1), ("hour", 1)], name="podium_count_by_hour"),
        ],
        SOURCES: [],
    }


class MongoCounts:
    """Counts in the collections `podium_count` and `podium_count_source`.

    What was read is written, in one transaction with the number of the entry: if others write to it
    meanwhile, all of it is repeated. A single server, which has no transactions, keeps no counts.
    """

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database

    def is_there(self) -> bool:
        """Whether there are transactions, and collections or the right to make them."""
        database = self._database
        return database.has_transactions() and all(map(database.may_use, (COUNTS, SOURCES)))

    def add(self, entry: Entry, tallies: Tallies) -> None:
        """Add counts, all or none; an entry that was added before changes nothing."""
        sums = _sums(tallies)

        def add(collections: Sequence[Collection], session: ClientSession) -> None:
            counts, sources = collections
            if _is_new(sources, entry, session):
                _add(counts, sums, session)

        self._database.in_transaction((COUNTS, SOURCES), add)

    def read(
        self, model: str, since_hour: int, until_hour: int, source: str = ""
    ) -> tuple[Found, int]:
        """The counts of a model, and the last entry of a source in them."""
        where = {"model": model, "hour": {"$gte": since_hour, "$lt": until_hour}}

        def read(
            collections: Sequence[Collection], session: ClientSession
        ) -> tuple[list[Document], Document | None]:
            counts, sources = collections
            some = list(counts.find(where, session=session).sort({"hour": 1, "_id": 1}))
            return some, sources.find_one({"_id": source}, session=session) if some else None

        documents, last = self._database.in_transaction((COUNTS, SOURCES), read)
        found: Found = {}
        for key, tally in map(_read, documents):
            found.setdefault(key, []).append(tally)
        return found, last["number"] if last else 0

    def last_hours(self) -> dict[str, int]:
        """The last hour in which something of each model was counted; of a day its last one."""
        last = {"$max": {"$add": ["$hour", "$n_hours"]}}
        steps = [{"$group": {"_id": "$model", "end": last}}]
        found = self._database.run(COUNTS, lambda counts: list(counts.aggregate(steps)))
        return {one["_id"]: one["end"] - 1 for one in found}

    def make_days(self, before_hour: int) -> int:
        """Add up the hours of each day before this hour; returns how many hours were replaced."""
        before_hour -= before_hour % HOURS_A_DAY
        is_old = {"n_hours": 1, "hour": {"$lt": before_hour}}
        hours = self._database.run(COUNTS, lambda counts: counts.distinct("hour", is_old))
        days = sorted({hour - hour % HOURS_A_DAY for hour in hours})
        # A transaction for each day: those who count meanwhile repeat little.
        return sum(
            self._database.in_transaction((COUNTS,), partial(_make_day, day)) for day in days
        )

    def forget(self, before_hour: int) -> None:
        """Delete what was counted before this hour."""
        old = {"hour": {"$lt": before_hour}}
        self._database.run(COUNTS, lambda counts: counts.delete_many(old))


def _is_new(sources: Collection, entry: Entry, session: ClientSession) -> bool:
    """Whether an entry wasn't added yet; from now on it is."""
    last = sources.find_one({"_id": entry.source}, session=session)
    if last is not None and last["number"] >= entry.number:
        return False
    now = {"_id": entry.source, "number": entry.number}
    sources.replace_one({"_id": entry.source}, now, upsert=True, session=session)
    return True


def _add(counts: Collection, sums: Sums, session: ClientSession) -> None:
    """Add to what is there."""
    changes = dict(sums)
    for one in counts.find({"_id": {"$in": list(sums)}}, session=session):
        key, tally = _read(one)
        tally.add(sums[one["_id"]][1])
        changes[one["_id"]] = key, tally
    if changes:
        written = [_document_of(id_, *one) for id_, one in changes.items()]
        counts.bulk_write(
            [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in written], session=session
        )


def _make_day(day: int, collections: Sequence[Collection], session: ClientSession) -> int:
    """Add up the hours of a day; returns how many there were."""
    (counts,) = collections
    where = {"n_hours": 1, "hour": {"$gte": day, "$lt": day + HOURS_A_DAY}}
    found = list(counts.find(where, session=session))
    _add(counts, _sums((key.day, tally) for key, tally in map(_read, found)), session)
    counts.delete_many({"_id": {"$in": [one["_id"] for one in found]}}, session=session)
    return len(found)


def _sums(tallies: Iterable[tuple[Key, Tally]]) -> Sums:
    """The tallies by their ids, those of one id added up; they themselves stay as they are."""
    sums: Sums = {}
    for key, tally in tallies:
        id_ = id_of(key, tally.layout)
        if id_ in sums:
            sums[id_][1].add(tally)
        else:
            sums[id_] = key, replace(tally)
    return sums


def _document_of(id_: str, key: Key, tally: Tally) -> Document:
    layout = zlib.compress(tally.layout.encode())
    numbers = dict(zip(NUMBERS, tally.numbers, strict=True))
    return {"_id": id_, **key._asdict(), "layout": layout, **numbers}


def _read(document: Mapping[str, Any]) -> tuple[Key, Tally]:
    key = Key(*(document[name] for name in Key._fields))
    return key, read_tally(document["layout"], [document[name] for name in NUMBERS])
