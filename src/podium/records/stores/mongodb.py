"""Records in MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import structs
from pymongo import DeleteOne, IndexModel, UpdateOne
from pymongo.errors import BulkWriteError, DocumentTooLarge
from pymongo.results import BulkWriteResult

from podium.bisection import halves
from podium.errors import StoreError
from podium.records.columns import FEEDBACK_NAMES
from podium.records.cursor import cursor_of, read_cursor
from podium.records.history import earlier_statements, statement_of, succeeding
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
from podium.records.stores.documents import document_of, record_of_document
from podium.records.stores.mongodb_client import Collection, Database, Document, MongoDatabase
from podium.records.stores.mongodb_counts import MongoCounts, count_indexes
from podium.records.stores.rows import feedback_cells, feedback_of

COLLECTION = "podium_record"
# So many records are changed in one command, and so many are looked up by their ids.
WRITE_ROWS = 1_000
IDS_MAX = 100
# A correction is written if the record is as it was read; each attempt that fails means that
# another one was written.
TRIES = 100
_DUPLICATE = 11000
# What the server says of a document that it doesn't take: its size, a value, a rule of the collection.
_REFUSALS = (2, 121, 10334, 17280)
_PLACE = (("time_us", 1), ("_id", 1))


def record_indexes() -> list[IndexModel]:
    """The indexes of the records: pages are found by one that ends in (time_us, _id)."""
    return [
        IndexModel([*_PLACE], name="podium_record_by_time"),
        IndexModel([("model", 1), *_PLACE], name="podium_record_by_model"),
        IndexModel([("model", 1), ("outcome", 1), *_PLACE], name="podium_record_by_outcome"),
        IndexModel(
            [("business_key", 1), *_PLACE],
            name="podium_record_by_key",
            partialFilterExpression={"business_key": {"$exists": True}},
        ),
        IndexModel(
            # Backwards: before version 5, two indexes of the same keys can't differ in the filter.
            [("model", 1), ("time_us", -1), ("_id", -1)],
            name="podium_record_by_feedback",
            partialFilterExpression={"feedback_time_us": {"$exists": True}},
        ),
    ]


class MongoStore:
    """A store in a collection of MongoDB, which keeps counts beside it. It connects when it is first
    used.

    A document has the record's id as its `_id`, and otherwise the names of the columns.

    Args:
        where: an address, `mongodb://` or `mongodb+srv://`, or a function that returns a database of
            the application's own client, which the caller closes.
        collection: the name of the collection of records.

    Raises:
        SetupError: the address is invalid.
    """

    def __init__(
        self, where: str | Callable[[], Database], *, collection: str = COLLECTION
    ) -> None:
        self.features = StoreFeatures(durability="power", counts=True)
        self._name = collection
        self._database = MongoDatabase(where, {collection: record_indexes(), **count_indexes()})
        self.counts = MongoCounts(self._database)

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Insert records; one whose id is already stored changes nothing."""
        failed = refused_of(records)
        good = [one for one in records if one.id not in failed]
        inserted = duplicates = 0
        for start in range(0, len(good), WRITE_ROWS):
            documents = [_document_of(one) for one in good[start : start + WRITE_ROWS]]
            n_inserted, unheld = self._run(partial(_inserted, documents))
            failed |= unheld
            inserted += n_inserted
            duplicates += len(documents) - n_inserted - len(unheld)
        return InsertResult(inserted=inserted, duplicates=duplicates, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None."""
        if not is_id(record_id):
            return None
        found = self._run(lambda collection: collection.find_one(_is_the_one(record_id, time_us)))
        return None if found is None else _record_of(found)

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
        where = conditions_of(query, after, order)
        direction = 1 if order == "oldest" else -1
        by = [(name, direction) for name, _ in _PLACE]

        def read(collection: Collection) -> list[Document]:
            return list(collection.find(where, sort=by, limit=limit + 1, batch_size=limit + 1))

        found = self._run(read)
        records = tuple(map(_record_of, found[:limit]))
        return Page(records=records, cursor=cursor_of(records[-1]) if len(found) > limit else None)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add the true outcome; False if there is no such record."""
        where = _is_the_one(record_id, time_us)
        return is_id(record_id) and bool(self._correct({record_id: feedback}, where))

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model; returns the ids that exist."""
        ids, found = list(filter(is_id, feedback)), set[str]()
        for start in range(0, len(ids), IDS_MAX):
            some = ids[start : start + IDS_MAX]
            where = {"_id": {"$in": some}, "model": model}
            found |= self._correct({id_: feedback[id_] for id_ in some}, where)
        return frozenset(found)

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records, in pieces."""
        # One by one in a command: such changes are repeated by the driver, and counted once.
        changes = [DeleteOne({"_id": record.id}) for record in records]
        deleted = 0
        for start in range(0, len(changes), WRITE_ROWS):
            deleted += self._written(changes[start : start + WRITE_ROWS]).deleted_count
        return deleted

    def close(self) -> None:
        """Close the client, unless it is the application's."""
        self._database.close()

    def _run(self, work: Callable[[Collection], Any]) -> Any:
        return self._database.run(self._name, work)

    def _written(self, changes: Sequence[DeleteOne] | Sequence[UpdateOne]) -> BulkWriteResult:
        result: BulkWriteResult = self._run(lambda one: one.bulk_write(changes, ordered=False))
        return result

    def _correct(self, feedback: Mapping[str, Feedback], where: Document) -> set[str]:
        """Add feedback to the records that are found; returns their ids.

        A record is changed if its feedback is what was read before; else it is read again.
        """
        found = self._feedback(where)
        waiting = {id_: before for id_, before in found.items() if id_ in feedback}
        for _ in range(TRIES):
            changes = list(_corrections(waiting, feedback))
            if not changes:
                return set(found)
            if self._written(changes).matched_count == len(changes):
                return set(found)
            now = self._feedback({"_id": {"$in": list(waiting)}})
            waiting = {id_: one for id_, one in now.items() if not _has_said(one, feedback[id_])}
        raise StoreError(f"{self._database.where}: others corrected the same records all the time")

    def _feedback(self, where: Document) -> dict[str, Feedback | None]:
        """What has been said of some records, by their ids."""
        names = dict.fromkeys(FEEDBACK_NAMES, 1)
        found: list[Document] = self._run(lambda one: list(one.find(where, names)))
        return {
            one["_id"]: feedback_of([one.get(name) for name in FEEDBACK_NAMES]) for one in found
        }


def conditions_of(query: RecordQuery, after: tuple[int, str] | None, order: Order) -> Document:
    """The filter of a query, from a time and an id on."""
    where: dict[str, Any] = {
        name: value
        for name in ("model", "version", "actor", "owner", "outcome", "role")
        if (value := getattr(query, name)) is not None
    }
    ranges: dict[str, Document] = {
        "time_us": {"$gte": query.since_us, "$lt": query.until_us},
        "outcome_number": {"$gte": query.outcome_min, "$lte": query.outcome_max},
        "_id": {"$in": query.ids},
        "business_key": {"$in": query.business_keys},
        # As in the filter of the index: that it isn't null would say the same.
        "feedback_time_us": {"$gte": 0 if query.has_feedback else None},
    }
    if query.id_prefix:
        # All ids with this prefix lie between it and the prefix followed by "g". What isn't hex
        # digits may sort among them, but no id begins with it.
        ranges["_id"] |= {"$gte": query.id_prefix, "$lt": f"{query.id_prefix}g"}
    if after is not None:
        where["$or"] = _narrow(ranges["time_us"], after, order)
    for name, bounds in ranges.items():
        if given := {sign: value for sign, value in bounds.items() if value is not None}:
            where[name] = given
    if query.has_feedback is False:
        where["feedback_time_us"] = None  # or missing
    return where


def _narrow(times: Document, after: tuple[int, str], order: Order) -> list[Document]:
    """The alternatives for what comes after a time and an id; this bounds the times, too."""
    time_us, record_id = after
    if order == "oldest":
        times["$gte"] = max(time_us, times["$gte"] or 0)
        return [{"time_us": {"$gt": time_us}}, {"_id": {"$gt": record_id}}]
    times["$lte"] = time_us
    return [{"time_us": {"$lt": time_us}}, {"_id": {"$lt": record_id}}]


def _inserted(documents: Sequence[Document], collection: Collection) -> tuple[int, dict[str, str]]:
    """How many were inserted, and why others can't be stored, by their ids."""
    try:
        collection.insert_many(documents, ordered=False)
    except DocumentTooLarge:
        if len(documents) == 1:
            return 0, {documents[0]["_id"]: "the database can't store it: it is too large"}
        results = [_inserted(some, collection) for some in halves(documents)]
        return sum(n for n, _ in results), results[0][1] | results[1][1]
    except BulkWriteError as error:
        problems = {one["op"]["_id"]: _problem(one) for one in error.details["writeErrors"]}
        if None in problems.values() or error.details["writeConcernErrors"]:
            raise
        return error.details["nInserted"], {id_: text for id_, text in problems.items() if text}
    return len(documents), {}


def _problem(error: Mapping[str, Any]) -> str | None:
    """Why a document can't be stored: "" if it is there already, None if the database failed."""
    if error["code"] == _DUPLICATE:
        # The application may have made an index of its own, which refuses records.
        keys = [*error.get("keyPattern", ("_id",))]
        return "" if keys == ["_id"] else f"a unique index of {', '.join(keys)} has its value"
    if error["code"] in _REFUSALS:
        return f"the database can't store it: {error.get('errmsg') or error['code']}"
    return None


def _corrections(
    found: Mapping[str, Feedback | None], feedback: Mapping[str, Feedback]
) -> Iterator[UpdateOne]:
    """The changes of records, each under the condition that nothing else was said meanwhile."""
    for id_, before in found.items():
        after = succeeding(before, feedback[id_])
        if after == before:
            continue
        was, now = _feedback_values(before), _feedback_values(after)
        if before is None:
            was = {"feedback_time_us": None}  # or missing, and all of the others with it
        change = {"$set": {name: cell for name, cell in now.items() if cell is not None}}
        if gone := {name: "" for name, cell in now.items() if cell is None}:
            change["$unset"] = gone
        yield UpdateOne({"_id": id_, **was}, change)


def _has_said(known: Feedback | None, feedback: Feedback) -> bool:
    """Whether this feedback was written, whatever was said afterwards."""
    if known is None:
        return False
    is_same = structs.replace(known, earlier=None) == structs.replace(feedback, earlier=None)
    return is_same or statement_of(feedback) in earlier_statements(known)


def _feedback_values(feedback: Feedback | None) -> Document:
    return dict(zip(FEEDBACK_NAMES, feedback_cells(feedback), strict=True))


def _is_the_one(record_id: str, time_us: int | None) -> Document:
    return {"_id": record_id} if time_us is None else {"_id": record_id, "time_us": time_us}


def _document_of(record: Record) -> Document:
    document = document_of(record)
    return {"_id": document.pop("id"), **document}


def _record_of(document: Document) -> Record:
    return record_of_document({**document, "id": document["_id"]})
