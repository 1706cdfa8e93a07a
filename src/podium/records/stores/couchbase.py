"""Records in Couchbase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from couchbase import subdocument
from couchbase.collection import Collection
from couchbase.exceptions import (
    CasMismatchException,
    CouchbaseException,
    DocumentExistsException,
    DocumentNotFoundException,
)
from couchbase.options import (
    InsertMultiOptions,
    MutateInOptions,
    RemoveMultiOptions,
)

from podium.errors import StoreError
from podium.records.columns import COLUMNS, FEEDBACK_NAMES
from podium.records.cursor import cursor_of, read_cursor
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
from podium.records.stores.couchbase_cluster import CouchbaseCluster
from podium.records.stores.couchbase_query import column, conditions_of
from podium.records.stores.documents import document_of, record_of_document
from podium.records.stores.rows import feedback_cells, feedback_of

# So many records are sent to the cluster at once.
WRITE_ROWS = 500
# A correction is written if the record is as it was read; each attempt that fails means that
# another one was written.
TRIES = 100
# The driver's code for a document of more than 20 MB.
_TOO_LARGE = 104
_NUMBERS = {column.name: column.type for column in COLUMNS if column.type in (int, float)}
_READ = (*FEEDBACK_NAMES, "model", "time_us")


class CouchbaseStore:
    """A store in the collection `podium_record` of a bucket. It connects when it is first used.

    A document has the record's id as its key, and the names of the columns.

    Args:
        address: `couchbase://user:password@host/bucket`, or `couchbases://` for TLS.

    Raises:
        SetupError: the address is invalid.
    """

    def __init__(self, address: str) -> None:
        self._cluster = CouchbaseCluster(address)
        is_on_disk = "persist" in self._cluster.address.durability
        self.features = StoreFeatures(durability="power" if is_on_disk else "process")

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Insert records; one whose id is already stored changes nothing."""
        failed = refused_of(records)
        good = [one for one in records if one.id not in failed]
        inserted = 0
        for start in range(0, len(good), WRITE_ROWS):
            documents = {
                one.id: document_of(one) for one in reversed(good[start : start + WRITE_ROWS])
            }
            n_inserted, unheld = self._cluster.run(partial(self._inserted, documents))
            inserted += n_inserted
            failed = failed | unheld
        n_valid = sum(one.id not in failed for one in good)
        return InsertResult(inserted=inserted, duplicates=n_valid - inserted, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None."""
        if not is_id(record_id):
            return None
        found = self._cluster.run(partial(_got, record_id))
        record = None if found is None else _record_of(found)
        return record if record is not None and time_us in (None, record.time_us) else None

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
        if where is None:
            return Page(records=())
        direction = "ASC" if order == "oldest" else "DESC"
        statement = (
            f"SELECT RAW r FROM {self._cluster.address.keyspace} AS r "  # noqa: S608 - quoted
            f"WHERE {where.text} "
            f"ORDER BY {column('time_us')} {direction}, {column('id')} {direction} "
            f"LIMIT {limit + 1:d}"
        )
        found = self._cluster.query(statement, where.values)
        records = tuple(map(_record_of, found[:limit]))
        return Page(records=records, cursor=cursor_of(records[-1]) if len(found) > limit else None)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add the true outcome; False if there is no such record."""
        return is_id(record_id) and self._correct(record_id, feedback, "time_us", time_us)

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model; returns the ids that exist."""
        ids = filter(is_id, feedback)
        return frozenset(id_ for id_ in ids if self._correct(id_, feedback[id_], "model", model))

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records, in pieces."""
        ids = sorted({record.id for record in records})
        return sum(
            self._cluster.run(partial(self._removed, ids[start : start + WRITE_ROWS]))
            for start in range(0, len(ids), WRITE_ROWS)
        )

    def close(self) -> None:
        """End the connections."""
        self._cluster.close()

    def _inserted(
        self, documents: dict[str, dict[str, Any]], collection: Collection
    ) -> tuple[int, dict[str, str]]:
        """How many were inserted, and why the others can't be stored."""
        options = InsertMultiOptions(durability=self._cluster.durability)
        result = collection.insert_multi(documents, options)
        others = _failures(result.exceptions, DocumentExistsException)
        unheld = [id_ for id_, error in others.items() if error.error_code == _TOO_LARGE]
        for id_ in others.keys() - unheld:
            raise others[id_]
        n_inserted = len(documents) - len(result.exceptions)
        return n_inserted, dict.fromkeys(unheld, "the record is larger than 20 MB")

    def _removed(self, ids: list[str], collection: Collection) -> int:
        options = RemoveMultiOptions(durability=self._cluster.durability)
        result = collection.remove_multi(ids, options)
        for error in _failures(result.exceptions, DocumentNotFoundException).values():
            raise error
        return len(ids) - len(result.exceptions)

    def _correct(self, record_id: str, feedback: Feedback, name: str, value: Any) -> bool:
        """Add feedback to a record that has this value, if it is known; whether there is one.

        The record is changed if it is as it was read; else it is read again.
        """
        for _ in range(TRIES):
            found, cas = self._cluster.run(partial(_looked_up, record_id))
            if found is None or value not in (None, found[name]):
                return False
            before = feedback_of([found[one] for one in FEEDBACK_NAMES])
            new = succeeding(before, feedback)
            if new is before or self._cluster.run(partial(self._changed, record_id, new, cas)):
                return True
        raise StoreError(f"{self._cluster.where}: others corrected the same record all the time")

    def _changed(
        self, record_id: str, feedback: Feedback, cas: int, collection: Collection
    ) -> bool:
        """Whether the record was as it was read, and there."""
        cells = zip(FEEDBACK_NAMES, feedback_cells(feedback), strict=True)
        changes = [subdocument.upsert(name, value) for name, value in cells]
        options = MutateInOptions(cas=cas, durability=self._cluster.durability)
        try:
            collection.mutate_in(record_id, changes, options)
        except (CasMismatchException, DocumentNotFoundException):
            return False
        return True


def _got(record_id: str, collection: Collection) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = collection.get(record_id).content_as[dict]
    except DocumentNotFoundException:
        return None
    return document


def _looked_up(record_id: str, collection: Collection) -> tuple[dict[str, Any] | None, int]:
    """What decides about feedback, without what was predicted from; and its version."""
    try:
        result = collection.lookup_in(record_id, [subdocument.get(name) for name in _READ])
    except DocumentNotFoundException:
        return None, 0
    found = {
        name: result.content_as[_unchanged](place) if result.exists(place) else None
        for place, name in enumerate(_READ)
    }
    return found, int(result.cas or 0)


def _failures(
    errors: Mapping[str, CouchbaseException], harmless: type[CouchbaseException]
) -> dict[str, CouchbaseException]:
    return {id_: one for id_, one in errors.items() if not isinstance(one, harmless)}


def _record_of(document: Mapping[str, Any]) -> Record:
    """The record of a document: SQL++ may return 1.0 as 1, and a long integer with an exponent."""
    numbers = {
        name: kind(document[name])
        for name, kind in _NUMBERS.items()
        if document.get(name) is not None
    }
    return record_of_document({**document, **numbers})


def _unchanged(value: Any) -> Any:
    return value
