"""What is common to those who write and those who read the segments of an outbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import apsw
import msgspec

from podium.errors import StoreError
from podium.outbox.frames import Packed
from podium.outbox.mark import Mark
from podium.records.block import Block, Recordable
from podium.records.record import Record
from podium.records.stores.sqlite_file import hint_of, reason_of

# Not another: shippers of earlier versions take an outbox without such files for an empty one, and
# delete it.
SUFFIX = ".db"
BATCH_ROWS = 1_000
# The most bytes per read: decoded records take several times the memory.
READ_BYTES = 16 * 2**20
_ENCODER = msgspec.msgpack.Encoder()
DECODER = msgspec.msgpack.Decoder(list[Record])
_BLOCK_DECODER = msgspec.msgpack.Decoder(Block)
_RECORD = frozenset({Record})
# What the payload of a block begins with: no value of msgpack begins like that.
_BLOCK = b"\xc1"


class Batch(NamedTuple):
    """Records that were committed together."""

    seq: int
    records: list[Record]


class SegmentDeleted(StoreError):
    """The segment no longer exists: it was shipped, or dropped."""


class DamagedSegment(StoreError):
    """The content of the segment is invalid: reading it again won't help."""


class SegmentReader(Protocol):
    """Reads a segment, in the shipper: reads batches, and notes which are in the store.

    Attributes:
        mark: how much of it is in the store.
    """

    mark: Mark

    @property
    def end(self) -> int:
        """The last batch that was committed; 0 if there is none."""

    @property
    def has_rest(self) -> bool:
        """Whether more follows than what was read: a commit that was cut off, or damage."""

    def batches(self, rows_max: int, after: int | None = None) -> Iterator[Batch]:
        """The batches after the mark, or after another batch: at least one, about this many rows.

        Raises:
            SegmentDeleted: the segment was deleted meanwhile.
            DamagedSegment: what follows is invalid.
            StoreError: the file can't be read now.
        """

    def advance(self, batches: Sequence[Batch]) -> None:
        """Note that these batches are in the store."""

    def close(self) -> None:
        """Close the files."""


def packed(records: Sequence[Record]) -> Packed:
    """Records encoded for a segment.

    Raises:
        StoreError: one of their texts can't be encoded.
    """
    return Packed(len(records), _encoded(records))


def packed_in_chunks(records: Iterable[Recordable]) -> list[Packed]:
    """Records and blocks encoded for a segment, in batches that a shipper can read as a whole.

    Raises:
        StoreError: one of their texts can't be encoded.
    """
    if (
        isinstance(records, list)
        and len(records) <= BATCH_ROWS
        and set(map(type, records)) <= _RECORD
    ):
        return [packed(records)]  # nearly always
    chunks: list[Packed] = []
    some: list[Record] = []
    for one in records:
        if isinstance(one, Block):
            chunks.append(Packed(one.n_rows, _BLOCK + _encoded(one)))
            continue
        some.append(one)
        if len(some) == BATCH_ROWS:
            chunks.append(packed(some))
            some = []
    if some or not chunks:
        chunks.append(packed(some))
    return chunks


def unpacked(payload: bytes) -> list[Record]:
    """The records that were encoded.

    Raises:
        msgspec.DecodeError: they are damaged.
    """
    if payload[:1] != _BLOCK:
        return DECODER.decode(payload)
    try:
        return _BLOCK_DECODER.decode(memoryview(payload)[1:]).records()
    except (ValueError, TypeError, IndexError) as error:
        raise msgspec.DecodeError(f"a block is damaged: {error}") from error


def _encoded(value: Sequence[Record] | Block) -> bytes:
    try:
        return _ENCODER.encode(value)
    except (UnicodeEncodeError, TypeError, msgspec.MsgspecError) as error:
        raise StoreError(f"these records can't be stored: {error}") from error


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn exceptions of SQLite and the file system into a StoreError."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise failure(path, error) from error


def failure(path: Path, error: apsw.Error | OSError) -> StoreError:
    """What an exception of SQLite or the file system is for callers."""
    if isinstance(error, OSError):
        return StoreError(
            f"{path}: {error.strerror}",
            hint="look at the disk and at the folder's permissions",
            reason=reason_of(error, path),
        )
    is_damaged = isinstance(error, (apsw.CorruptError, apsw.NotADBError))
    kind = DamagedSegment if is_damaged else StoreError
    return kind(f"{path}: {error}", hint=hint_of(error), reason=reason_of(error, path))


@contextmanager
def noticing_deletion(path: Path) -> Iterator[None]:
    """Raise `SegmentDeleted` if a failure is due to a deleted file."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        if _is_deleted(path):
            raise SegmentDeleted(f"{path} is no longer there") from error
        raise


def _is_deleted(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # it can't be determined now
    return False


def damaged(path: Path, seq: int) -> DamagedSegment:
    """The error for a batch that can't be read."""
    return DamagedSegment(f"{path}: batch {seq} is damaged")
