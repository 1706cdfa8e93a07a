"""Sample records, and functions that read a whole store."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from podium.errors import PodiumError
from podium.outputs import CellWarning
from podium.records.block import Block, Column
from podium.records.record import Feedback, Record
from podium.records.store import InsertResult, Order, RecordQuery, Store

NOON_US = 1_772_366_400_000_000  # 2026-03-01, 12:00 UTC
UNKNOWN_ID = "f" * 32
# Values that databases fold, truncate, or take for a pattern.
TEXTS = (
    "yes",
    "Yes",
    "yes ",
    "ja",
    "já",
    "ß",
    "ss",
    "İ",
    "i",
    "שלום",
    "مرحبا",
    "👩🏽‍🔬",
    "",
    "%",
    "_",
)


class Settling:
    """Makes writes visible."""

    def settle(self, store: Store) -> None:
        """Make earlier writes visible, if that doesn't happen at once."""

    def fill(self, store: Store, *records: Record) -> InsertResult:
        """Insert records and make them visible."""
        result = store.insert(records)
        self.settle(store)
        return result


def sample(number: int = 0, **changes: Any) -> Record:
    """A record: each number gives another id, a millisecond later than the previous number.

    Args:
        changes: attributes that differ from the default; another `time_us` doesn't change the id.
    """
    time_us = NOON_US + number * 1_000
    usual: dict[str, Any] = {
        "id": f"{time_us // 1_000:012x}7{number % 4096:03x}8{number:015x}",
        "time_us": time_us,
        "model": "penguins",
        "version": "1",
        "inputs": b'{"bill_length_mm":39.1,"island":"Torgersen"}',
        "outputs": b'{"prediction":"Adelie","probabilities":{"Adelie":0.9,"Gentoo":0.1}}',
        "outcome": "Adelie",
        "latency_us": 310,
    }
    return Record(**(usual | changes))


def sample_block(number: int = 0, n_rows: int = 10, **changes: Any) -> Block:
    """A block of the ids of so many samples, at the time of the first."""
    ids = [sample(number + row).id for row in range(n_rows)]
    shared = sample(number, inputs=b"{}", outputs=b"{}", outcome="", request_id=ids[0])
    return Block(
        msgspec.structs.replace(shared, **changes),
        bytes.fromhex("".join(ids)),
        [
            Column("bill_length_mm", "<f8", struct.pack(f"<{n_rows}d", *range(n_rows))),
            Column("island", "", ["Torgersen", None] * (n_rows // 2) + ["Zoë"] * (n_rows % 2)),
        ],
        [Column("", "", ["Adelie"] * n_rows)],
        classes=["Adelie", "Gentoo"],
        probabilities=struct.pack(f"<{2 * n_rows}d", *[0.75, 0.25] * n_rows),
        warnings=[CellWarning(row=n_rows - 1, field="island", message="is new", code="unseen")],
        clusters=["0", "1", "2"],
        distances=struct.pack(f"<{3 * n_rows}d", *[0.5, 0.0, 2.25] * n_rows),
    )


def feedback(truth: object = "Adelie", **changes: Any) -> Feedback:
    """Feedback with this truth, at noon."""
    usual: dict[str, Any] = {"truth": msgspec.json.encode(truth), "time_us": NOON_US}
    return Feedback(**(usual | changes))


def decoded(record: Record | None) -> dict[str, Any] | None:
    """The values of a record with JSON decoded: databases may reorder its keys."""
    if record is None:
        return None
    values = msgspec.structs.asdict(record)
    values["inputs"] = msgspec.json.decode(record.inputs)
    values["outputs"] = msgspec.json.decode(record.outputs)
    if record.attributes is not None:
        values["attributes"] = msgspec.json.decode(record.attributes)
    if record.feedback is not None:
        truth = msgspec.json.decode(record.feedback.truth)
        values["feedback"] = msgspec.structs.asdict(record.feedback) | {"truth": truth}
        if record.feedback.earlier is not None:
            values["feedback"]["earlier"] = msgspec.json.decode(record.feedback.earlier)
    return values


def pages(
    store: Store, query: RecordQuery, *, limit: int, order: Order = "newest"
) -> Iterator[tuple[Record, ...]]:
    """The pages of a query to the end, which must come."""
    cursor = None
    for _ in range(10_000):
        page = store.page(query, limit=limit, cursor=cursor, order=order)
        yield page.records
        if page.cursor is None:
            return
        cursor = page.cursor
    raise AssertionError("after 10,000 pages the cursor still isn't None")


def ids(
    store: Store,
    query: RecordQuery | None = None,
    *,
    limit: int = 500,
    order: Order = "newest",
) -> list[str]:
    """The ids of a query's records, in the order of the pages."""
    records = pages(store, query or RecordQuery(), limit=limit, order=order)
    return [record.id for page in records for record in page]


def ids_of(*numbers: int) -> list[str]:
    """The ids of the samples with these numbers."""
    return [sample(number).id for number in numbers]


def is_counted(store: Store, result: InsertResult, *, inserted: int, duplicates: int) -> bool:
    """Whether a result's counts are right, as far as the store counts duplicates."""
    if result.failed or result.inserted + result.duplicates != inserted + duplicates:
        return False
    return store.features.duplicate_policy == "absorb" or result.duplicates == duplicates


def refuses(kind: type[PodiumError], call: Callable[[], object]) -> bool:
    """Whether a call raises this error, with a message."""
    try:
        call()
    except kind as error:
        return bool(error.message)
    return False
