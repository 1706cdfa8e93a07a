"""Records in Redis or Valkey: two hashes, and one sorted set as their index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from podium.errors import StoreError
from podium.records.cursor import cursor_of, read_cursor
from podium.records.history import succeeding
from podium.records.record import Feedback, Record
from podium.records.storable import is_hex, is_id, refused_of
from podium.records.store import (
    COLUMN_FILTERS,
    InsertResult,
    Order,
    Page,
    RecordQuery,
    StoreFeatures,
    check_filters,
)
from podium.records.stores.redis_counts import RedisCounts
from podium.records.stores.redis_database import RedisDatabase
from podium.records.stores.redis_index import (
    ID,
    PLACE,
    Group,
    Place,
    bounds_of,
    place_of,
    range_of,
    range_of_group,
)
from podium.records.stores.redis_scripts import (
    DELETE,
    INSERT,
    ROWS_MAX,
    SET_FEEDBACK,
    deletion,
    encode,
    insertions,
)

# So many members of the index are read at once, where not all of them fit.
SCAN_ROWS = 1_000
# Each failed try means that somebody else changed the feedback.
TRIES = 1_000
# Without the columns that are in no index.
FILTERS = COLUMN_FILTERS - {"actor", "outcome", "outcome_min", "outcome_max"}

_records, _feedback = msgspec.msgpack.Decoder(Record), msgspec.msgpack.Decoder(Feedback)
_groups = msgspec.json.Decoder(Group)


class RedisStore:
    """A store in one database of a Redis or Valkey server.

    `record` has what was recorded by id, and `feedback` what was said of it later. `index` is a
    sorted set of which every score is 0, so that its members are in the order of their bytes: a
    range (a kind of values and a hash of one of them), then the time and the id. A record has one
    member for its group, one for its owner, one for its business key, and one once it has feedback.
    `group` has every group. All of them change in one script. It writes `record` last: what is only
    in `index`, because the user lacks a right, is no record.

    Args:
        address: as `RedisDatabase` takes it.

    Raises:
        SetupError: the address is invalid.
        ModuleNotFoundError: the driver isn't installed.
    """

    def __init__(self, address: str) -> None:
        self._database = RedisDatabase(address)
        names = ("record", "feedback", "index", "group")
        self._keys = tuple(map(self._database.key, names))
        self._record, self._said, self._index, self._group = self._keys
        self.counts = RedisCounts(self._database)

    @property
    def features(self) -> StoreFeatures:
        """What it can do; whether it survives a power failure is known once it is connected."""
        return StoreFeatures(durability=self._database.durability, filters=FILTERS, counts=True)

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Insert records; one whose id is already stored changes nothing."""
        failed = refused_of(records)
        good = [record for record in records if record.id not in failed]
        inserted = sum(
            self._database.script(INSERT, self._keys, arguments) for arguments in insertions(good)
        )
        return InsertResult(inserted=inserted, duplicates=len(good) - inserted, failed=failed)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None."""
        if not is_id(record_id):
            return None
        (record,) = self._read([bytes.fromhex(record_id)])
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
        check_filters(query, FILTERS)
        after = None if cursor is None else read_cursor(cursor)
        is_newest = order == "newest"
        if query.id_prefix is not None and is_id(query.id_prefix):
            query = replace(query, ids=(query.id_prefix,)) if query.ids is None else query
        if query.ids is not None:
            found = self._chosen(query.ids, after, is_newest=is_newest)
        else:
            found = self._along_index(query, after, limit + 1, is_newest=is_newest)
        records: list[Record] = []
        for record in found:
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
        record = self.get(record_id, time_us=time_us)
        return record is not None and bool(self._correct({record_id: feedback}, None))

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model; returns the ids that exist."""
        ids = list(filter(is_id, feedback))
        found: set[str] = set()
        for start in range(0, len(ids), ROWS_MAX):
            some = {id_: feedback[id_] for id_ in ids[start : start + ROWS_MAX]}
            found |= self._correct(some, model)
        return frozenset(found)

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records, in pieces."""
        ids = list(dict.fromkeys(record.id for record in records if is_id(record.id)))
        deleted = 0
        for start in range(0, len(ids), ROWS_MAX):
            # What is stored says what is in the index, not what the caller has.
            stored = self._read([bytes.fromhex(one) for one in ids[start : start + ROWS_MAX]])
            some = [record for record in stored if record is not None]
            if some:
                deleted += self._database.script(DELETE, self._keys, deletion(some))
        return deleted

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def _correct(self, feedback: Mapping[str, Feedback], model: str | None) -> set[str]:
        """Add true outcomes; returns the ids of the records that exist, and belong to the model."""
        waiting, found = dict(feedback), set()
        for _ in range(TRIES):
            changes: list[tuple[str, list[bytes]]] = []
            stored = self._stored([bytes.fromhex(id_) for id_ in waiting])
            for (id_, new), (raw, said) in zip(waiting.items(), stored, strict=True):
                record = _record_of(raw, None)
                if record is None or model not in (None, record.model):
                    continue
                before = _said(said)
                after = succeeding(before, new)
                found.add(id_)
                if after is not before:
                    member = range_of(b"f", record.model) + place_of(record)
                    change = [bytes.fromhex(id_), member, said or b"", encode(after)]
                    changes.append((id_, change))
            if not changes:
                return found
            arguments = [part for _, change in changes for part in change]
            results = self._database.script(SET_FEEDBACK, self._keys, arguments)
            ids = [id_ for id_, _ in changes]
            found -= {id_ for id_, result in zip(ids, results, strict=True) if result < 0}
            waiting = {
                id_: feedback[id_] for id_, result in zip(ids, results, strict=True) if not result
            }
            if not waiting:
                return found
        raise StoreError("the feedback of a record changes all the time")

    def _chosen(
        self, ids: Iterable[str], after: Place | None, *, is_newest: bool
    ) -> Iterator[Record]:
        """The records with these ids that come after a place."""
        some = [bytes.fromhex(id_) for id_ in dict.fromkeys(ids) if is_id(id_)]
        stored = [record for record in self._read(some) if record is not None]
        stored.sort(key=lambda record: (record.time_us, record.id), reverse=is_newest)
        for record in stored:
            place = (record.time_us, record.id)
            if after is None or (place < after if is_newest else place > after):
                yield record

    def _along_index(
        self, query: RecordQuery, after: Place | None, n_first: int, *, is_newest: bool
    ) -> Iterator[Record]:
        """The records of the narrowest ranges that a query lies in, after a place."""
        ranges = self._ranges(query)
        if not ranges or (query.id_prefix and not is_hex(query.id_prefix)):
            return
        first, last = bounds_of(query, after, is_newest=is_newest)
        is_sifted = query.id_prefix is not None or query.has_feedback is False
        n_members = SCAN_ROWS if is_sifted else n_first
        while first < last:
            members = self._members(ranges, first, last, n_members, is_newest=is_newest)
            places = members[:n_members]
            wanted = self._wanted(query, places)
            for start in range(0, len(wanted), SCAN_ROWS):
                some = self._read([place[ID] for place in wanted[start : start + SCAN_ROWS]])
                yield from (record for record in some if record is not None)
            if len(places) < n_members:
                return
            # After the last one: nothing lies between it and itself with a byte more.
            first, last = (first, places[-1]) if is_newest else (places[-1] + b"\0", last)
            n_members = SCAN_ROWS

    def _wanted(self, query: RecordQuery, places: list[bytes]) -> list[bytes]:
        """Those of some places whose records may fit, as far as the index says."""
        if query.id_prefix:
            places = [one for one in places if one[ID].hex().startswith(query.id_prefix)]
        if query.has_feedback is False and query.model is not None and places:
            beginning = range_of(b"f", query.model)
            said = [beginning + place for place in places]
            scores = self._database.run(lambda client: client.zmscore(self._index, said))
            places = [place for place, score in zip(places, scores, strict=True) if score is None]
        return places

    def _members(
        self, ranges: Sequence[bytes], first: bytes, last: bytes, n_members: int, *, is_newest: bool
    ) -> list[bytes]:
        """The places from `first` to before `last` in the first so many members of each range."""

        def look(client: Any) -> list[list[bytes]]:
            pipe = client.pipeline(transaction=False)
            for one in ranges:
                low, high = b"[" + one + first, b"(" + one + last
                if is_newest:
                    pipe.zrevrangebylex(self._index, high, low, start=0, num=n_members)
                else:
                    pipe.zrangebylex(self._index, low, high, start=0, num=n_members)
            found: list[list[bytes]] = pipe.execute()
            return found

        some = [member[PLACE] for one in self._database.run(look) for member in one]
        return sorted(some, reverse=is_newest)

    def _ranges(self, query: RecordQuery) -> list[bytes]:
        """The ranges of the index in which all records of a query are."""
        if query.business_keys is not None:
            return [range_of(b"k", key) for key in sorted(set(query.business_keys))]
        if query.owner is not None and query.model is not None:
            return [range_of(b"o", query.model, query.owner)]
        if query.has_feedback and query.model is not None and query.owner is None:
            return [range_of(b"f", query.model)]
        groups = [
            _groups.decode(one)
            for one in self._database.run(lambda client: client.smembers(self._group))
        ]
        if query.owner is not None:
            return [range_of(b"o", model, query.owner) for model in {one.model for one in groups}]
        return [
            range_of_group(one)
            for one in groups
            if query.model in (None, one.model)
            and query.version in (None, one.version)
            and query.role in (None, one.role)
        ]

    def _read(self, ids: Sequence[bytes]) -> list[Record | None]:
        return [_record_of(raw, said) for raw, said in self._stored(ids)]

    def _stored(self, ids: Sequence[bytes]) -> list[tuple[bytes | None, bytes | None]]:
        """What is stored of some records, and their feedback."""
        if not ids:
            return []

        def look(client: Any) -> list[list[bytes | None]]:
            pipe = client.pipeline(transaction=False)
            pipe.hmget(self._record, ids)
            pipe.hmget(self._said, ids)
            found: list[list[bytes | None]] = pipe.execute()
            return found

        raw, said = self._database.run(look)
        return list(zip(raw, said, strict=True))


def _record_of(raw: bytes | None, said: bytes | None) -> Record | None:
    if raw is None:
        return None
    try:
        record = _records.decode(raw)
    except msgspec.DecodeError as error:
        raise StoreError(f"a record in Redis is damaged: {error}") from error
    return record if said is None else replace(record, feedback=_said(said))


def _said(raw: bytes | None) -> Feedback | None:
    try:
        return None if not raw else _feedback.decode(raw)
    except msgspec.DecodeError as error:
        raise StoreError(f"feedback in Redis is damaged: {error}") from error
