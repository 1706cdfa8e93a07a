"""Tables in a flatbuffer, read in place: as much as it takes to look before somebody else reads.

Source: https://flatbuffers.dev/internals
"""

from __future__ import annotations

import struct
from collections.abc import Iterator


class FlatTable:
    """One table. What lies outside the buffer raises a ValueError.

    Args:
        buffer: what holds it.
        at: where it begins.
    """

    __slots__ = ("_at", "_buffer", "_vtable", "_vtable_size")

    def __init__(self, buffer: bytes, at: int) -> None:
        self._buffer = buffer
        self._at = at
        self._vtable = at - self._read("<i", at)
        self._vtable_size = self._read("<H", self._vtable)

    @classmethod
    def root(cls, buffer: bytes) -> FlatTable:
        """The table that a buffer is made of.

        Raises:
            ValueError: there is none.
        """
        if len(buffer) < 4:
            raise ValueError("the buffer is too short")
        return cls(buffer, int.from_bytes(buffer[:4], "little"))

    def number(self, slot: int, form: str) -> int:
        """A whole number, as `struct` writes its type; 0 where it is left out."""
        at = self._position(slot)
        return self._read(f"<{form}", at) if at else 0

    def table(self, slot: int) -> FlatTable | None:
        """A table inside this one."""
        at = self._position(slot)
        return FlatTable(self._buffer, self._follow(at)) if at else None

    def text(self, slot: int) -> bytes:
        """A text, not decoded."""
        return self._vector(slot, 1)

    def tables(self, slot: int) -> Iterator[FlatTable]:
        """The tables of a list."""
        at = self._position(slot)
        if not at:
            return
        start = self._follow(at)
        for i in range(self._read("<I", start)):
            yield FlatTable(self._buffer, self._follow(start + 4 + 4 * i))

    def pairs(self, slot: int) -> Iterator[tuple[int, int]]:
        """The structs of a list that are two long numbers each."""
        yield from struct.iter_unpack("<qq", self._vector(slot, 16))

    def _vector(self, slot: int, size: int) -> bytes:
        at = self._position(slot)
        if not at:
            return b""
        start = self._follow(at) + 4
        end = start + size * self._read("<I", start - 4)
        if end > len(self._buffer):
            raise ValueError("a list extends beyond the buffer")
        return self._buffer[start:end]

    def _position(self, slot: int) -> int:
        """Where a slot's value is; 0 where it is left out."""
        entry = 4 + 2 * slot
        if entry + 2 > self._vtable_size:
            return 0
        offset = self._read("<H", self._vtable + entry)
        return self._at + offset if offset else 0

    def _follow(self, at: int) -> int:
        return at + self._read("<I", at)

    def _read(self, form: str, at: int) -> int:
        # Python would count a negative place from the end.
        if at < 0 or at + struct.calcsize(form) > len(self._buffer):
            raise ValueError("an offset points outside the buffer")
        value: int = struct.unpack_from(form, self._buffer, at)[0]
        return value
