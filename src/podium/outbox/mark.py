"""The file beside a segment: how much of it is in the store, and how much was committed.

Two writers, each with a part of its own: the shipper writes the first, the worker the second.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from podium.outbox.frames import SALT_BYTES

SHIPPED_SUFFIX = ".shipped"
# A batch, the number of rows up to it, and where it ends in the file; earlier versions wrote no place.
_MARK, _EARLIER_MARK = struct.Struct("<QQQL"), struct.Struct("<QQL")
_PROGRESS_AT, _SALT_AT = 64, 128
_SALT = struct.Struct(f"<{SALT_BYTES}sL")


class Mark(NamedTuple):
    """How far something is: a batch, and the number of rows up to it.

    Attributes:
        at: where it ends in the file; 0 if unknown.
    """

    seq: int = 0
    n_rows: int = 0
    at: int = 0


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
    return _mark_in(os.pread(fd, _MARK.size, 0)) or Mark()


def write_mark(fd: int, mark: Mark) -> None:
    """Write how much is shipped.

    Raises:
        OSError: it can't be written.
    """
    os.pwrite(fd, _packed(mark), 0)


def write_progress(fd: int, mark: Mark) -> None:
    """Write what was committed.

    Raises:
        OSError: it can't be written.
    """
    os.pwrite(fd, _packed(mark), _PROGRESS_AT)


def read_progress(fd: int) -> tuple[Mark, Mark | None]:
    """How much is shipped, and what was committed.

    None if it can't be read. There may be one more batch, of which no response was sent yet.
    """
    raw = os.pread(fd, _PROGRESS_AT + _MARK.size, 0)
    return _mark_in(raw[: _MARK.size]) or Mark(), _mark_in(raw[_PROGRESS_AT:])


def write_salt(fd: int, salt: bytes) -> None:
    """Write the number by which the frames of the segment are recognized.

    Raises:
        OSError: it can't be written.
    """
    os.pwrite(fd, _SALT.pack(salt, zlib.crc32(salt)), _SALT_AT)


def read_salt(path: Path) -> bytes | None:
    """The number by which the frames of a segment are recognized; None if it isn't there.

    Raises:
        OSError: it can't be read.
    """
    raw = _read(path)[_SALT_AT : _SALT_AT + _SALT.size]
    if len(raw) < _SALT.size:
        return None
    salt, checksum = _SALT.unpack(raw)
    return bytes(salt) if checksum == zlib.crc32(salt) else None


def read_committed(path: Path) -> Committed:
    """The counts stored for a segment; zeros if there are none.

    Raises:
        OSError: it can't be read.
    """
    raw = _read(path)
    progress = _mark_in(raw[_PROGRESS_AT : _PROGRESS_AT + _MARK.size]) or Mark()
    return Committed(_mark_in(raw[: _MARK.size]) or Mark(), progress.seq, progress.n_rows)


def _read(path: Path) -> bytes:
    """The file beside a segment; nothing if there is none."""
    try:
        return mark_path(path).read_bytes()
    except FileNotFoundError:
        return b""


def _packed(mark: Mark) -> bytes:
    return _MARK.pack(*mark, zlib.crc32(b"%d %d %d" % mark))


def _mark_in(raw: bytes) -> Mark | None:
    if len(raw) >= _MARK.size:
        *numbers, checksum = _MARK.unpack_from(raw)
        if checksum == zlib.crc32(b"%d %d %d" % (*numbers,)):
            return Mark(*numbers)
    if len(raw) >= _EARLIER_MARK.size:
        *numbers, checksum = _EARLIER_MARK.unpack_from(raw)
        if checksum == zlib.crc32(b"%d %d" % (*numbers,)):
            return Mark(*numbers)
    return None
