"""Reading the items of a DynamoStore's table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from podium.records.record import Record
from podium.records.storable import TIME_MAX_US, is_id
from podium.records.store import Order, RecordQuery
from podium.records.stores.dynamodb_items import (
    Item,
    Value,
    key_of,
    partition_of,
    place_text,
    read_place,
    record_of_item,
)
from podium.records.stores.dynamodb_table import DynamoTable
from podium.records.stores.places import (
    FIRST_ID,
    LAST_ID,
    Place,
    Slice,
    day_of,
    find,
    id_time_us,
    shard_of,
)

# By these DynamoDB leaves items out; it reads, and charges for, all of the time range.
EQUAL = frozenset({"model", "version", "actor", "owner", "outcome", "role"})
FILTERS = EQUAL | {"since_us", "until_us", "has_feedback", "id_prefix", "ids", "business_keys"}
# Requests for one partition of a page, each of which reads 1 MB at most.
REQUESTS_A_SLICE = 8
_NAMES = re.compile(r"#(\w+)")


class DynamoReader:
    """Reads records by their ids, by indexes, and by ranges of a partition."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def item(self, record_id: str, time_us: int | None = None) -> Item | None:
        """The item of the record with this id, and this time if it is known; None if there is none."""
        if not is_id(record_id):
            return None
        n_shards = self._table.n_shards
        if time_us is not None:
            if not 0 <= time_us < TIME_MAX_US:
                return None
            return self._item_at(key_of(record_id, time_us, n_shards))
        begin_us = id_time_us(record_id)
        found: dict[str, Item] = {}
        if begin_us is not None:
            partition = partition_of(day_of(begin_us), shard_of(record_id, n_shards))

            def read_first(place: Place) -> Record | None:
                condition = {":from": {"S": place_text(place)}}
                items, _ = self._query(partition, "place >= :from", condition, limit=1)
                found.update({one["id"]["S"]: one for one in items})
                return record_of_item(items[0]) if items else None

            if find(record_id, read_first) is not None:
                return found[record_id]
        keys = self._keys_in("odd_id", record_id)
        return self._item_at(keys[0]) if keys else None

    def _item_at(self, key: Item) -> Item | None:
        item: Item | None = self._table.call("get_item", Key=key, ConsistentRead=True).get("Item")
        return item

    def _keys_in(self, index: str, value: str) -> list[Item]:
        """The keys of the items with this value in an index, which has all but the very latest of them."""
        keys: list[Item] = []
        begin: dict[str, Any] = {}
        while True:
            response = self._table.call(
                "query",
                IndexName=index,
                KeyConditionExpression="#index = :value",
                ExpressionAttributeNames={"#index": index},
                ExpressionAttributeValues={":value": {"S": value}},
                **begin,
            )
            keys += [
                {name: one[name] for name in ("partition", "place")} for one in response["Items"]
            ]
            if "LastEvaluatedKey" not in response:
                return keys
            begin = {"ExclusiveStartKey": response["LastEvaluatedKey"]}

    def candidates(self, query: RecordQuery) -> list[Record] | None:
        """All records with the ids or business keys of a query, if it names some."""
        prefix = query.id_prefix
        ids = query.ids if query.ids is not None or not is_id(prefix or "") else (prefix or "",)
        if ids is not None:
            records = self._table.threads.each(self._record, dict.fromkeys(filter(is_id, ids)))
            return [one for one in records if one is not None]
        if query.business_keys is None:
            return None
        names = [f"={key}" for key in dict.fromkeys(query.business_keys)]
        keys = [key for name in names for key in self._keys_in("named", name)]
        items = self._table.threads.each(self._item_at, keys)
        return [record_of_item(item) for item in items if item is not None]

    def read_day(
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
        partitions = [partition_of(day, shard) for shard in range(self._table.n_shards)]
        least, greatest = (
            place_text(Place(times[0], FIRST_ID)),
            place_text(Place(times[1], LAST_ID)),
        )
        if after is not None and order == "newest":
            greatest = min(greatest, place_text(after))
        elif after is not None:
            least = max(least, place_text(after))
        if least > greatest:
            return []
        values = {":least": {"S": least}, ":greatest": {"S": greatest}}
        read = partial(
            self._slice, values=values, after=after, wanted=wanted, query=query, order=order
        )
        return self._table.threads.each(read, partitions)

    def _slice(
        self,
        partition: str,
        *,
        values: dict[str, Value],
        after: Place | None,
        wanted: int,
        query: RecordQuery,
        order: Order,
    ) -> Slice:
        """Records of one partition: of a range of places, without the place where it begins."""
        wheres, filter_values = _filter_of(query)
        records: list[Record] = []
        begin: Item | None = None
        for _ in range(REQUESTS_A_SLICE):
            items, begin = self._query(
                partition,
                "place BETWEEN :least AND :greatest",
                values | filter_values,
                wheres=wheres,
                # One more, because the place where it begins may have a record, too.
                limit=None if wheres else wanted + 1 - len(records),
                begin=begin,
                is_forward=order == "oldest",
            )
            some = map(record_of_item, items)
            records += [one for one in some if (one.time_us, one.id) != after]
            if begin is None or len(records) >= wanted:
                break
        return Slice(records, None if begin is None else read_place(begin))

    def _query(
        self,
        partition: str,
        condition: str,
        values: dict[str, Value],
        *,
        wheres: Sequence[str] = (),
        limit: int | None = None,
        begin: Item | None = None,
        is_forward: bool = True,
    ) -> tuple[list[Item], Item | None]:
        """Items of a partition, and where the next ones begin."""
        where = f"#partition = :partition AND {condition.replace('place', '#place')}"
        names = _NAMES.findall(" ".join([where, *wheres]))
        options: dict[str, Any] = {} if limit is None else {"Limit": limit}
        if wheres:
            options["FilterExpression"] = " AND ".join(wheres)
        if begin is not None:
            options["ExclusiveStartKey"] = begin
        response = self._table.call(
            "query",
            KeyConditionExpression=where,
            ExpressionAttributeNames={f"#{name}": name for name in names},
            ExpressionAttributeValues=values | {":partition": {"S": partition}},
            ScanIndexForward=is_forward,
            ConsistentRead=True,
            **options,
        )
        return response["Items"], response.get("LastEvaluatedKey")

    def _record(self, record_id: str) -> Record | None:
        item = self.item(record_id)
        return None if item is None else record_of_item(item)


def _filter_of(query: RecordQuery) -> tuple[list[str], dict[str, Value]]:
    """The conditions of DynamoDB's filter, and their values."""
    wheres, values = [], {}
    for name in sorted(EQUAL):
        if (value := getattr(query, name)) is not None:
            wheres.append(f"#{name} = :{name}")
            values[f":{name}"] = {"S": value}
    if query.id_prefix:
        wheres.append("begins_with(#id, :id)")
        values[":id"] = {"S": query.id_prefix}
    if query.has_feedback is not None:
        exists = "attribute_exists" if query.has_feedback else "attribute_not_exists"
        wheres.append(f"{exists}(#feedback_time_us)")
    return wheres, values
