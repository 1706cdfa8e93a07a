"""Recorders, which store records before the responses are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

from podium.errors import StoreError
from podium.outbox.health import HEALTHY, Health
from podium.records.block import Recordable, records_in
from podium.records.store import Store

# Called once, with None or the reason why records weren't stored.
Settled: TypeAlias = Callable[[StoreError | None], object]


class Backlog(NamedTuple):
    """The records that wait for the store, and the counts of others since the process began.

    Attributes:
        n_rows: how many records of this process wait; None if the outbox can't be created.
        oldest_s: the time of the oldest of them, in seconds since 1970; 0 if none waits.
        n_errors: how often the store failed.
        n_dropped: records that were dropped because the outbox was full; None as above.
        n_refused: records that the store can't hold.
    """

    n_rows: int | None
    oldest_s: float
    n_errors: int
    n_dropped: int | None
    n_refused: int


class Recorder(Protocol):
    """Stores valid records, of which some may be in blocks, all of them or none.

    Attributes:
        is_inline: whether `record` waits neither for a disk nor for a network.
        folder: where records wait for the store; None if they don't.
    """

    is_inline: bool
    folder: Path | None

    @property
    def health(self) -> Health:
        """The health of the recorder, from memory."""
        ...

    @property
    def backlog(self) -> Backlog | None:
        """The records that wait for the store; None if they never do."""
        ...

    def start(self) -> None:
        """Prepare the storage of records.

        Raises:
            StoreError: it can't be created.
        """
        ...

    def record(self, records: Iterable[Recordable], *, n_patient: int = 0) -> None:
        """Store records; a large number comes as an iterator.

        Args:
            n_patient: how many they are, where the caller may wait until the store has caught up.

        Raises:
            StoreError: none of them is stored.
        """
        ...

    def record_later(self, records: Sequence[Recordable], settled: Settled) -> None:
        """Store records without waiting for a disk; `settled` may be called in another thread."""
        ...

    def drain(self, seconds: float) -> bool:
        """Wait until all earlier records are in the store; returns whether they are.

        If no server is running, nobody else ships what its workers left, and deletes it.

        Raises:
            StoreError: the outboxes can't be read, or the store accepts none now.
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
        """There is nothing to prepare."""

    def record(
        self,
        records: Iterable[Recordable],
        *,
        n_patient: int = 0,  # noqa: ARG002 - nothing ever waits
    ) -> None:
        """Store records.

        Raises:
            StoreError: they aren't stored.
        """
        some = list(records_in(records))
        result = self._store.insert(some)
        if result.failed:
            raise StoreError(f"{len(result.failed)} of {len(some)} records weren't stored")

    def record_later(self, records: Sequence[Recordable], settled: Settled) -> None:
        """Store records at once: the store is in memory."""
        try:
            self.record(records)
        except StoreError as error:
            settled(error)
        else:
            settled(None)

    def drain(self, seconds: float) -> bool:  # noqa: ARG002 - the protocol has it
        """Nothing ever waits."""
        return True
