"""Records in a search cluster: what Elasticsearch and OpenSearch have in common."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from podium.errors import StoreError
from podium.records.cursor import cursor_of, read_cursor
from podium.records.history import succeeding
from podium.records.record import Feedback, Record
from podium.records.storable import is_id, refused_of
from podium.records.store import (
    ALL_FILTERS,
    InsertResult,
    Order,
    Page,
    RecordQuery,
    StoreFeatures,
)
from podium.records.stores.documents import record_of_document
from podium.records.stores.search_cluster import Answer, Cluster, error_type
from podium.records.stores.search_index import (
    changed_document,
    index_of,
    indexed_document,
    pattern_of,
)
from podium.records.stores.search_query import search_body
from podium.records.stores.search_setup import Indices

# Of one request: small clusters in the cloud accept 10 MB.
BULK_BYTES = 4 * 2**20
BULK_ROWS = 1_000
# Whole documents are read and written again.
FEEDBACK_ROWS = 200
# Of one search: both servers return 10,000 at most.
SEARCH_ROWS = 5_000
# Others correct the same record at the same time: each try, one of them succeeds.
TRIES = 60
TRY_AGAIN_S = 0.01
# A record that the server can't read fails alone; after any other failure the batch is repeated.
_UNREADABLE = ("document_parsing_exception", "mapper_parsing_exception")
# A generator of its own: a program may have seeded the global one.
_random = random.Random()  # noqa: S311 - not a secret


class Stored(NamedTuple):
    """A document, and what its replacement must name, so that no other change is lost.

    Attributes:
        place: its index.
    """

    record: Record
    source: dict[str, Any]
    place: str
    seq_no: int
    primary_term: int


class SearchStore:
    """A store in monthly indices, `PREFIX-records-2026.03`, of which an id names its own.

    A record is written with `create`, which changes nothing that is there, and feedback replaces the
    document only if nobody else has changed it since it was read. Documents are found by their ids at
    once, and by a search after a refresh: a page asks for one first.
    """

    features = StoreFeatures(durability="power", filters=ALL_FILTERS, drops=True)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._address = cluster.address
        self._indices = Indices(cluster)

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Insert records; one whose id is already stored changes nothing."""
        failed = refused_of(records)
        good = [one for one in records if one.id not in failed]
        inserted = duplicates = 0
        for piece in _pieces([self._create_lines(one) for one in good]):
            n_inserted, n_duplicates, unread = self._create(piece)
            inserted, duplicates = inserted + n_inserted, duplicates + n_duplicates
            failed |= unread
        return InsertResult(inserted=inserted, duplicates=duplicates, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None."""
        found = self._stored(record_id, time_us)
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
        after = None if cursor is None else read_cursor(cursor)
        self._indices.refresh(is_first=cursor is None or order == "oldest")
        records: list[Record] = []
        while len(records) <= limit:
            n_records = min(limit + 1 - len(records), SEARCH_ROWS)
            body = search_body(query, n_records=n_records, after=after, order=order)
            found = [] if body is None else self._search(body)
            records += found
            if len(found) < n_records:
                break
            after = found[-1].time_us, found[-1].id
        some = tuple(records[:limit])
        return Page(records=some, cursor=cursor_of(some[-1]) if len(records) > limit else None)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add the true outcome; False if there is no such record."""
        for tried in _tries():
            found = self._stored(record_id, time_us)
            if found is None:
                return False
            if not self._changed([found], [feedback], tried=tried):
                return True
        raise self._busy()

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model; returns the ids that exist."""
        ids, existing = sorted(filter(is_id, feedback)), set[str]()
        for start in range(0, len(ids), FEEDBACK_ROWS):
            left = ids[start : start + FEEDBACK_ROWS]
            for tried in _tries():
                found = [one for one in self._stored_many(left) if one.record.model == model]
                existing |= {one.record.id for one in found}
                left = self._changed(found, [feedback[one.record.id] for one in found], tried=tried)
                if not left:
                    break
            else:
                raise self._busy()
        return frozenset(existing)

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records, in pieces."""
        self._indices.prepare()
        ids, deleted = [one.id for one in records], 0
        for start in range(0, len(ids), BULK_ROWS):
            lines: list[Any] = [
                {"delete": {"_index": index_of(self._address, one), "_id": one}}
                for one in ids[start : start + BULK_ROWS]
            ]
            for item in self._bulk(lines, "delete"):
                if item["status"] not in (200, 404):
                    raise self._cluster.failure(item["status"], item)
                deleted += item.get("result") == "deleted"
        return deleted

    def drop_before(self, time_us: int) -> int:
        """Delete the indices of months that ended before this time; returns how many records."""
        return self._indices.drop_before(time_us)

    def close(self) -> None:
        """Close the connections."""
        self._cluster.close()

    def _create_lines(self, record: Record) -> tuple[str, bytes]:
        """The id of a record, and the lines that create it."""
        place = {"_index": index_of(self._address, record.id), "_id": record.id}
        return record.id, _line({"create": place}, indexed_document(record))

    def _create(self, piece: Sequence[tuple[str, bytes]]) -> tuple[int, int, dict[str, str]]:
        """How many were created and how many existed, and why the others can't be stored."""
        self._indices.create({index_of(self._address, id_) for id_, _ in piece})
        lines = [line for _, line in piece]
        answer = self._write(lines, allowed=(413,))
        if answer.status == 413:
            return self._create_smaller(piece)
        inserted = duplicates = 0
        failed: dict[str, str] = {}
        for (id_, _), item in zip(piece, _items(answer, "create"), strict=True):
            if item["status"] == 201:
                inserted += 1
            elif item["status"] == 409:
                duplicates += 1
            elif error_type(item) in _UNREADABLE:
                failed[id_] = f"the store can't read it: {error_type(item)}"
            else:
                self._indices.forget()
                raise self._cluster.failure(item["status"], item)
        return inserted, duplicates, failed

    def _create_smaller(
        self, piece: Sequence[tuple[str, bytes]]
    ) -> tuple[int, int, dict[str, str]]:
        """The same in halves, because the request was too large."""
        if len(piece) == 1:
            ((id_, line),) = piece
            return 0, 0, {id_: f"the store accepts no request of {len(line):,} bytes"}
        half = len(piece) // 2
        first, second = self._create(piece[:half]), self._create(piece[half:])
        return first[0] + second[0], first[1] + second[1], first[2] | second[2]

    def _stored(self, record_id: str, time_us: int | None) -> Stored | None:
        """The document of a record, as it is now; None if there is none of this time."""
        if not is_id(record_id):
            return None
        self._indices.prepare()
        index = index_of(self._address, record_id)
        answer = self._cluster.request("GET", f"/{index}/_doc/{record_id}", allowed=(404,))
        found = _read(answer.body)
        return found if found is not None and time_us in (None, found.record.time_us) else None

    def _stored_many(self, ids: Sequence[str]) -> list[Stored]:
        self._indices.prepare()
        wanted = [{"_index": index_of(self._address, one), "_id": one} for one in ids]
        answer = self._cluster.request("POST", "/_mget", {"docs": wanted})
        found = map(_read, answer.body["docs"])
        return [one for one in found if one is not None]

    def _changed(
        self, found: Sequence[Stored], feedback: Sequence[Feedback], *, tried: int
    ) -> list[str]:
        """Add feedback to documents; returns the ids of those that others changed meanwhile."""
        lines: list[tuple[str, bytes]] = []
        for one, new in zip(found, feedback, strict=True):
            record = msgspec.structs.replace(
                one.record, feedback=succeeding(one.record.feedback, new)
            )
            if record == one.record:
                continue
            place = {"_index": one.place, "_id": record.id}
            unless = {"if_seq_no": one.seq_no, "if_primary_term": one.primary_term}
            document = changed_document(one.source, record)
            lines.append((record.id, _line({"index": place | unless}, document)))
        left = []
        for piece in _pieces(lines):
            items = self._bulk([line for _, line in piece], "index")
            for (id_, _), item in zip(piece, items, strict=True):
                if item["status"] in (404, 409):
                    left.append(id_)
                elif item["status"] >= 300:
                    raise self._cluster.failure(item["status"], item)
        if left:
            time.sleep(TRY_AGAIN_S * min(tried, 10) * _random.uniform(0.1, 1))
        return left

    def _search(self, body: dict[str, Any]) -> list[Record]:
        # Without the part of a shard that fails, records would be missing, and nobody would know.
        params = {"allow_partial_search_results": "false", "ignore_unavailable": "true"}
        path = f"/{pattern_of(self._address)}/_search"
        answer = self._cluster.request("POST", path, body, params=params)
        return [record_of_document(one["_source"]) for one in answer.body["hits"]["hits"]]

    def _bulk(self, lines: list[Any], action: str) -> list[dict[str, Any]]:
        """The parts of the response to some actions of one kind."""
        return _items(self._write(lines), action) if lines else []

    def _write(self, lines: list[Any], *, allowed: tuple[int, ...] = ()) -> Answer:
        try:
            return self._cluster.request("POST", "/_bulk", lines, allowed=allowed)
        finally:  # whatever was said: a part of it may be written
            self._indices.written()

    def _busy(self) -> StoreError:
        return StoreError(
            f"{self._address.shown}: others change the same record again and again",
            hint="send the feedback again",
        )


def _tries() -> Iterator[int]:
    return iter(range(1, TRIES + 1))


def _line(action: dict[str, Any], document: dict[str, Any]) -> bytes:
    """The lines of an action and its document, as one."""
    return msgspec.json.encode(action) + b"\n" + msgspec.json.encode(document)


def _items(answer: Answer, action: str) -> list[dict[str, Any]]:
    return [one[action] for one in answer.body["items"]]


def _pieces(lines: Sequence[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    """The records of one request each."""
    piece: list[tuple[str, bytes]] = []
    n_bytes = 0
    for one in lines:
        if piece and (n_bytes + len(one[1]) > BULK_BYTES or len(piece) == BULK_ROWS):
            yield piece
            piece, n_bytes = [], 0
        piece.append(one)
        n_bytes += len(one[1])
    if piece:
        yield piece


def _read(body: dict[str, Any]) -> Stored | None:
    """A document in a response; None if it isn't there."""
    if not body.get("found"):
        return None
    source = body["_source"]
    return Stored(
        record=record_of_document(source),
        source=source,
        place=body["_index"],
        seq_no=body["_seq_no"],
        primary_term=body["_primary_term"],
    )
