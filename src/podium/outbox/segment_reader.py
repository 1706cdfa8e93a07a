"""Reads the batches of a segment, of this version or an earlier one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from podium.outbox.earlier_segment import EarlierReader, is_earlier
from podium.outbox.frame_reader import FrameReader
from podium.outbox.frames import HEAD_BYTES, VERSION, read_head
from podium.outbox.mark import Mark, open_mark, read_mark, read_salt, write_mark
from podium.outbox.segment import (
    READ_BYTES,
    Batch,
    DamagedSegment,
    SegmentDeleted,
    SegmentReader,
    damaged,
    failures,
    noticing_deletion,
    unpacked,
)
from podium.records.stores.sqlite_file import written_by_newer


def open_segment(path: Path) -> SegmentReader:
    """A reader of a segment.

    Raises:
        SegmentDeleted: there is no such segment.
        StoreError: the file can't be read now.
    """
    with failures(path), noticing_deletion(path):
        return EarlierReader(path) if is_earlier(path) else LogReader(path)


class LogReader:
    """Reads a segment of this version.

    Raises:
        SegmentDeleted: there is no such segment.
        StoreError: the file can't be read now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with failures(path), noticing_deletion(path):
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._mark = open_mark(path)
            except BaseException:
                os.close(self._fd)
                raise
        self.mark = read_mark(self._mark)
        self._reading: FrameReader | None = None
        # Where batches end that were read, and aren't noted as stored yet.
        self._read: dict[int, int] = {}

    @property
    def end(self) -> int:
        """The last batch that was committed; 0 if there is none."""
        with failures(self.path):
            reading = self._begun()
            return 0 if reading is None else reading.last(self.mark).seq

    @property
    def has_rest(self) -> bool:
        """Whether more follows than what was read: a commit that was cut off, or damage."""
        with failures(self.path):
            size = os.fstat(self._fd).st_size
            return self._reading is not None and size > self._reading.at

    def batches(self, rows_max: int, after: int | None = None) -> Iterator[Batch]:
        """As `SegmentReader.batches`."""
        with failures(self.path):
            # Deletion first ships what waits, under the shipper's lock `moving`.
            self.mark = max(self.mark, read_mark(self._mark))
            reading = self._begun()
            if reading is None:
                return
            place = self._place(self.mark.seq if after is None else after)
            n_rows = n_bytes = 0
            for frame, payload in reading.frames(place):
                try:
                    batch = Batch(frame.seq, unpacked(payload))
                except msgspec.DecodeError as error:
                    raise damaged(self.path, frame.seq) from error
                self._read[frame.seq] = reading.at
                n_rows += len(batch.records)
                n_bytes += len(payload)
                yield batch
                if n_rows >= rows_max or n_bytes >= READ_BYTES:
                    return

    def advance(self, batches: Sequence[Batch]) -> None:
        """Note that these batches are in the store."""
        seq = batches[-1].seq
        n_rows = self.mark.n_rows + sum(len(batch.records) for batch in batches)
        mark = Mark(seq, n_rows, self._read.get(seq, 0))
        with failures(self.path):
            write_mark(self._mark, mark)
        self.mark = mark
        self._read.clear()

    def close(self) -> None:
        """Close the files."""
        os.close(self._fd)
        os.close(self._mark)

    def _begun(self) -> FrameReader | None:
        """What reads the frames; None as long as the worker is at it, or was killed while at it."""
        if self._reading is None:
            raw = os.pread(self._fd, HEAD_BYTES, 0)
            found = read_head(raw)
            if found is not None and found[0] > VERSION:
                raise written_by_newer(self.path)
            salt = read_salt(self.path) if found is None else found[1]
            if salt is None:
                if len(raw) < HEAD_BYTES:
                    return None
                if is_earlier(self.path):  # it was empty when it was opened
                    raise SegmentDeleted(f"{self.path} isn't what it was")
                raise DamagedSegment(f"{self.path} isn't a segment of an outbox")
            self._reading = FrameReader(self.path, self._fd, self._mark, salt)
        return self._reading

    def _place(self, seq: int) -> Mark:
        """Where a batch ends, if it is known, or one before it."""
        if seq in self._read:
            return Mark(seq, 0, self._read[seq])
        return self.mark if seq == self.mark.seq else Mark(seq)
