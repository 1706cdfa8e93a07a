"""The list of days in a DynamoStore's table, without which nobody would know its partitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from podium.errors import StoreError
from podium.records.store import Order
from podium.records.stores.days import FORGOTTEN_DAYS, Days
from podium.records.stores.dynamodb_items import partition_of
from podium.records.stores.dynamodb_table import DynamoTable, is_unmet, reason_of
from podium.records.stores.places import bounds_of, day_of

_NAMES = {"#partition": "partition", "#place": "place"}


class DynamoDays(Days):
    """The days that have records, one item each, whose mark is its number of writes."""

    def __init__(self, table: DynamoTable) -> None:
        super().__init__()
        self._table = table

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

    def mark_of(self, day: str) -> Any:
        """How often it was listed."""
        response = self._table.call("get_item", Key=_key(day), ConsistentRead=True)
        return response["Item"]["writes"] if "Item" in response else None

    def has_records(self, day: str) -> bool:
        """Whether there is a record of this day."""
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

    def list_day(self, day: str) -> None:
        """List a day."""
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

    def remove(self, day: str, mark: Any) -> None:
        """Remove a day, if it wasn't listed since."""
        try:
            self._table.call(
                "delete_item",
                Key=_key(day),
                ConditionExpression="#writes = :seen",
                ExpressionAttributeNames={"#writes": "writes"},
                ExpressionAttributeValues={":seen": mark},
            )
        except ClientError as error:
            if not is_unmet(error):
                raise StoreError(f"{self._table.where}: {reason_of(error)}") from error


def _key(day: str) -> dict[str, Any]:
    return {"partition": {"S": "days"}, "place": {"S": day}}
