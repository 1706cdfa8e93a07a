"""What every store of records can do."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from podium.records.record import BadCursor, Feedback, Record


class StoreFeatures(msgspec.Struct, frozen=True, kw_only=True):
    """What a store can do beyond the protocol, for whoever uses it.

    Attributes:
        has_atomic_batch: a batch is inserted wholly or not at all.
        reads_own_writes: a record can be found as soon as `insert` returns.
        has_filters: pages can be filtered by everything a RecordQuery names.
        durability: what an inserted record survives.
    """

    has_atomic_batch: bool
    reads_own_writes: bool
    has_filters: bool
    durability: Literal["memory", "process", "power"]


class InsertResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch: every record is inserted, a duplicate, or failed.

    Attributes:
        failed: why each record that can't be kept can't, by its id.
    """

    inserted: int
    duplicates: int = 0
    failed: dict[str, str] = {}


class RecordQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which records; None means any.

    Attributes:
        since_us: the first moment, in microseconds since 1970.
        until_us: the moment after the last.
        outcome: the prediction as a text.
        outcome_min: the least prediction that is a number; `outcome_max` the greatest.
        id_prefix: how the id begins.
    """

    model: str | None = None
    version: str | None = None
    actor: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    outcome: str | None = None
    outcome_min: float | None = None
    outcome_max: float | None = None
    has_feedback: bool | None = None
    id_prefix: str | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some records, newest first.

    Attributes:
        cursor: where the next page begins; None at the end, and only there.
    """

    records: tuple[Record, ...]
    cursor: str | None = None


class Store(Protocol):
    """Where records live. Called from threads, never from an event loop.

    Every method raises StoreError when the database fails.
    """

    features: StoreFeatures

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Keep records; one whose id is kept already is a duplicate, and changes nothing."""
        ...

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record of this id; its time helps stores that are ordered by it."""
        ...

    def page(self, query: RecordQuery, *, limit: int, cursor: str | None = None) -> Page:
        """At most `limit` records, newest first by time and id.

        Raises:
            BadCursor: no page gave this cursor.
        """
        ...

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add what really happened to a record; False when there is no such record."""
        ...

    def delete(self, *, before_us: int) -> int:
        """Delete the records before a moment; returns how many there were."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


def cursor_of(record: Record) -> str:
    """Where the page after this record begins, for anyone but a store to pass on unread."""
    text = f"{record.time_us}.{record.id}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def read_cursor(cursor: str) -> tuple[int, str]:
    """The time and id in a cursor.

    Raises:
        BadCursor: no page gave it.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        time_us, _, record_id = base64.urlsafe_b64decode(padded).decode("ascii").partition(".")
        if len(record_id) != 32 or not 0 <= int(time_us) < 2**53:
            raise ValueError(cursor)  # noqa: TRY301 - the same answer as for the others
        int(record_id, 16)
        return int(time_us), record_id
    except (ValueError, UnicodeError, binascii.Error) as error:
        raise BadCursor(
            "this is no place in the list of records", hint="begin again at the first page"
        ) from error


def reason_to_refuse(record: Record) -> str | None:
    """Why no store can keep this record, or None.

    NUL and half characters are refused by some databases and mangled by others.
    """
    texts = (record.model, record.version, record.outcome, record.source, record.actor or "")
    for text in texts:
        if "\x00" in text:
            return "a text holds a NUL character"
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            return "a text holds half a character (a lone surrogate)"
    if len(record.id) != 32 or record.id.strip("0123456789abcdef"):
        return "the id isn't 32 lower-case hex digits"
    return None
