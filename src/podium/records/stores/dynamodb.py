"""Records in a table of DynamoDB."""

from __future__ import annotations

from typing import ClassVar

from botocore.exceptions import ClientError

from podium.errors import InputError, StoreError
from podium.records.record import Feedback, Record
from podium.records.store import Order, RecordQuery, StoreFeatures
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
from podium.records.stores.dynamodb_reads import FILTERS, DynamoReader
from podium.records.stores.dynamodb_table import (
    ABSENT,
    PRESENT,
    DynamoTable,
    is_unmet,
    read_address,
    reason_of,
)
from podium.records.stores.placed_store import PlacedStore
from podium.records.stores.places import Place, Slice


class DynamoStore(PlacedStore[Item]):
    """A store in a table of DynamoDB, with its records in partitions by day and shard.

    It connects when it is first used: a server starts, and predicts, while DynamoDB is away.

    Args:
        address: such as `dynamodb://TABLE?region=eu-central-1`.

    Raises:
        SetupError: the address is invalid.
    """

    features: ClassVar = StoreFeatures(durability="power", filters=FILTERS)

    def __init__(self, address: str) -> None:
        self._table = DynamoTable(read_address(address))
        self._reader = DynamoReader(self._table)
        super().__init__(self._table, DynamoDays(self._table))

    def _insert(self, record: Record) -> bool | str:
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

    def _find(self, record_id: str, time_us: int | None = None) -> tuple[Record, Item] | None:
        """A record and its item."""
        item = self._reader.item(record_id, time_us)
        return None if item is None else (record_of_item(item), item)

    def _candidates(self, query: RecordQuery) -> list[Record] | None:
        """All records with the ids or business keys of a query, if it names some."""
        return self._reader.candidates(query)

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
        return self._reader.read_day(day, after, wanted, query=query, times=times, order=order)

    def _update(self, _record: Record, item: Item, feedback: Feedback) -> bool:
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
        """Whether there was such a record."""
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
