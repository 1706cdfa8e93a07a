"""The list of days in a DynamoStore's table, without which nobody would know its partitions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from botocore.exceptions import ClientError

from podium.errors import StoreError
from podium.records.store import Order
from podium.records.stores.dynamodb_items import Item, partition_of
from podium.records.stores.dynamodb_table import DynamoTable, is_unmet, reason_of
from podium.records.stores.places import bounds_of, day_of

# A process lists each day once, from yesterday on. Days that ended more than two days ago leave the
# list when their last record is deleted: the clocks of servers differ by less than the day between.
LISTED_ONCE_DAYS = 1
FORGOTTEN_DAYS = 3
_DAY_US = 86_400_000_000
_NAMES = {"#partition": "partition", "#place": "place"}


class DynamoDays:
    """The days that have records, one item each, whose number of writes changes with each listing.

    Invariant: a record whose insert returned is in a day that is listed. An old day is listed after
    each of its inserts, and is removed only if nobody listed it since it was seen to be empty.
    """

    def __init__(self, table: DynamoTable) -> None:
        self._table = table
        self._listed: set[str] = set()

    def keep(self, days: AbstractSet[str]) -> None:
        """List these days; their records were inserted."""
        recent = _today(-LISTED_ONCE_DAYS)
        self._table.each(self._list, sorted(days - self._listed))
        self._listed = {day for day in self._listed | days if day >= recent}

    def between(self, since_us: int, until_us: int, *, order: Order) -> Iterator[str]:
        """The days of a range of times, its ends included, in the order of pages."""
        values = {
            ":partition": {"S": "days"},
            ":since": {"S": day_of(since_us)},
            ":until": {"S": day_of(until_us)},
        }
        begin: dict[str, Any] = {}
        while True:
            response = self._table.call(
                "query",
                KeyConditionExpression="#partition = :partition AND #place BETWEEN :since AND :until",
                ExpressionAttributeNames=_NAMES,
                ExpressionAttributeValues=values,
                ScanIndexForward=order == "oldest",
                ConsistentRead=True,
                **begin,
            )
            yield from (one["place"]["S"] for one in response["Items"])
            if "LastEvaluatedKey" not in response:
                return
            begin = {"ExclusiveStartKey": response["LastEvaluatedKey"]}

    def forget(self, days: AbstractSet[str]) -> None:
        """Remove those of these days that are over for long, and have no records left."""
        oldest_kept = _today(-FORGOTTEN_DAYS)
        for day in sorted(day for day in days if day < oldest_kept):
            response = self._table.call("get_item", Key=_key(day), ConsistentRead=True)
            if "Item" in response and not self._has_records(day):
                self._remove(day, response["Item"])

    def _has_records(self, day: str) -> bool:
        return any(
            self._table.call(
                "query",
                KeyConditionExpression="#partition = :partition",
                ExpressionAttributeNames={"#partition": "partition"},
                ExpressionAttributeValues={":partition": {"S": partition_of(day, shard)}},
                ConsistentRead=True,
                Limit=1,
            )["Items"]
            for shard in range(self._table.n_shards)
        )

    def _list(self, day: str) -> None:
        update, names, values = "ADD #writes :one", {"#writes": "writes"}, {":one": {"N": "1"}}
        if (ttl_days := self._table.address.ttl_days) is not None:
            # After the last of its records.
            expires_s = bounds_of(day)[1] // 1_000_000 + (ttl_days + FORGOTTEN_DAYS) * 86_400
            update += " SET #expires_s = :expires_s"
            names["#expires_s"], values[":expires_s"] = "expires_s", {"N": str(expires_s)}
        self._table.call(
            "update_item",
            Key=_key(day),
            UpdateExpression=update,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )

    def _remove(self, day: str, listed: Item) -> None:
        try:
            self._table.call(
                "delete_item",
                Key=_key(day),
                ConditionExpression="#writes = :seen",
                ExpressionAttributeNames={"#writes": "writes"},
                ExpressionAttributeValues={":seen": listed["writes"]},
            )
        except ClientError as error:
            if not is_unmet(error):
                raise StoreError(f"{self._table.where}: {reason_of(error)}") from error


def _key(day: str) -> dict[str, Any]:
    return {"partition": {"S": "days"}, "place": {"S": day}}


def _today(days: int) -> str:
    return day_of(time.time_ns() // 1_000 + days * _DAY_US)
