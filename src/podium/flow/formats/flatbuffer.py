"""Tables in a flatbuffer, read in place: only what is needed to inspect a message.

Source: https://flatbuffers.dev/internals
"""

from __future__ import annotations

import struct
from collections.abc import Iterator


class FlatTable:
    """One table. Reading outside of the buffer raises a ValueError.

    Args:
        buffer: the bytes that contain it.
        at: its position.
    """

    __slots__ = ("_at", "_buffer", "_vtable", "_vtable_size")

    def __init__(self, buffer: bytes, at: int) -> None:
        self._buffer = buffer
        self._at = at
        self._vtable = at - self._read("<i", at)
        self._vtable_size = self._read("<H", self._vtable)

    @classmethod
    def root(cls, buffer: bytes) -> FlatTable:
        """The root table of a buffer.

        Raises:
            ValueError: there is none.
        """
        if len(buffer) < 4:
            raise ValueError("the buffer is too short")
        return cls(buffer, int.from_bytes(buffer[:4], "little"))

    def number(self, slot: int, form: str) -> int:
        """An integer, in the notation of `struct`; 0 where it is omitted."""
        at = self._position(slot)
        return self._read(f"<{form}", at) if at else 0

    def table(self, slot: int) -> FlatTable | None:
        """A table inside this one."""
        at = self._position(slot)
        return FlatTable(self._buffer, self._follow(at)) if at else None

    def text(self, slot: int) -> bytes:
        """A string, not decoded."""
        return self._vector(slot, 1)

    def tables(self, slot: int) -> Iterator[FlatTable]:
        """The tables in a vector."""
        at = self._position(slot)
        if not at:
            return
        start = self._follow(at)
        for i in range(self._read("<I", start)):
            yield FlatTable(self._buffer, self._follow(start + 4 + 4 * i))

    def pairs(self, slot: int) -> Iterator[tuple[int, int]]:
        """The structs of two 64-bit integers in a vector."""
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
        """The position of a slot's value; 0 where it is omitted."""
        entry = 4 + 2 * slot
        if entry + 2 > self._vtable_size:
            return 0
        offset = self._read("<H", self._vtable + entry)
        return self._at + offset if offset else 0

    def _follow(self, at: int) -> int:
        return at + self._read("<I", at)

    def _read(self, form: str, at: int) -> int:
        # Python would count a negative position from the end.
        if at < 0 or at + struct.calcsize(form) > len(self._buffer):
            raise ValueError("an offset points outside the buffer")
        value: int = struct.unpack_from(form, self._buffer, at)[0]
        return value
