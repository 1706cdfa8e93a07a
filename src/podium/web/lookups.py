"""Looks up a record that was just stored, without waiting again for a store that is away."""

from __future__ import annotations

import time

from podium.errors import StoreError
from podium.records.record import Record
from podium.records.store import Store

AWAY_S = 5.0


class Lookups:
    """Remembers for a moment that the store couldn't be read.

    Threads may set the time of a failure at once; the later one counts.
    """

    def __init__(self) -> None:
        self._failed_s = -AWAY_S

    def find(self, store: Store, record_id: str) -> Record | None:
        """The record, if the store has it and can be read now.

        Reading it puts it into the store, where it would be a moment later, so that every process
        and every machine finds it.
        """
        if time.monotonic() - self._failed_s < AWAY_S:
            return None
        try:
            return store.get(record_id)
        except StoreError:
            self._failed_s = time.monotonic()
            return None
