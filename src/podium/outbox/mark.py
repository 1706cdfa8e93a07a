"""The file beside a segment: how much of it is in the store, and how much was committed.

Two writers, each with a part of its own: the shipper writes the first, the worker the second.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

SHIPPED_SUFFIX = ".shipped"
_MARK = struct.Struct("<QQL")
# The last batch that was committed, and the number of rows up to it.
_PROGRESS = struct.Struct("<QQL")
_PROGRESS_AT = 64


class Mark(NamedTuple):
    """How much of a segment is in the store: the last batch, and the number of rows up to it."""

    seq: int = 0
    n_rows: int = 0


class Committed(NamedTuple):
    """The counts stored beside a segment, which stay valid if the segment is damaged.

    Attributes:
        shipped: how much of the segment is in the store.
        seq: the last batch that was committed; 0 if unknown.
        n_rows: the number of rows up to it.
    """

    shipped: Mark
    seq: int
    n_rows: int


def mark_path(path: Path) -> Path:
    """The file beside a segment."""
    return path.with_suffix(SHIPPED_SUFFIX)


def open_mark(path: Path, *, creates: bool = True) -> int:
    """That file, opened.

    Args:
        creates: whether to create a missing file.

    Raises:
        OSError: it can't be opened.
    """
    flags = os.O_CREAT if creates else 0
    return os.open(mark_path(path), os.O_RDWR | flags | os.O_CLOEXEC, 0o600)


def read_mark(fd: int) -> Mark:
    """How much is shipped; nothing if the file is incomplete: the store recognizes what it has."""
    return _mark_in(os.pread(fd, _MARK.size, 0))


def write_mark(fd: int, mark: Mark) -> None:
    """Write how much is shipped.

    Raises:
        OSError: it can't be written.
    """
    os.pwrite(fd, _MARK.pack(*mark, zlib.crc32(b"%d %d" % mark)), 0)


def write_progress(fd: int, committed: int, n_rows: int) -> None:
    """Write the last committed batch, and the number of rows up to it.

    Raises:
        OSError: it can't be written.
    """
    numbers = (committed, n_rows)
    os.pwrite(fd, _PROGRESS.pack(*numbers, zlib.crc32(b"%d %d" % numbers)), _PROGRESS_AT)


def read_progress(fd: int) -> tuple[Mark, int | None]:
    """How much is shipped, and the last batch that was committed.

    None if it can't be read. There may be one more, of which no response was sent yet.
    """
    raw = os.pread(fd, _PROGRESS_AT + _PROGRESS.size, 0)
    progress = _progress_in(raw)
    return _mark_in(raw[: _MARK.size]), None if progress is None else progress[0]


def read_committed(path: Path) -> Committed:
    """The counts stored for a segment; zeros if there are none.

    Raises:
        OSError: it can't be read.
    """
    try:
        fd = open_mark(path, creates=False)
    except FileNotFoundError:
        return Committed(Mark(), 0, 0)
    try:
        raw = os.pread(fd, _PROGRESS_AT + _PROGRESS.size, 0)
    finally:
        os.close(fd)
    seq, n_rows = _progress_in(raw) or (0, 0)
    return Committed(_mark_in(raw[: _MARK.size]), seq, n_rows)


def _mark_in(raw: bytes) -> Mark:
    if len(raw) != _MARK.size:
        return Mark()
    *numbers, checksum = _MARK.unpack(raw)
    mark = Mark(*numbers)
    return mark if checksum == zlib.crc32(b"%d %d" % mark) else Mark()


def _progress_in(raw: bytes) -> tuple[int, int] | None:
    if len(raw) != _PROGRESS_AT + _PROGRESS.size:
        return None
    committed, n_rows, checksum = _PROGRESS.unpack_from(raw, _PROGRESS_AT)
    return (committed, n_rows) if checksum == zlib.crc32(b"%d %d" % (committed, n_rows)) else None
