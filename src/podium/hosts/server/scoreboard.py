"""What the supervisor and its workers share: memory that outlives a killed process."""

from __future__ import annotations

import math
import mmap
import struct

DIGEST_BYTES = 16
IN_FLIGHT_MAX = 1_024
SUSPECTS_MAX = 1_024
_NONE = bytes(DIGEST_BYTES)
_SLOT_BYTES = 8 + IN_FLIGHT_MAX * DIGEST_BYTES
_SUSPECT_BYTES = DIGEST_BYTES + 1
_HEAD = struct.Struct("<II")
_BEATS = struct.Struct("<I")
_BEATS_MAX = 2**32 - 1
_CONNECTIONS = struct.Struct("<H")
_CONNECTIONS_MAX = 2**16 - 2


class Scoreboard:
    """Memory that is shared by a supervisor and the workers it forks.

    Each worker writes in a slot of its own: whether it is ready, how many connections it has, its
    heartbeat, and which requests it is running. Only the supervisor writes which requests are suspects. A worker that is killed
    leaves its slot as it was.
    """

    def __init__(self, n_slots: int) -> None:
        self._suspects_at = n_slots * _SLOT_BYTES
        n_bytes = _HEAD.size + SUSPECTS_MAX * _SUSPECT_BYTES
        self._memory = mmap.mmap(-1, self._suspects_at + n_bytes)
        self._slots = range(n_slots)

    def set_ready(self, slot: int, is_ready: bool) -> None:
        """Set whether a worker serves requests."""
        self._memory[slot * _SLOT_BYTES] = is_ready

    def is_ready(self, slot: int) -> bool:
        """Whether the worker of this slot serves requests."""
        return bool(self._memory[slot * _SLOT_BYTES])

    def set_connections(self, slot: int, n_connections: int | None) -> None:
        """Set how many connections a worker has; None: it accepts no more."""
        value = 0 if n_connections is None else min(n_connections, _CONNECTIONS_MAX) + 1
        _CONNECTIONS.pack_into(self._memory, slot * _SLOT_BYTES + 2, value)

    def connections_least(self, slot: int) -> float:
        """How many connections another worker has that accepts them: the fewest; infinity: there is none."""
        read = _CONNECTIONS.unpack_from
        found = [read(self._memory, one * _SLOT_BYTES + 2)[0] for one in self._slots if one != slot]
        return min([one - 1 for one in found if one], default=math.inf)

    def beat(self, slot: int) -> None:
        """Increment the heartbeat: a worker's event loop still turns."""
        _BEATS.pack_into(self._memory, slot * _SLOT_BYTES + 4, self.beats(slot) % _BEATS_MAX + 1)

    def beats(self, slot: int) -> int:
        """The number of heartbeats of this slot's worker; 0 while it loads."""
        beats: int = _BEATS.unpack_from(self._memory, slot * _SLOT_BYTES + 4)[0]
        return beats

    def begin(self, slot: int, place: int, digest: bytes) -> None:
        """Record that a worker runs a request."""
        at = slot * _SLOT_BYTES + 8 + place * DIGEST_BYTES
        self._memory[at : at + DIGEST_BYTES] = digest

    def end(self, slot: int, place: int) -> None:
        """Record that it is done."""
        self.begin(slot, place, _NONE)

    def in_flight(self, slot: int) -> list[bytes]:
        """The requests that the worker of this slot was running."""
        start = slot * _SLOT_BYTES + 8
        raw = self._memory[start : start + IN_FLIGHT_MAX * DIGEST_BYTES]
        digests = [raw[at : at + DIGEST_BYTES] for at in range(0, len(raw), DIGEST_BYTES)]
        return [digest for digest in digests if digest != _NONE]

    def clear(self, slot: int) -> None:
        """Clear a slot for the next worker."""
        start = slot * _SLOT_BYTES
        self._memory[start : start + _SLOT_BYTES] = bytes(_SLOT_BYTES)

    @property
    def generation(self) -> int:
        """A number that changes when the suspects do."""
        generation: int = _HEAD.unpack_from(self._memory, self._suspects_at)[0]
        return generation

    def suspects(self) -> dict[bytes, int]:
        """How often each suspected request was running when a worker ended, at most 2."""
        _, n_suspects = _HEAD.unpack_from(self._memory, self._suspects_at)
        start = self._suspects_at + _HEAD.size
        found = {}
        for at in range(start, start + n_suspects * _SUSPECT_BYTES, _SUSPECT_BYTES):
            found[self._memory[at : at + DIGEST_BYTES]] = self._memory[at + DIGEST_BYTES]
        return found

    def set_suspects(self, suspects: dict[bytes, int]) -> None:
        """Write the suspects; if there are too many, the last ones."""
        last = list(suspects.items())[-SUSPECTS_MAX:]
        raw = b"".join(digest + bytes([count]) for digest, count in last)
        start = self._suspects_at + _HEAD.size
        self._memory[start : start + len(raw)] = raw
        # Last, so that a reader of the new number sees the suspects that belong to it.
        _HEAD.pack_into(self._memory, self._suspects_at, self.generation + 1, len(last))
