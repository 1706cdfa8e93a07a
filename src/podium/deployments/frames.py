"""Messages on a pipe: their length in four bytes, then their bytes."""

from __future__ import annotations

from typing import IO

_LENGTH_BYTES = 4


def write_frame(target: IO[bytes], frame: bytes) -> None:
    """Write a message."""
    target.write(len(frame).to_bytes(_LENGTH_BYTES, "little") + frame)
    target.flush()


def read_frame(source: IO[bytes]) -> bytes:
    """The next message.

    Raises:
        EOFError: the other side has ended.
    """
    return _read(source, int.from_bytes(_read(source, _LENGTH_BYTES), "little"))


def _read(source: IO[bytes], n_bytes: int) -> bytes:
    found = source.read(n_bytes)
    if len(found) < n_bytes:
        raise EOFError
    return found
