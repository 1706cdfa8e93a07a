"""A segment: one file of an outbox, written by one worker, read by whoever ships it.

Only the worker writes the SQLite file, so that it never waits for a lock. How much of it is in the
store stands in a small file beside it, which the shipper writes; and in the same file, further on,
the worker announces each batch before it commits it, so that others know without SQLite that there
may be more. A segment isn't cleaned: when all of it is in the store, it is deleted whole, which
needs no checkpoint.

A segment is deleted only when nothing can be written to it any more (its worker is dead, or has
begun a later one) and a read after that found nothing that isn't in the store.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from podium.errors import StoreError
from podium.records.record import Record
from podium.records.stores.sqlite_file import hint_of

SUFFIX = ".db"
SHIPPED_SUFFIX = ".shipped"
APPLICATION_ID = 0x506F4F75  # "PoOu"
_SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE batch (seq INTEGER PRIMARY KEY, n_rows INTEGER NOT NULL, payload BLOB NOT NULL);
"""
# Of a read: what is decoded takes some times the memory.
READ_BYTES = 16 * 2**20
_MARK = struct.Struct("<QQL")
_ANNOUNCED = struct.Struct("<QL")
_ANNOUNCED_AT = 64
_HAS_TABLE = "SELECT count(*) FROM sqlite_schema WHERE name = 'batch'"
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Record])


class Mark(NamedTuple):
    """How far a segment is in the store: the last batch, and the rows up to it."""

    seq: int = 0
    n_rows: int = 0


class Batch(NamedTuple):
    """Records that were committed together."""

    seq: int
    records: list[Record]


class Packed(NamedTuple):
    """Records as they are written."""

    n_rows: int
    payload: bytes


class SegmentGone(StoreError):
    """The segment is no longer there: it was shipped, or dropped."""


class DamagedSegment(StoreError):
    """What stands in the segment can't be understood: reading it again won't help."""


def packed(records: Sequence[Record]) -> Packed:
    """Records as a segment holds them.

    Raises:
        StoreError: a text among them is none.
    """
    try:
        return Packed(len(records), _ENCODER.encode(records))
    except (UnicodeEncodeError, TypeError, msgspec.MsgspecError) as error:
        raise StoreError(f"these records can't be kept: {error}") from error


class SegmentWriter:
    """The worker's side.

    Args:
        is_synced: a commit waits for the disk.
        vfs: the name of SQLite's virtual file system; tests bring one that fails.

    Raises:
        StoreError: the file can't be made.
    """

    def __init__(self, path: Path, *, is_synced: bool, vfs: str = "") -> None:
        self.path = path
        self.n_rows = 0
        self.n_bytes = 0
        self._seq = 0
        with failures(path):
            self._mark = opened_mark(path)
            try:
                self._announce(0)
                self._connection = self._made(is_synced, vfs)
            except BaseException:
                os.close(self._mark)
                raise

    def append(self, batches: Sequence[Packed]) -> None:
        """Commit some batches at once, all or none.

        Raises:
            StoreError: nothing of it is kept.
        """
        rows = [(seq, *batch) for seq, batch in enumerate(batches, self._seq + 1)]
        with failures(self.path):
            self._announce(rows[-1][0])
            if len(rows) == 1:  # one statement is a transaction by itself
                self._connection.execute("INSERT INTO batch VALUES (?, ?, ?)", rows[0])
            else:
                with self._connection:
                    self._connection.executemany("INSERT INTO batch VALUES (?, ?, ?)", rows)
        self._seq += len(rows)
        for _, n_rows, payload in rows:
            self.n_rows += n_rows
            self.n_bytes += len(payload)

    @property
    def n_waiting(self) -> int:
        """How many rows aren't in the store yet, as far as the shipper has told."""
        return self.n_rows - _read_mark(self._mark).n_rows

    def finish(self) -> None:
        """Write no more to it; how much waits can still be asked."""
        self._connection.close()

    def close(self) -> None:
        """Let go of the file; what is in it stays."""
        self._connection.close()
        os.close(self._mark)

    def _announce(self, seq: int) -> None:
        os.pwrite(self._mark, _ANNOUNCED.pack(seq, _sum_of(seq)), _ANNOUNCED_AT)

    def _made(self, is_synced: bool, vfs: str) -> apsw.Connection:
        self.path.touch(mode=0o600)
        connection = _opened(self.path, vfs)
        try:
            # Before the first page is written: the log's frames are of this size.
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "FULL" if is_synced else "NORMAL")
            connection.execute(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection


class SegmentReader:
    """The shipper's side: reads batches, and notes which are in the store.

    Raises:
        SegmentGone: there is no such segment.
        StoreError: the file can't be read now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_made = False
        with failures(path), _gone(path):
            self._connection = _opened(path, "", flags=apsw.SQLITE_OPEN_READWRITE)
            try:
                self._connection.pragma("query_only", True)
                self._mark = opened_mark(path)
            except BaseException:
                self._connection.close()
                raise
        self.mark = _read_mark(self._mark)

    @property
    def end(self) -> int:
        """The last batch that was committed; 0 where none was."""
        with failures(self.path), _gone(self.path):
            if not self._is_made and not self._has_table():
                return 0
            return int(self._connection.execute("SELECT coalesce(max(seq), 0) FROM batch").get)

    def batches(self, rows_max: int, after: int | None = None) -> Iterator[Batch]:
        """What comes after the mark, or after a batch: at least one, and about so many rows.

        Raises:
            SegmentGone: the segment was deleted meanwhile.
            DamagedSegment: what follows can't be understood.
            StoreError: the file can't be read now.
        """
        after = self.mark.seq if after is None else after
        if self.end <= after:
            return
        n_rows = n_bytes = 0
        with failures(self.path), _gone(self.path):
            found = self._connection.execute(
                "SELECT seq, payload FROM batch WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, rows_max),
            )
            for seq, payload in found:
                try:
                    batch = Batch(seq, _DECODER.decode(payload))
                except msgspec.DecodeError as error:
                    raise DamagedSegment(f"{self.path}: batch {seq} is damaged") from error
                n_rows += len(batch.records)
                n_bytes += len(payload)
                yield batch
                if n_rows >= rows_max or n_bytes >= READ_BYTES:
                    return

    def _has_table(self) -> bool:
        """Whether its worker has made it, rather than makes it now, or was killed then."""
        # Its worker can't begin a log while somebody reads: an empty file is left alone. The table
        # of tables is read each time: what SQLite remembers of it may be from before.
        if self.path.stat().st_size:
            self._is_made = bool(self._connection.execute(_HAS_TABLE).get)
        return self._is_made

    def advance(self, batches: Sequence[Batch]) -> None:
        """Note that these batches are in the store."""
        n_rows = self.mark.n_rows + sum(len(batch.records) for batch in batches)
        mark = Mark(batches[-1].seq, n_rows)
        with failures(self.path):
            os.pwrite(self._mark, _MARK.pack(*mark, _checksum(mark)), 0)
        self.mark = mark

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
        os.close(self._mark)


def delete_segment(path: Path) -> None:
    """Delete a segment whose records are all in the store, or are to be dropped."""
    # The database first: from then on nobody opens it. A reader that is about to may leave a log
    # or a mark behind, which go with the folder.
    for one in _files(path):
        one.unlink(missing_ok=True)


def set_aside(path: Path, folder: Path) -> None:
    """Move a segment to where a person can look at it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for one in _files(path):
        if one.exists():
            one.rename(folder / f"{path.parent.name}-{one.name}")


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into a StoreError."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise DamagedSegment(f"{path}: {error}", hint=hint_of(error)) from error
    except apsw.Error as error:
        raise StoreError(f"{path}: {error}", hint=hint_of(error)) from error
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}", hint="look at the disk and at the folder's permissions"
        ) from error


@contextmanager
def _gone(path: Path) -> Iterator[None]:
    """Tell a segment that was deleted from one that can't be read."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        if _is_gone(path):
            raise SegmentGone(f"{path} is no longer there") from error
        raise


def _is_gone(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # nobody can tell now
    return False


def _opened(
    path: Path, vfs: str, flags: int = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
) -> apsw.Connection:
    connection = apsw.Connection(str(path), vfs=vfs or None, flags=flags)
    connection.set_busy_timeout(5_000)
    # The segment is deleted whole: copying its log into it would be work for nothing.
    connection.wal_autocheckpoint(0)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    return connection


def _files(path: Path) -> list[Path]:
    logs = [path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm")]
    return [path, *logs, _mark_path(path)]


def _mark_path(path: Path) -> Path:
    return path.with_suffix(SHIPPED_SUFFIX)


def opened_mark(path: Path, *, is_made: bool = True) -> int:
    """The file that tells how much of a segment is in the store.

    Args:
        is_made: it is made where there is none.

    Raises:
        OSError: it can't be opened.
    """
    made = os.O_CREAT if is_made else 0
    return os.open(_mark_path(path), os.O_RDWR | made | os.O_CLOEXEC, 0o600)


def read_progress(fd: int) -> tuple[Mark, int | None]:
    """How much is shipped, and the last batch that was announced.

    It is None where none can be read. What is announced may come to nothing; what is answered was
    announced before.
    """
    raw = os.pread(fd, _ANNOUNCED_AT + _ANNOUNCED.size, 0)
    if len(raw) != _ANNOUNCED_AT + _ANNOUNCED.size:
        return _mark_in(raw[: _MARK.size]), None
    seq, checksum = _ANNOUNCED.unpack_from(raw, _ANNOUNCED_AT)
    return _mark_in(raw[: _MARK.size]), seq if checksum == _sum_of(seq) else None


def _read_mark(fd: int) -> Mark:
    """How much is shipped; nothing where the file isn't whole: the store knows what it has."""
    return _mark_in(os.pread(fd, _MARK.size, 0))


def _mark_in(raw: bytes) -> Mark:
    if len(raw) != _MARK.size:
        return Mark()
    *found, checksum = _MARK.unpack(raw)
    mark = Mark(*found)
    return mark if checksum == _checksum(mark) else Mark()


def _checksum(mark: Mark) -> int:
    return zlib.crc32(b"%d %d" % mark)


def _sum_of(seq: int) -> int:
    return zlib.crc32(b"%d" % seq)
