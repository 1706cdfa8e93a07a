"""A segment: one file of an outbox, written by one worker, read by whichever process ships it.

Only the worker writes the SQLite file, so it never waits for a lock. A small file beside it holds
how much of it is in the store, which the shipper writes; and in the same file, further on, the
worker notes each batch that it committed before the responses are sent, so that others can tell without
SQLite whether there is more, and how many records there must be. A segment isn't
cleaned: once all of it is in the store, it is deleted as a whole, which needs no checkpoint.

A segment is deleted only if nothing can be written to it any more (its worker is dead, or has begun
a later one) and a read after that found nothing that isn't in the store.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from podium.errors import StoreError
from podium.outbox.mark import Mark, open_mark, read_mark, write_mark, write_progress
from podium.outbox.segment_files import RETIRED_SUFFIX, files_written
from podium.records import forks
from podium.records.record import Record
from podium.records.stores.sqlite_file import hint_of, identity_of, reason_of, written_by_newer

SUFFIX = ".db"
APPLICATION_ID = 0x506F4F75  # "PoOu"
# The format of payloads; earlier ones (0: without request ids, 1: without business keys) can still be
# read: a record is an array, and fields missing at its end get their defaults.
VERSION = 2
_SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
CREATE TABLE batch (seq INTEGER PRIMARY KEY, n_rows INTEGER NOT NULL, payload BLOB NOT NULL);
"""
# The most bytes per read: decoded records take several times the memory.
READ_BYTES = 16 * 2**20
BATCH_ROWS = 1_000
_HAS_TABLE = "SELECT count(*) FROM sqlite_schema WHERE name = 'batch'"
_ENCODER = msgspec.msgpack.Encoder()
DECODER = msgspec.msgpack.Decoder(list[Record])


class Batch(NamedTuple):
    """Records that were committed together."""

    seq: int
    records: list[Record]


class Packed(NamedTuple):
    """Encoded records."""

    n_rows: int
    payload: bytes


class SegmentDeleted(StoreError):
    """The segment no longer exists: it was shipped, or dropped."""


class DamagedSegment(StoreError):
    """The content of the segment is invalid: reading it again won't help."""


def packed(records: Sequence[Record]) -> Packed:
    """Records encoded for a segment.

    Raises:
        StoreError: one of their texts can't be encoded.
    """
    try:
        return Packed(len(records), _ENCODER.encode(records))
    except (UnicodeEncodeError, TypeError, msgspec.MsgspecError) as error:
        raise StoreError(f"these records can't be stored: {error}") from error


def packed_in_chunks(records: Iterable[Record]) -> list[Packed]:
    """Records encoded for a segment, in batches that a shipper can read as a whole.

    Raises:
        StoreError: one of their texts can't be encoded.
    """
    if isinstance(records, list) and len(records) <= BATCH_ROWS:  # nearly always
        return [packed(records)]
    rest = iter(records)
    chunks = [packed(list(islice(rest, BATCH_ROWS)))]
    while chunks[-1].n_rows == BATCH_ROWS and (some := list(islice(rest, BATCH_ROWS))):
        chunks.append(packed(some))
    return chunks


class _Segment(forks.ForkAware):
    """A connection to a segment: a fork closes it, and the next use opens it again."""

    _mark: int

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: apsw.Connection | None = None
        self._is_closed = False

    def before_fork(self) -> None:
        """Close the connection, unless another thread has used it for too long."""
        with suppress(apsw.Error):
            self._disconnect()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connection alone."""
        if self._opened is not None:
            forks.abandon(self._opened)
            self._opened = None

    @property
    def _connection(self) -> apsw.Connection:
        if self._is_closed:
            raise apsw.ConnectionClosedError("the segment is closed")
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    @abstractmethod
    def _open(self) -> apsw.Connection: ...

    def finish(self) -> None:
        """End writing; `n_waiting` can still be read."""
        with forks.gate:
            self._is_closed = True
            self._disconnect()

    def close(self) -> None:
        """Close the file; its content stays."""
        self.finish()
        os.close(self._mark)

    def _disconnect(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


class SegmentWriter(_Segment):
    """Writes a segment, in the worker.

    Args:
        is_synced: whether a commit waits for the disk.
        vfs: the name of SQLite's virtual file system; tests use one that fails.

    Raises:
        StoreError: the file can't be created.
    """

    def __init__(self, path: Path, *, is_synced: bool, vfs: str = "") -> None:
        super().__init__(path)
        self.n_rows = 0
        self.n_bytes = 0
        self._seq = 0
        self._vfs = vfs
        self._synchronous = "FULL" if is_synced else "NORMAL"
        with failures(path), forks.gate:
            self._mark = open_mark(path)
            try:
                self._note()
                self._opened = self._create()
            except BaseException:
                os.close(self._mark)
                raise
            self._places = [(one, identity_of(one)) for one in files_written(path)]
            forks.watch(self)

    def before_fork(self) -> None:
        """Close the connection, unless it is the only access to removed files."""
        if self.is_in_place:
            super().before_fork()

    @property
    def is_in_place(self) -> bool:
        """Whether its files are still in place; records in moved files would be lost."""
        return all(identity_of(path) == identity for path, identity in self._places)

    @property
    def is_retired(self) -> bool:
        """Whether writing must end: it is damaged, or contains deleted records."""
        return self.path.with_suffix(RETIRED_SUFFIX).exists()

    def left(self) -> list[Packed]:
        """The batches that aren't in the store yet, even if the files were removed.

        Raises:
            StoreError: they can't be read.
        """
        with failures(self.path), forks.gate:
            rows = self._connection.execute(
                "SELECT n_rows, payload FROM batch WHERE seq > ? ORDER BY seq",
                (read_mark(self._mark).seq,),
            )
            return [Packed(*row) for row in rows]

    def append(self, batches: Sequence[Packed]) -> None:
        """Commit some batches, all or none.

        Raises:
            StoreError: none of them is stored.
        """
        rows = [(seq, *batch) for seq, batch in enumerate(batches, self._seq + 1)]
        try:
            with forks.gate:
                if len(rows) == 1:  # one statement is a transaction by itself
                    self._connection.execute("INSERT INTO batch VALUES (?, ?, ?)", rows[0])
                else:
                    with self._connection:
                        self._connection.executemany("INSERT INTO batch VALUES (?, ?, ?)", rows)
                self._seq += len(rows)
                for _, n_rows, payload in rows:
                    self.n_rows += n_rows
                    self.n_bytes += len(payload)
                self._note()
        except (apsw.Error, OSError) as error:  # as `failures` does, for less on each batch
            raise _failure(self.path, error) from error

    @property
    def n_waiting(self) -> int:
        """The number of rows that aren't in the store yet, by the shipper's mark."""
        return self.n_rows - read_mark(self._mark).n_rows

    def _note(self) -> None:
        write_progress(self._mark, self._seq, self.n_rows)

    def _create(self) -> apsw.Connection:
        self.path.touch(mode=0o600)
        connection = self._open()
        try:
            # Before the first page is written: the log's frames have this size.
            connection.pragma("journal_mode", "wal")
            connection.execute(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self) -> apsw.Connection:
        connection = _opened(self.path, self._vfs)
        connection.pragma("synchronous", self._synchronous)
        return connection


class SegmentReader(_Segment):
    """Reads a segment, in the shipper: reads batches, and notes which are in the store.

    Raises:
        SegmentDeleted: there is no such segment.
        StoreError: the file can't be read now.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._has_schema = False
        with failures(path), _noticing_deletion(path), forks.gate:
            self._opened = self._open()
            try:
                self._mark = open_mark(path)
            except BaseException:
                self._disconnect()
                raise
            forks.watch(self)
        self.mark = read_mark(self._mark)

    @property
    def end(self) -> int:
        """The last batch that was committed; 0 if there is none."""
        with failures(self.path), _noticing_deletion(self.path), forks.gate:
            if not self._has_schema and not self._has_table():
                return 0
            return int(self._connection.execute("SELECT coalesce(max(seq), 0) FROM batch").get)

    def batches(self, rows_max: int, after: int | None = None) -> Iterator[Batch]:
        """The batches after the mark, or after another batch: at least one, about this many rows.

        Raises:
            SegmentDeleted: the segment was deleted meanwhile.
            DamagedSegment: what follows is invalid.
            StoreError: the file can't be read now.
        """
        # Deletion first ships what waits, under the shipper's lock `moving`.
        self.mark = max(self.mark, read_mark(self._mark))
        after = self.mark.seq if after is None else after
        if self.end <= after:
            return
        n_rows = n_bytes = 0
        with failures(self.path), _noticing_deletion(self.path), forks.gate:
            rows = self._connection.execute(
                "SELECT seq, payload FROM batch WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, rows_max),
            )
            for seq, payload in rows:
                try:
                    batch = Batch(seq, DECODER.decode(payload))
                except msgspec.DecodeError as error:
                    raise DamagedSegment(f"{self.path}: batch {seq} is damaged") from error
                n_rows += len(batch.records)
                n_bytes += len(payload)
                yield batch
                if n_rows >= rows_max or n_bytes >= READ_BYTES:
                    return

    def _has_table(self) -> bool:
        """Whether the worker has created it, and isn't still at it or was killed while at it."""
        # The worker can't start a log while others read: an empty file is left alone. The schema is
        # read each time: SQLite's cached one may be outdated.
        if self.path.stat().st_size and self._connection.execute(_HAS_TABLE).get:
            if self._connection.pragma("user_version") > VERSION:
                raise written_by_newer(self.path)
            self._has_schema = True
        return self._has_schema

    def advance(self, batches: Sequence[Batch]) -> None:
        """Note that these batches are in the store."""
        n_rows = self.mark.n_rows + sum(len(batch.records) for batch in batches)
        mark = Mark(batches[-1].seq, n_rows)
        with failures(self.path):
            write_mark(self._mark, mark)
        self.mark = mark

    def _open(self) -> apsw.Connection:
        connection = _opened(self.path, "")
        connection.pragma("query_only", True)
        return connection


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn exceptions of SQLite and the file system into a StoreError."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise _failure(path, error) from error


def _failure(path: Path, error: apsw.Error | OSError) -> StoreError:
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
def _noticing_deletion(path: Path) -> Iterator[None]:
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


def _opened(path: Path, vfs: str) -> apsw.Connection:
    # Never created here: after a fork the segment may be gone.
    connection = apsw.Connection(str(path), vfs=vfs or None, flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(5_000)
    # The segment is deleted as a whole: copying its log into it would be wasted work.
    connection.wal_autocheckpoint(0)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    return connection
