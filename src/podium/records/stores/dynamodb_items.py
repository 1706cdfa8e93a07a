"""Conversion between records and DynamoDB's items."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from podium.records.columns import COLUMNS, FEEDBACK_NAMES
from podium.records.record import Feedback, Record
from podium.records.stores.documents import document_of, record_of_document
from podium.records.stores.places import Place, day_of, is_odd, shard_of
from podium.records.stores.rows import feedback_cells

# An item's names and values together; DynamoDB's limit.
ITEM_MAX_BYTES = 400 * 1024
# JSON that is longer is compressed, so that most large records, and their feedback, fit.
COMPRESSED_BYTES = 16 * 1024

Value: TypeAlias = dict[str, Any]
Item: TypeAlias = Mapping[str, Value]

_JSON = frozenset(column.name for column in COLUMNS if column.type is bytes)
_FLOATS = frozenset(column.name for column in COLUMNS if column.type is float)
_NAMES = frozenset(column.name for column in COLUMNS)


def key_of(record_id: str, time_us: int, n_shards: int) -> dict[str, Value]:
    """The primary key of a record."""
    partition = partition_of(day_of(time_us), shard_of(record_id, n_shards))
    return {"partition": {"S": partition}, "place": {"S": place_text(Place(time_us, record_id))}}


def partition_of(day: str, shard: int) -> str:
    """The partition of a day's shard."""
    return f"{day}/{shard}"


def place_text(place: Place) -> str:
    """A place as a sort key."""
    return f"{place.time_us:016d}.{place.id}"


def read_place(item: Item) -> Place:
    """The place in a key."""
    time_us, _, record_id = item["place"]["S"].partition(".")
    return Place(int(time_us), record_id)


def item_of(record: Record, n_shards: int) -> dict[str, Value]:
    """The item of a record."""
    item = key_of(record.id, record.time_us, n_shards)
    item |= {name: value_of(name, value) for name, value in document_of(record).items()}
    # Only items that have an index's key are in it, and only these cost something there.
    if is_odd(record):
        item["odd_id"] = {"S": record.id}
    if record.business_key is not None:
        item["named"] = {"S": f"={record.business_key}"}  # a key can't be empty
    return item


def record_of_item(item: Item) -> Record:
    """The record of an item."""
    return record_of_document({name: _read(name, item[name]) for name in item.keys() & _NAMES})


def feedback_values(feedback: Feedback) -> Iterator[tuple[str, Value | None]]:
    """The names and values of feedback; None where there is none."""
    for name, cell in zip(FEEDBACK_NAMES, feedback_cells(feedback), strict=True):
        yield name, None if cell is None else value_of(name, cell)


def value_of(name: str, value: str | float) -> Value:
    """A value as DynamoDB's attribute."""
    if isinstance(value, str):
        encoded = value.encode()
        if name in _JSON and len(encoded) > COMPRESSED_BYTES:
            return {"B": zlib.compress(encoded, 6)}
        return {"S": value}
    # DynamoDB's numbers have 38 digits, but a smaller range than a float's.
    if isinstance(value, float) and value and not 1e-100 < abs(value) < 1e100:
        return {"S": repr(value)}
    return {"N": repr(value)}


def size_of(item: Item) -> int:
    """The bytes of an item, at most: names, texts in UTF-8, and 21 bytes for a number."""
    return sum(
        len(name) + 3 + (21 if kind == "N" else len(value.encode() if kind == "S" else value))
        for name, attribute in item.items()
        for kind, value in attribute.items()
    )


def _read(name: str, attribute: Value) -> Any:
    ((kind, value),) = attribute.items()
    if kind == "B":
        return zlib.decompress(value).decode()
    if name in _FLOATS:
        return float(value)
    return int(value) if kind == "N" else value
