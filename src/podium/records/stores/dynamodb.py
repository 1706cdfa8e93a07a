"""Records in a table of DynamoDB."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from functools import partial

from botocore.exceptions import ClientError

from podium.errors import InputError, StoreError
from podium.records.cursor import read_cursor
from podium.records.history import succeeding
from podium.records.record import Feedback, Record
from podium.records.storable import is_id
from podium.records.store import InsertResult, Order, Page, RecordQuery, StoreFeatures
from podium.records.stores.dynamodb_days import DynamoDays
from podium.records.stores.dynamodb_items import (
    ITEM_MAX_BYTES,
    Item,
    Value,
    feedback_values,
    item_of,
    key_of,
    record_of_item,
    size_of,
)
from podium.records.stores.dynamodb_reads import FILTERS, DynamoReader, check_filters
from podium.records.stores.dynamodb_table import (
    ABSENT,
    PRESENT,
    DynamoTable,
    is_unmet,
    read_address,
    reason_of,
)
from podium.records.stores.places import (
    day_of,
    page_of,
    range_of,
    read_page,
)
from podium.records.stores.singly import insert_each

FEEDBACK_TRIES = 100
FEEDBACK_WAIT_S = 0.02


class DynamoStore:
    """A store in a table of DynamoDB, with its records in partitions by day and shard.

    It connects when it is first used: a server starts, and predicts, while DynamoDB is away.

    Args:
        address: such as `dynamodb://TABLE?region=eu-central-1`.

    Raises:
        SetupError: the address is invalid.
    """

    features = StoreFeatures(durability="power", filters=FILTERS)

    def __init__(self, address: str) -> None:
        self._table = DynamoTable(read_address(address))
        self._reader = DynamoReader(self._table)
        self._days = DynamoDays(self._table)

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Insert records, each by itself; one whose id is already stored changes nothing."""
        self._table.open()
        return insert_each(records, self._put, threads=self._table.threads, days=self._days)

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None."""
        item = self._reader.item(record_id, time_us)
        return None if item is None else record_of_item(item)

    def page(
        self,
        query: RecordQuery,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = "newest",
    ) -> Page:
        """At most `limit` records, by time and id; fewer where the filters match few."""
        check_filters(query)
        after = None if cursor is None else read_cursor(cursor)
        self._table.open()
        if (candidates := self._reader.candidates(query)) is not None:
            return page_of(candidates, query, limit=limit, order=order, after=after)
        times = range_of(query, after, order)
        if times is None:
            return Page(records=())
        read_day = partial(self._reader.read_day, query=query, times=times, order=order)
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
        self._table.open()
        ids = list(filter(is_id, feedback))
        found = self._table.threads.each(
            lambda id_: self._set_feedback(id_, feedback[id_], model=model), ids
        )
        return frozenset(id_ for id_, is_found in zip(ids, found, strict=True) if is_found)

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records, each by itself."""
        self._table.open()
        deleted = sum(
            self._table.threads.each(self._delete, {one.id: one for one in records}.values())
        )
        self._days.forget({day_of(one.time_us) for one in records})
        return deleted

    def close(self) -> None:
        """Close the connections."""
        self._table.close()

    def _put(self, record: Record) -> bool | str:
        """Whether it was inserted, or why it can't be stored."""
        item = item_of(record, self._table.n_shards)
        if (size := size_of(item)) > ITEM_MAX_BYTES:
            return f"it has {size} bytes; an item of DynamoDB has at most {ITEM_MAX_BYTES}"
        item |= self._expiry(record.time_us)
        try:
            self._table.call("put_item", Item=item, **ABSENT)
        except ClientError as error:
            return False if is_unmet(error) else f"the database can't store it: {reason_of(error)}"
        return True

    def _expiry(self, time_us: int) -> dict[str, Value]:
        days = self._table.address.ttl_days
        return (
            {} if days is None else {"expires_s": {"N": str(time_us // 1_000_000 + days * 86_400)}}
        )

    def _set_feedback(
        self,
        record_id: str,
        feedback: Feedback,
        *,
        time_us: int | None = None,
        model: str | None = None,
    ) -> bool:
        """Whether there is such a record, of this model."""
        for _ in range(FEEDBACK_TRIES):
            item = self._reader.item(record_id, time_us)
            if item is None or model not in (None, item["model"]["S"]):
                return False
            before = record_of_item(item).feedback
            new = succeeding(before, feedback)
            if new is before or self._update(item, new):
                return True
            time.sleep(FEEDBACK_WAIT_S * random.random())  # noqa: S311 - not a secret
        raise StoreError(
            f"{self._table.where}: others change the feedback of {record_id} all the time"
        )

    def _update(self, item: Item, feedback: Feedback) -> bool:
        """Whether the item was still there, and unchanged; then it has this feedback."""
        values = dict(feedback_values(feedback)) | {"revision": {"N": str(_revision(item) + 1)}}
        sets = [f"#{name} = :{name}" for name, value in values.items() if value is not None]
        removes = [f"#{name}" for name, value in values.items() if value is None]
        is_same = "#revision = :before" if "revision" in item else "attribute_not_exists(#revision)"
        before = {":before": {"N": str(_revision(item))}} if "revision" in item else {}
        try:
            self._table.call(
                "update_item",
                Key={name: item[name] for name in ("partition", "place")},
                UpdateExpression=" ".join(
                    ["SET", ", ".join(sets), *(["REMOVE", ", ".join(removes)] if removes else [])]
                ),
                ConditionExpression=f"attribute_exists(#partition) AND {is_same}",
                ExpressionAttributeNames={f"#{name}": name for name in ("partition", *values)},
                ExpressionAttributeValues=before
                | {f":{name}": value for name, value in values.items() if value is not None},
            )
        except ClientError as error:
            if is_unmet(error):
                return False
            raise InputError(
                f"the database can't store this feedback: {reason_of(error)}",
                hint=f"an item of DynamoDB has at most {ITEM_MAX_BYTES} bytes",
            ) from error
        return True

    def _delete(self, record: Record) -> bool:
        key = key_of(record.id, record.time_us, self._table.n_shards)
        try:
            self._table.call("delete_item", Key=key, **PRESENT)
        except ClientError as error:
            if not is_unmet(error):
                raise StoreError(f"{self._table.where}: {reason_of(error)}") from error
            return False
        return True


def _revision(item: Item) -> int:
    """How often its feedback was changed."""
    return int(item["revision"]["N"]) if "revision" in item else 0
