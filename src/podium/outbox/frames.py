"""The format of a segment: a head, then a frame for each batch, only ever appended.

A number that was chosen at random for the file stands in its head and in each frame, and in the
checksums: what somebody predicts can't look like a frame, not even where a file is damaged.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

MAGIC = b"PoOu"
# The format of payloads; earlier ones (0: without request ids, 1: without business keys, both and 2 in
# files of SQLite, 3: without blocks, 4: without distances) can still be read: a record is an array, and fields missing at
# its end get their defaults.
VERSION = 5
SALT_BYTES = 8
_HEAD = struct.Struct(f"<4sI{SALT_BYTES}s")
HEAD_BYTES = _HEAD.size
# The salt, the length of the payload, the batch, its rows, and how many batches of the same commit
# follow; then the checksum of these and of the payload.
_FRAME, _CHECKSUM = struct.Struct(f"<{SALT_BYTES}sQQII"), struct.Struct("<I")
FRAME_BYTES = _FRAME.size + _CHECKSUM.size


class Packed(NamedTuple):
    """Encoded records."""

    n_rows: int
    payload: bytes


class Frame(NamedTuple):
    """The head of a frame.

    Attributes:
        n_bytes: of the payload.
        seq: the batch.
        n_following: how many batches of the same commit follow.
    """

    n_bytes: int
    seq: int
    n_rows: int
    n_following: int
    checksum: int

    @property
    def size(self) -> int:
        """The bytes of the frame with its payload."""
        return FRAME_BYTES + self.n_bytes

    def holds(self, payload: bytes, salt: bytes) -> bool:
        """Whether this is its payload, and both are undamaged."""
        expected = zlib.crc32(payload, zlib.crc32(_FRAME.pack(salt, *self[:4])))
        return len(payload) == self.n_bytes and self.checksum == expected


def head(salt: bytes) -> bytes:
    """What a file begins with."""
    return _HEAD.pack(MAGIC, VERSION, salt)


def read_head(raw: bytes) -> tuple[int, bytes] | None:
    """The version and the salt; None if it isn't the head of a segment."""
    if len(raw) < HEAD_BYTES:
        return None
    magic, version, salt = _HEAD.unpack_from(raw)
    return (version, salt) if magic == MAGIC else None


def frames(salt: bytes, seq: int, batches: Sequence[Packed]) -> bytes:
    """The frames of a commit.

    Args:
        seq: the first batch.
    """
    parts: list[bytes] = []
    n_following = len(batches)
    for n_rows, payload in batches:
        n_following -= 1
        first = _FRAME.pack(salt, len(payload), seq, n_rows, n_following)
        checksum = _CHECKSUM.pack(zlib.crc32(payload, zlib.crc32(first)))
        parts += (first, checksum, payload)
        seq += 1
    return b"".join(parts)


def read_frame(raw: bytes, salt: bytes, at: int = 0) -> Frame | None:
    """The head of the frame at a place; None if there is none."""
    if len(raw) - at < FRAME_BYTES:
        return None
    found, *numbers = _FRAME.unpack_from(raw, at)
    (checksum,) = _CHECKSUM.unpack_from(raw, at + _FRAME.size)
    return Frame._make((*numbers, checksum)) if found == salt else None


def find_frames(raw: bytes, salt: bytes) -> Iterator[tuple[Frame, bytes]]:
    """Each undamaged frame, wherever it is, with its payload."""
    at = raw.find(salt)
    while at >= 0:
        frame = read_frame(raw, salt, at)
        payload = b"" if frame is None else raw[at + FRAME_BYTES : at + frame.size]
        if frame is not None and frame.holds(payload, salt):
            yield frame, payload
            at += frame.size - 1
        at = raw.find(salt, at + 1)
