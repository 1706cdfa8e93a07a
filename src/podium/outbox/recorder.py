"""What keeps records before the answers they tell of leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

from podium.errors import StoreError
from podium.outbox.health import HEALTHY, Health
from podium.records.record import Record
from podium.records.store import Store

# Called once, with the reason why records aren't kept, or None.
Settled: TypeAlias = Callable[[StoreError | None], object]


class Backlog(NamedTuple):
    """What waits for the store, and what became of the rest since the process began.

    Attributes:
        n_rows: how many records of this process wait; None where the outbox can't be made.
        oldest_s: when the oldest of them was made, in seconds since 1970; 0 where none waits.
        n_errors: how often the store failed.
        n_dropped: records that were thrown away because the outbox was full; None as above.
        n_refused: records that the store can't hold.
    """

    n_rows: int | None
    oldest_s: float
    n_errors: int
    n_dropped: int | None
    n_refused: int


class Recorder(Protocol):
    """Stores valid records, all of them or none.

    Attributes:
        is_inline: `record` waits neither for a disk nor for a network.
        folder: where records wait for the store; None where they don't.
    """

    is_inline: bool
    folder: Path | None

    @property
    def health(self) -> Health:
        """The health of the recorder, from memory."""
        ...

    @property
    def backlog(self) -> Backlog | None:
        """What waits for the store; None where nothing ever does."""
        ...

    def start(self) -> None:
        """Prepare the storage of records.

        Raises:
            StoreError: it can't be made.
        """
        ...

    def record(self, records: Iterable[Record]) -> None:
        """Keep records; what may be many comes one by one.

        Raises:
            StoreError: none of them is kept.
        """
        ...

    def record_later(self, records: Sequence[Record], settled: Settled) -> None:
        """Keep records without waiting for a disk; `settled` may be called in another thread."""
        ...

    def drain(self, seconds: float) -> bool:
        """Wait until nothing waits for the store that did before; whether that is so.

        Where no server runs, nobody else ships and deletes what its workers left.

        Raises:
            StoreError: the outboxes can't be read, or the store takes none now.
        """
        ...


class StoreRecorder:
    """Stores records directly in a store in memory."""

    is_inline = True
    folder: Path | None = None
    health = HEALTHY
    backlog: Backlog | None = None

    def __init__(self, store: Store) -> None:
        self._store = store

    def start(self) -> None:
        """Nothing is to be done."""

    def record(self, records: Iterable[Record]) -> None:
        """Keep records.

        Raises:
            StoreError: they aren't kept.
        """
        records = list(records)
        result = self._store.insert(records)
        if result.failed:
            raise StoreError(f"{len(result.failed)} of {len(records)} records weren't stored")

    def record_later(self, records: Sequence[Record], settled: Settled) -> None:
        """Keep records now; the store is there at once."""
        try:
            self.record(records)
        except StoreError as error:
            settled(error)
        else:
            settled(None)

    def drain(self, seconds: float) -> bool:  # noqa: ARG002 - as the protocol has it
        """Nothing ever waits."""
        return True
