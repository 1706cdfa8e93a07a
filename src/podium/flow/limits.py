"""The limits of one request, of what waits, and of what is in memory at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from podium.errors import Overloaded

# A process holds at most this many bulk requests, and decodes and encodes one at a time.
BULK_MAX = 4
# This many rows of a bulk request are predicted, and their records encoded, at a time.
CHUNK_ROWS = 1_000


@dataclass(frozen=True)
class Limits:
    """The limits of one request.

    A bulk request has more rows, or a longer body, than every client may send.

    Attributes:
        rows_max: the most rows in an ordinary request.
        body_max_bytes: the longest body of an ordinary request.
        bulk_rows_max: the most rows in a bulk request.
        errors_max: the most invalid cells listed.
    """

    rows_max: int = 1_000
    body_max_bytes: int = 2**20
    bulk_rows_max: int = 100_000
    errors_max: int = 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait, and for how long.

    Attributes:
        queue_rows_max: the most rows that wait; a job beyond that is refused.
        deadline_s: the time from a job's arrival to its result.
        rows_max: a job with more rows is a bulk request; `BulkPlaces` limits the number of those.
    """

    queue_rows_max: int = 10_000
    deadline_s: float = 10.0
    rows_max: int = 1_000


class BulkPlaces:
    """Limits the number of bulk requests in memory."""

    def __init__(self, n_max: int = BULK_MAX) -> None:
        self._free = threading.Semaphore(n_max)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take one of the places until the context ends.

        Raises:
            Overloaded: all of them are taken.
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
