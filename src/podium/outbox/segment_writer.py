"""Writes a segment: one call of the system appends a batch.

From then on the batch is in the kernel's hands, and survives the end of the process. What was committed
is noted in the file beside the segment, so that readers tell damage from what isn't written yet.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from podium.errors import StoreError
from podium.outbox.disk import Disk, sync_folder, write_all
from podium.outbox.frame_reader import FrameReader
from podium.outbox.frames import HEAD_BYTES, SALT_BYTES, Packed, frames, head
from podium.outbox.mark import Mark, open_mark, read_mark, write_progress, write_salt
from podium.outbox.segment import DamagedSegment, failure, failures
from podium.outbox.segment_files import RETIRED_SUFFIX, files_written
from podium.records.stores.sqlite_file import identity_of, reason_of


class SegmentWriter:
    """Writes a segment, in the worker.

    Args:
        is_synced: whether a commit waits for the disk.
        disk: writes it; tests use one that fails.

    Raises:
        StoreError: the file can't be created.
    """

    def __init__(self, path: Path, *, is_synced: bool, disk: Disk | None = None) -> None:
        self.path = path
        self.n_rows = 0
        self.n_bytes = 0
        self._seq = 0
        self._at = HEAD_BYTES
        self._is_synced = is_synced
        self._disk = disk or Disk()
        self._is_closed = False
        self._salt = secrets.token_bytes(SALT_BYTES)
        with failures(path):
            self._mark = open_mark(path)
            try:
                self._fd = self._disk.create(path)
                try:
                    self._begin()
                except BaseException:
                    os.close(self._fd)
                    raise
            except BaseException:
                os.close(self._mark)
                raise
            self._places = [(one, identity_of(one)) for one in files_written(path)]

    def _begin(self) -> None:
        write_salt(self._mark, self._salt)
        write_progress(self._mark, Mark(at=HEAD_BYTES))
        write_all(self._disk, self._fd, head(self._salt), 0)
        if self._is_synced:
            self._disk.sync(self._fd)
            sync_folder(self.path.parent)

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
        with failures(self.path):
            reading = FrameReader(self.path, self._fd, self._mark, self._salt)
            return [
                Packed(frame.n_rows, payload)
                for frame, payload in reading.frames(read_mark(self._mark))
            ]

    def append(self, batches: Sequence[Packed]) -> None:
        """Commit some batches, all or none.

        Raises:
            DamagedSegment: none of them is stored, and no more can be.
            StoreError: none of them is stored.
        """
        if self._is_closed:
            raise StoreError(f"{self.path}: the segment is closed")
        content = frames(self._salt, self._seq + 1, batches)
        try:
            try:
                write_all(self._disk, self._fd, content, self._at)
            except OSError:
                self._take_back()
                raise
            if self._is_synced:
                self._sync()
            self._seq += len(batches)
            self._at += len(content)
            for n_rows, payload in batches:
                self.n_rows += n_rows
                self.n_bytes += len(payload)
            write_progress(self._mark, Mark(self._seq, self.n_rows, self._at))
        except OSError as error:  # as `failures` does, for less on each batch
            raise failure(self.path, error) from error

    def _sync(self) -> None:
        try:
            self._disk.sync(self._fd)
        except OSError as error:
            # What else of the file is on the disk can't be known any more.
            self._take_back()
            raise DamagedSegment(
                f"{self.path}: {error.strerror}", reason=reason_of(error, self.path)
            ) from error

    def _take_back(self) -> None:
        """Remove what may be written of a commit; else the next one overwrites it."""
        with suppress(OSError):
            self._disk.cut(self._fd, self._at)

    @property
    def n_waiting(self) -> int:
        """The number of rows that aren't in the store yet, by the shipper's mark."""
        return self.n_rows - read_mark(self._mark).n_rows

    def finish(self) -> None:
        """End writing; `n_waiting` can still be read."""
        if not self._is_closed:
            self._is_closed = True
            os.close(self._fd)

    def close(self) -> None:
        """Close the files; their content stays."""
        self.finish()
        os.close(self._mark)
