"""How much a request may hold, how much may wait, and how much is in memory at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from podium.errors import Overloaded

# A process holds so many bulk requests at once, and decodes and encodes one at a time.
BULK_MAX = 4
# So many rows of a bulk request are predicted, and their records encoded, at a time.
CHUNK_ROWS = 1_000


@dataclass(frozen=True)
class Limits:
    """How much one request may hold.

    A bulk request is a request with more rows, or a longer body, than everybody may send.

    Attributes:
        rows_max: the most rows.
        body_max_bytes: the longest body.
        bulk_rows_max: the most rows in a bulk request.
        errors_max: the most bad cells listed.
    """

    rows_max: int = 1_000
    body_max_bytes: int = 2**20
    bulk_rows_max: int = 100_000
    errors_max: int = 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait, and how long.

    Attributes:
        queue_rows_max: the most rows that wait; a job that finds more is refused.
        deadline_s: from a job's arrival to its answer.
        rows_max: a job of more rows is a bulk request, of which `BulkPlaces` bound how many there are.
    """

    queue_rows_max: int = 10_000
    deadline_s: float = 10.0
    rows_max: int = 1_000


class BulkPlaces:
    """So many bulk requests in memory at once, and no more."""

    def __init__(self, n_max: int = BULK_MAX) -> None:
        self._free = threading.Semaphore(n_max)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold one of the places.

        Raises:
            Overloaded: none is free.
        """
        if not self._free.acquire(blocking=False):
            raise Overloaded(
                "too many bulk requests are being answered already",
                hint="try again in a moment, or send fewer rows at once",
            )
        try:
            yield
        finally:
            self._free.release()
