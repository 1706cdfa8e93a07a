"""Why databases fail, in words that are the same for all of them.

A cause is never a record: what is written to a store that is full, away or read-only waits in the
outbox, and isn't set aside as a record that no store can hold.
"""

from __future__ import annotations

from typing import NamedTuple

from podium.errors import StoreError


class Cause(NamedTuple):
    """A cause, and what to do about it.

    Attributes:
        reason: for everybody, at `/readyz`.
        hint: where a store has no better one.
    """

    reason: str
    hint: str

    def error(self, message: str, *, hint: str = "") -> StoreError:
        """The StoreError of this cause."""
        return StoreError(message, hint=hint or self.hint, reason=self.reason)


FULL = Cause(
    "the store is full",
    "free disk space on the database's server, or delete old records; what waits is stored by itself then",
)
READ_ONLY = Cause(
    "the store is read-only", "write the URL of a server that accepts writes: the primary"
)
BUSY = Cause(
    "the store is overloaded",
    "the database has more to do than it can, or too many connections: it is asked again later",
)
REFUSED = Cause(
    "the store refuses this user", "check the user, the password, and the rights of the user"
)
UNREACHABLE = Cause(
    "the store can't be reached",
    "check that the database runs, can be reached, and accepts this user",
)
SILENT = Cause("the store doesn't respond", "check that the database runs, and isn't overloaded")
# Where a database doesn't say why, and what it refuses isn't a record that it can't hold.
FAILED = Cause("the store fails", "see the database's own log")
