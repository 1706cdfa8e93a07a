"""Recovers what is readable in a damaged segment.

A segment's batches are in SQLite's log, which is never copied into the file. SQLite itself reads a
log up to the first damaged frame and ignores those behind it, so the pages are reassembled here,
whatever their checksums are: pages that don't belong together are noticed when a batch is decoded.

Source: https://www.sqlite.org/fileformat2.html, section 4.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from podium.outbox.mark import Committed, read_committed
from podium.outbox.segment import DECODER, Batch

PAGE_BYTES = 4_096
_LOG_HEAD, _FRAME_HEAD = 32, 24
_FRAME = struct.Struct(">II")
# In the first page of a file: the flags that it has no log, and the signature of a SQLite database.
_MAGIC, _NO_LOG_AT = b"SQLite format 3\0", slice(18, 20)


class Salvage(NamedTuple):
    """The result of salvaging a segment.

    Attributes:
        batches: the readable ones, after those that are in the store.
        n_lost: how many committed records couldn't be read.
    """

    batches: list[Batch]
    n_lost: int

    @property
    def n_rows(self) -> int:
        """The number of records that could be read."""
        return sum(len(batch.records) for batch in self.batches)


def salvage(path: Path) -> Salvage:
    """Read the readable batches of a segment that is no longer written to.

    Raises:
        OSError: its files can't be read, or nothing can be written beside them.
    """
    committed = read_committed(path)
    rebuilt = path.with_suffix(".rebuilt")
    _rebuild(path, rebuilt)
    try:
        batches = _batches(rebuilt, committed)
    finally:
        rebuilt.unlink(missing_ok=True)
    n_read = sum(len(batch.records) for batch in batches)
    return Salvage(batches, max(committed.n_rows - committed.shipped.n_rows - n_read, 0))


def _rebuild(path: Path, rebuilt: Path) -> None:
    """Write the pages of a file and its log into a file that has no log."""
    pages = dict(enumerate(_pieces(_read(path), PAGE_BYTES), 1))
    changed: dict[int, bytes] = {}
    log = _read(path.with_name(f"{path.name}-wal"))[_LOG_HEAD:]
    frames = _pieces(log, _FRAME_HEAD + PAGE_BYTES)
    # Each page was written at some time: a higher number is damage, and not a page of terabytes.
    pages_max = len(pages) + len(frames)
    for frame in frames:
        number, n_pages = _FRAME.unpack_from(frame)
        if 1 <= number <= pages_max:
            changed[number] = frame[_FRAME_HEAD:]
        if n_pages:  # the end of a transaction
            pages |= changed
            changed = {}
    first = bytearray(pages.get(1, bytes(PAGE_BYTES)))
    first[: len(_MAGIC)] = _MAGIC
    first[_NO_LOG_AT] = b"\1\1"
    pages[1] = bytes(first)
    with rebuilt.open("wb") as file:
        for number in range(1, max(pages) + 1):
            file.write(pages.get(number, bytes(PAGE_BYTES)))


def _batches(rebuilt: Path, committed: Committed) -> list[Batch]:
    """Each batch that can be found and decoded."""
    batches = []
    connection = apsw.Connection(str(rebuilt), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        for seq in range(committed.shipped.seq + 1, (committed.seq or _last(connection)) + 1):
            with suppress(apsw.Error, msgspec.DecodeError, TypeError):
                payload = connection.execute("SELECT payload FROM batch WHERE seq = ?", (seq,)).get
                batches.append(Batch(seq, DECODER.decode(payload)))
    finally:
        connection.close()
    return batches


def _last(connection: apsw.Connection) -> int:
    """The last batch, if no file beside the segment records it."""
    with suppress(apsw.Error):
        return int(connection.execute("SELECT coalesce(max(seq), 0) FROM batch").get)
    return 0


def _pieces(content: bytes, size: int) -> list[bytes]:
    whole = len(content) - len(content) % size
    return [content[at : at + size] for at in range(0, whole, size)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
