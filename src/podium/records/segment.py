"""A segment: one file of an outbox, written by one worker, read by whoever ships it.

Only the worker writes the SQLite file, so that it never waits for a lock. How much of it is in the
store stands in a small file beside it, which only the shipper writes. A segment isn't cleaned: when
all of it is in the store, it is deleted whole, which needs no checkpoint.
"""

from __future__ import annotations

import os
import struct
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
_MARK = struct.Struct("<QQ")
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
            path.touch(mode=0o600)
            self._mark = os.open(
                path.with_suffix(SHIPPED_SUFFIX), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            self._connection = _opened(path, vfs)
            # Before the first page is written: the log's frames are of this size.
            self._connection.pragma("journal_mode", "wal")
            self._connection.pragma("synchronous", "FULL" if is_synced else "NORMAL")
            self._connection.execute(_SCHEMA)

    def append(self, batches: Sequence[Sequence[Record]]) -> None:
        """Commit some batches at once, all or none.

        Raises:
            StoreError: nothing of it is kept.
        """
        rows = []
        for seq, records in enumerate(batches, self._seq + 1):
            rows.append((seq, len(records), _ENCODER.encode(records)))
        with failures(self.path):
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


class SegmentReader:
    """The shipper's side: reads batches, and notes which are in the store.

    Raises:
        StoreError: the file can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark = os.open(
            path.with_suffix(SHIPPED_SUFFIX), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        self.mark = _read_mark(self._mark)
        with failures(path):
            self._connection = _opened(path, "")
            self._connection.pragma("query_only", True)

    def batches(self, rows_max: int, after: int | None = None) -> Iterator[Batch]:
        """What comes after the mark, or after a batch: at least one, and about so many rows.

        Raises:
            StoreError: the file can't be read, or its worker was killed before it was made.
        """
        after = self.mark.seq if after is None else after
        n_rows = 0
        with failures(self.path):
            found = self._connection.execute(
                "SELECT seq, payload FROM batch WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, rows_max),
            )
            for seq, payload in found:
                batch = Batch(seq, _DECODER.decode(payload))
                n_rows += len(batch.records)
                yield batch
                if n_rows >= rows_max:
                    return

    def advance(self, batches: Sequence[Batch]) -> None:
        """Note that these batches are in the store."""
        n_rows = self.mark.n_rows + sum(len(batch.records) for batch in batches)
        self.mark = Mark(batches[-1].seq, n_rows)
        os.pwrite(self._mark, _MARK.pack(*self.mark), 0)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
        os.close(self._mark)


def delete_segment(path: Path) -> None:
    """Delete a segment whose records are all in the store."""
    # The log first: without its database it would be taken for that of another one.
    for suffix in (f"{SUFFIX}-wal", f"{SUFFIX}-shm", SUFFIX, SHIPPED_SUFFIX):
        path.with_suffix(suffix).unlink(missing_ok=True)


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into a StoreError."""
    try:
        yield
    except apsw.Error as error:
        raise StoreError(f"{path}: {error}", hint=hint_of(error)) from error
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}", hint="look at the disk and at the folder's permissions"
        ) from error


def _opened(path: Path, vfs: str) -> apsw.Connection:
    connection = apsw.Connection(str(path), vfs=vfs or None)
    connection.set_busy_timeout(5_000)
    # The segment is deleted whole: copying its log into it would be work for nothing.
    connection.wal_autocheckpoint(0)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    return connection


def _read_mark(fd: int) -> Mark:
    raw = os.pread(fd, _MARK.size, 0)
    return Mark(*_MARK.unpack(raw)) if len(raw) == _MARK.size else Mark()
