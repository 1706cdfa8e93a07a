"""What every store of records can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from podium.errors import InputError
from podium.records.record import Feedback, Record
from podium.records.storable import text_problem


class RecordQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which records; None means any.

    Attributes:
        since_us: the first moment, in microseconds since 1970.
        until_us: the moment after the last.
        outcome: the prediction as a text.
        outcome_min: the least prediction that is a number; `outcome_max` the greatest.
        id_prefix: how the id begins.

    Raises:
        InputError: a filter is no text or no moment that any database can look for.
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

    def __post_init__(self) -> None:
        for text in (self.model, self.version, self.actor, self.outcome, self.id_prefix):
            if text is not None and (problem := text_problem(text)) is not None:
                raise InputError(f"no record can be looked for so: {problem}")
        for time_us in (self.since_us, self.until_us):
            if time_us is not None and not -(2**63) <= time_us < 2**63:
                raise InputError(f"{time_us} microseconds is no moment that a store can look for")


ALL_FILTERS = frozenset(RecordQuery.__struct_fields__)


class StoreFeatures(msgspec.Struct, frozen=True, kw_only=True):
    """What a store can do beyond the protocol, for whoever uses it.

    Attributes:
        atomic_batch: a batch is inserted wholly or not at all.
        read_your_writes: a record can be found as soon as `insert` returns.
        duplicate_policy: `count` tells how many there were; `absorb` counts them as inserted.
            Either way they change nothing.
        filters: the names in RecordQuery that pages can be filtered by; others are an InputError.
        aggregates: it can count and average by itself.
        ttl: it deletes old records by itself.
        durability: what an inserted record survives: nothing, the end of the process, or the loss
            of power.
    """

    atomic_batch: bool
    read_your_writes: bool
    durability: Literal["memory", "process", "power"]
    duplicate_policy: Literal["count", "absorb"] = "count"
    filters: frozenset[str] = ALL_FILTERS
    aggregates: bool = False
    ttl: bool = False


class InsertResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch: every record is inserted, a duplicate, or failed.

    Attributes:
        failed: why each record that can't be kept can't, by its id.
    """

    inserted: int
    duplicates: int = 0
    failed: dict[str, str] = {}


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some records, newest first.

    Attributes:
        cursor: where the next page begins; None at the end, and only there.
    """

    records: tuple[Record, ...]
    cursor: str | None = None


class Store(Protocol):
    """Where records live. Called from threads, never from an event loop.

    Every method raises StoreError when the database fails. `podium.testing.StoreContract` tests
    all that is promised here.
    """

    features: StoreFeatures

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Keep records; one whose id is kept already is a duplicate, and changes nothing.

        A record that no database can hold fails alone: `reason_to_refuse` tells which do.
        """
        ...

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record of this id, or None.

        Its time, where the caller has it, helps to find it; there is none at another time.
        """
        ...

    def page(self, query: RecordQuery, *, limit: int, cursor: str | None = None) -> Page:
        """At most `limit` records (1 or more), newest first by time and id.

        Who follows the cursors meets every record once that was there at the first page, whatever
        is inserted meanwhile.

        Raises:
            BadCursor: no page gave this cursor.
        """
        ...

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add what really happened to a record, in place of what was told before.

        Returns False when there is no such record; none is made.

        Raises:
            InputError: the feedback is nothing that every database can hold.
        """
        ...

    def delete(self, *, before_us: int) -> int:
        """Delete the records before a moment; returns how many there were."""
        ...

    def close(self) -> None:
        """Let go of the database; a second call does nothing."""
        ...
