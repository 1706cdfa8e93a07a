"""The protocol of every store of records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, cast

import msgspec

from podium.errors import InputError
from podium.records.record import Feedback, Record, Role
from podium.records.storable import text_problem
from podium.records.words import words_in, words_of

if TYPE_CHECKING:
    from podium.records.counted import CountStore

PAGE_ROWS = 500
# Which records come first, by time and id.
Order: TypeAlias = Literal["newest", "oldest"]


class RecordQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Selects records; None matches any value.

    Attributes:
        actor: the name of the actor; `owner` identifies them.
        since_us: the earliest time, in microseconds since 1970.
        until_us: the time after the latest.
        outcome: the prediction as a text.
        outcome_min: the least numeric prediction; `outcome_max` the greatest.
        id_prefix: the beginning of the id.
        ids: the id is one of these.
        business_keys: the business key is one of these.
        role: such as `primary`.
        text: all its words occur in the record (`records.words`); no record has none of them.

    Raises:
        InputError: a filter isn't a text or a time that every database can look up.
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
    owner: str | None = None
    ids: tuple[str, ...] | None = None
    business_keys: tuple[str, ...] | None = None
    role: Role | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        names = (self.model, self.version, self.actor, self.outcome, self.owner)
        texts = (*names, self.id_prefix, self.text)
        for text in (*texts, *(self.ids or ()), *(self.business_keys or ())):
            if text is not None and (problem := text_problem(text)) is not None:
                raise InputError(f"invalid filter: {problem}")
        for time_us in (self.since_us, self.until_us):
            if time_us is not None and not -(2**63) <= time_us < 2**63:
                raise InputError(f"{time_us} microseconds is outside the range of times")

    def fits(self, record: Record) -> bool:
        """Whether a record matches."""
        same = (
            (self.model, record.model),
            (self.version, record.version),
            (self.actor, record.actor),
            (self.owner, record.owner),
            (self.outcome, record.outcome),
            (self.role, record.role),
            (self.has_feedback, record.feedback is not None),
        )
        number = record.outcome_number
        return (
            all(expected is None or expected == value for expected, value in same)
            and (self.since_us is None or record.time_us >= self.since_us)
            and (self.until_us is None or record.time_us < self.until_us)
            and (self.outcome_min is None or (number is not None and number >= self.outcome_min))
            and (self.outcome_max is None or (number is not None and number <= self.outcome_max))
            and (self.id_prefix is None or record.id.startswith(self.id_prefix))
            and (self.ids is None or record.id in self.ids)
            and (self.business_keys is None or record.business_key in self.business_keys)
            and (self.text is None or _has_words(record, self.text))
        )


def _has_words(record: Record, text: str) -> bool:
    words = words_in(text)
    return bool(words) and words <= words_of(record)


ALL_FILTERS = frozenset(RecordQuery.__struct_fields__)
# Those that compare columns: a search needs an index of words.
COLUMN_FILTERS = ALL_FILTERS - {"text"}
# What every store can filter by: permissions, feedback, monitoring and retraining need it.
NEEDED_FILTERS = frozenset(
    {
        "business_keys",
        "has_feedback",
        "ids",
        "model",
        "owner",
        "role",
        "since_us",
        "until_us",
        "version",
    }
)


class StoreFeatures(msgspec.Struct, frozen=True, kw_only=True):
    """What a store can do beyond the protocol.

    Attributes:
        durability: what an inserted record survives: nothing, the end of the process, or a power
            failure. A store in this process's memory is written at once, any other from an outbox.
        duplicate_policy: `count` reports the number of duplicates; `absorb` counts them as
            inserted. Either way they change nothing.
        filters: the names in RecordQuery that pages can be filtered by; others raise an InputError
            (`check_filters`). With `text` the pages offer a search.
        counts: whether its attribute `counts` is a CountStore, in which the counts of several servers
            meet.
        drops: whether it has the method `drop_before` of a DroppingStore.
    """

    durability: Literal["memory", "process", "power"]
    duplicate_policy: Literal["count", "absorb"] = "count"
    filters: frozenset[str] = COLUMN_FILTERS
    counts: bool = False
    drops: bool = False


def check_filters(query: RecordQuery, supported: frozenset[str]) -> None:
    """Refuse a query with a filter that a store lacks.

    Raises:
        InputError: it has one.
    """
    for name in sorted(ALL_FILTERS - supported):
        if getattr(query, name) is not None:
            raise InputError(f"this store can't filter records by {name}")


class InsertResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a batch: every record is inserted, a duplicate, or failed.

    Attributes:
        failed: why each record that can't be stored was refused, by its id.
    """

    inserted: int
    duplicates: int = 0
    failed: dict[str, str] = {}


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some records, in the order that was asked for.

    Attributes:
        cursor: where the next page begins; None only at the end.
    """

    records: tuple[Record, ...]
    cursor: str | None = None


class Store(Protocol):
    """The storage of records. Called from threads, never from an event loop.

    Every method raises StoreError if the database fails. `podium.testing.StoreContract` tests what
    each method must guarantee.
    """

    features: StoreFeatures

    def insert(self, records: Sequence[Record]) -> InsertResult:
        """Store records; one whose id is already stored is a duplicate and changes nothing.

        A record that no database can store fails alone: see `reason_to_refuse`.
        """
        ...

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        """The record with this id, or None.

        Its time, if known, makes the lookup faster; a record with another time isn't returned.
        """
        ...

    def page(
        self,
        query: RecordQuery,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = "newest",
    ) -> Page:
        """At most `limit` records (1 or more), by time and id.

        Following the cursors returns every record that existed at the first page exactly once,
        whatever is inserted meanwhile. Oldest first, they also lead to records that are inserted
        later, and any cursor is a place to resume at.

        Args:
            cursor: of a page of the same order.

        Raises:
            BadCursor: this cursor is invalid.
        """
        ...

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        """Add the true outcome to a record; earlier feedback is kept as `records.history` has it.

        Repeating the same feedback changes nothing. Returns False if there is no such record; none is
        created. The caller has checked it with `feedback_problem`.
        """
        ...

    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        """Add the true outcomes to the records of a model, by their ids, as `set_feedback` does.

        Returns the ids that exist. They may be written in several transactions: if it fails,
        calling it again writes the rest.
        """
        ...

    def delete(self, records: Sequence[Record]) -> int:
        """Delete these records with their feedback, by their ids; returns how many there were.

        They may be deleted in several transactions: if it fails, calling it again deletes the rest.
        """
        ...

    def close(self) -> None:
        """Close the database; a second call does nothing."""
        ...


class CountingStore(Store, Protocol):
    """A store whose `features.counts` is true."""

    counts: CountStore


class DroppingStore(Store, Protocol):
    """A store whose `features.drops` is true."""

    def drop_before(self, time_us: int) -> int:
        """Delete old records where many of them are one piece; returns how many there were.

        It leaves records of before this time in pieces that have later ones, too, and raises
        StoreError if the database fails.
        """
        ...


def drop_before(store: Store, time_us: int) -> int:
    """Delete what a store can delete at once of the records from before a time, if it can.

    Raises:
        StoreError: the database fails.
    """
    return cast("DroppingStore", store).drop_before(time_us) if store.features.drops else 0


def counts_of(store: Store) -> CountStore | None:
    """What a store keeps counts in, if it does."""
    return cast("CountingStore", store).counts if store.features.counts else None


def iter_pages(
    store: Store, query: RecordQuery, *, rows: int = PAGE_ROWS, order: Order = "newest"
) -> Iterator[Sequence[Record]]:
    """All records of a query, read page by page to bound memory.

    Raises:
        StoreError: the database fails.
    """
    page = store.page(query, limit=rows, order=order)
    yield page.records
    while page.cursor is not None:
        page = store.page(query, limit=rows, cursor=page.cursor, order=order)
        yield page.records
