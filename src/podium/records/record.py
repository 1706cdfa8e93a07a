"""A record: one row's inputs and outputs, with its version, actor and time."""

from __future__ import annotations

import os
import secrets
import threading
from typing import Literal

import msgspec
import numpy as np

from podium.records import forks

BUFFERED_IDS = 256  # for so many, random bits are read at once
MANY_IDS = 32
# Of the counter, and those of them that are beside the random bits.
_COUNTER_BITS, _LOW_BITS = 26, 14
_LOW = 2**_LOW_BITS - 1
_ID = np.dtype([("high", ">u8"), ("low", ">u2"), ("noise", "V6")])

Role = Literal["primary", "shadow", "replay"]


class Feedback(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The true outcome, reported later.

    Attributes:
        truth: the true value, as JSON.
        time_us: when it was reported, in microseconds since 1970.
        actor: who reported it.
        earlier: what was reported before it was corrected, as `records.history` has it; None if
            nothing was.
    """

    truth: bytes
    time_us: int
    actor: str | None = None
    note: str = ""
    earlier: bytes | None = None


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One row of a request, and its prediction.

    Stores derive their columns from this declaration (`records.columns`). A new field goes to the
    end and has a default: a segment of an outbox stores a record as an array, and may have been
    written by an older version. Use the names of fields; positions are only for code that reads
    rows of tables.

    Attributes:
        id: 32 lower-case hex digits; later records have greater ids.
        time_us: when the request arrived, in microseconds since 1970.
        inputs: the row, as a JSON object of field names and values.
        outputs: the outputs, as a JSON object: `prediction`, `probabilities`, `warnings`.
        outcome: the prediction as a text, to filter by.
        outcome_number: the prediction, if it is a number.
        latency_us: how long the prediction took, without the recording.
        source: the way in: `api`, `form`, `cli` or `python`.
        actor: who sent it, by name, for people to read; None for an anonymous caller.
        owner: whose record it is, as in `Actor.owner`; this alone decides. None also for records
            from before there were owners: these belong to nobody.
        request_id: shared by the rows of one request: the id of its first record. None for records
            from before there were request ids, as is `bundle_digest`.
        row_index: of the row in its request, from 0.
        role: `primary` was sent to the caller; `shadow` was computed beside it, `replay` later.
        bundle_digest: the digest of the bundle that made the prediction.
        attributes: a JSON object of further values without a field of their own.
        business_key: the caller's own name for what was predicted, such as an order's number. Several
            records may have the same one.
    """

    id: str
    time_us: int
    model: str
    version: str
    inputs: bytes
    outputs: bytes
    outcome: str
    outcome_number: float | None = None
    latency_us: int = 0
    source: str = "api"
    actor: str | None = None
    feedback: Feedback | None = None
    owner: str | None = None
    request_id: str | None = None
    row_index: int = 0
    role: Role = "primary"
    bundle_digest: str | None = None
    attributes: bytes | None = None
    business_key: str | None = None


class Ids(forks.ForkAware):
    """Creates ids that increase, also when the clock jumps back and within one microsecond.

    An id is a UUIDv7 (RFC 9562): milliseconds, then a counter in place of its first random bits, so
    that the ids of one object are ordered, then random bits, so that two processes never create the
    same id.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = -1
        self._counter = 0
        self._pid = 0
        self._noise: list[str] = []
        self._noise_at = 0
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """Replace the lock, which one of the parent's threads may hold."""
        self._lock = threading.Lock()

    def new(self, time_us: int) -> str:
        """A new id, greater than every id before."""
        return self.some(time_us, 1)[0]

    def some(self, time_us: int, n_ids: int) -> tuple[str, ...]:
        """New ids in order, each greater than every id before."""
        with self._lock:
            is_many = n_ids > MANY_IDS
            noise = [] if is_many else self._random(n_ids)
            now_ms = max(time_us // 1_000, 0)
            if now_ms > self._last_ms:
                # Starting anywhere in the lower half leaves room to count within the millisecond.
                self._last_ms, self._counter = now_ms, int(self._random(1)[0], 16) >> 23
            else:
                self._counter += 1
            if is_many:
                return self._many(n_ids)
            counter, first = self._counter, ""
            ids: list[str] = []
            for random in noise:
                low = counter & _LOW
                if not low or not first:
                    if counter >> _COUNTER_BITS:
                        self._last_ms, counter, low = self._last_ms + 1, 0, 0
                    first = f"{self._high() | counter >> _LOW_BITS:016x}"
                ids.append(f"{first}{0x8000 | low:x}{random}")
                counter += 1
            self._counter = counter - 1
        return tuple(ids)

    def _many(self, n_ids: int) -> tuple[str, ...]:
        """The same, without a step for each: in a fifth of the time."""
        if self._counter + n_ids > 2**_COUNTER_BITS:
            self._last_ms, self._counter = self._last_ms + 1, 0
        numbers = np.arange(self._counter, self._counter + n_ids)
        self._counter += n_ids - 1
        ids = np.empty(n_ids, _ID)
        ids["high"], ids["low"] = self._high() | numbers >> _LOW_BITS, 0x8000 | numbers & _LOW
        ids["noise"] = np.frombuffer(secrets.token_bytes(6 * n_ids), "V6")
        return tuple(ids.tobytes().hex(" ", _ID.itemsize).split())

    def _high(self) -> int:
        """The first half of an id: the millisecond and the version, with room for the counter."""
        return (self._last_ms & (2**48 - 1)) << 16 | 0x7000

    def _random(self, n_ids: int) -> list[str]:
        """48 random bits for each id, read for many at once: a call of the system is slower than an
        id.
        """
        pid = os.getpid()
        if self._pid != pid or len(self._noise) - self._noise_at < n_ids:
            # In a forked process what is buffered is its parent's, too.
            self._pid, self._noise_at = pid, 0
            self._noise = secrets.token_bytes(6 * max(BUFFERED_IDS, n_ids)).hex(" ", 6).split()
        start, self._noise_at = self._noise_at, self._noise_at + n_ids
        return self._noise[start : self._noise_at]
