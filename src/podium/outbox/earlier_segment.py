"""Segments that earlier versions wrote, in SQLite's files: they are shipped, and no more are written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw
import msgspec

from podium.outbox.mark import Mark, open_mark, read_mark, write_mark
from podium.outbox.segment import (
    DECODER,
    READ_BYTES,
    Batch,
    damaged,
    failures,
    noticing_deletion,
)
from podium.records import forks
from podium.records.stores.sqlite_file import written_by_newer

MAGIC = b"SQLite format 3\0"
VERSION = 2
_HAS_TABLE = "SELECT count(*) FROM sqlite_schema WHERE name = 'batch'"


def is_earlier(path: Path) -> bool:
    """Whether an earlier version wrote a segment.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC or _log_of(path).exists()


class EarlierReader:
    """Reads such a segment; as `SegmentReader`.

    Raises:
        StoreError: the file can't be read now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with failures(path), noticing_deletion(path):
            self._mark = open_mark(path)
        self.mark = read_mark(self._mark)

    @property
    def end(self) -> int:
        """The last batch that was committed; 0 if there is none."""
        with _connected(self.path) as connection:
            if connection is None:
                return 0
            return int(connection.execute("SELECT coalesce(max(seq), 0) FROM batch").get)

    @property
    def has_rest(self) -> bool:
        """Never: SQLite ignores what was cut off."""
        return False

    def batches(self, rows_max: int, after: int | None = None) -> Iterator[Batch]:
        """As `SegmentReader.batches`."""
        self.mark = max(self.mark, read_mark(self._mark))
        after = self.mark.seq if after is None else after
        n_rows = n_bytes = 0
        with _connected(self.path) as connection:
            if connection is None:
                return
            rows = connection.execute(
                "SELECT seq, payload FROM batch WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, rows_max),
            )
            for seq, payload in rows:
                try:
                    batch = Batch(seq, DECODER.decode(payload))
                except msgspec.DecodeError as error:
                    raise damaged(self.path, seq) from error
                n_rows += len(batch.records)
                n_bytes += len(payload)
                yield batch
                if n_rows >= rows_max or n_bytes >= READ_BYTES:
                    return

    def advance(self, batches: Sequence[Batch]) -> None:
        """Note that these batches are in the store."""
        n_rows = self.mark.n_rows + sum(len(batch.records) for batch in batches)
        mark = Mark(batches[-1].seq, n_rows)
        with failures(self.path):
            write_mark(self._mark, mark)
        self.mark = mark

    def close(self) -> None:
        """Close the files."""
        os.close(self._mark)


def readable(path: Path, after: int, last: int) -> Iterator[Batch]:
    """The batches of a damaged file that SQLite can still read.

    Args:
        last: the last batch that was committed; 0 if unknown.
    """
    with suppress(apsw.Error):
        connection = _opened(path)
        try:
            end = last or int(connection.execute("SELECT coalesce(max(seq), 0) FROM batch").get)
            for seq in range(after + 1, end + 1):
                with suppress(apsw.Error, msgspec.DecodeError, TypeError):
                    query = "SELECT payload FROM batch WHERE seq = ?"
                    yield Batch(seq, DECODER.decode(connection.execute(query, (seq,)).get))
        finally:
            connection.close()


@contextmanager
def _connected(path: Path) -> Iterator[apsw.Connection | None]:
    """A connection; None as long as the worker is creating the file, or was killed while at it.

    Raises:
        SegmentDeleted: there is no such segment.
        DamagedSegment: it can't be read.
        StoreError: it can't be read now, or a newer version wrote it.
    """
    # Opened anew each time, behind the gate: a fork finds no connection.
    with failures(path), noticing_deletion(path), forks.gate:
        connection = _opened(path)
        try:
            # The worker can't start a log while others read: an empty file is left alone.
            has_table = path.stat().st_size and connection.execute(_HAS_TABLE).get
            if has_table and connection.pragma("user_version") > VERSION:
                raise written_by_newer(path)
            yield connection if has_table else None
        finally:
            connection.close()


def _opened(path: Path) -> apsw.Connection:
    # Never created here: the segment may be gone.
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(5_000)
    # The segment is deleted as a whole: copying its log into it would be wasted work.
    connection.wal_autocheckpoint(0)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.pragma("query_only", True)
    return connection


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
