"""Reads the frames of a file, also while more are appended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from podium.outbox.frames import FRAME_BYTES, HEAD_BYTES, Frame, read_frame
from podium.outbox.mark import Mark, read_progress
from podium.outbox.segment import damaged

WINDOW_BYTES = 2**18


class FrameReader:
    """Reads the frames of a file that others write.

    Attributes:
        at: where the last commit ends that was read.
    """

    def __init__(self, path: Path, fd: int, mark: int, salt: bytes) -> None:
        self.at = HEAD_BYTES
        self._path, self._fd, self._mark, self._salt = path, fd, mark, salt
        self._window, self._start = b"", 0

    def last(self, stored: Mark) -> Mark:
        """The last batch that was committed, also if it wasn't noted.

        Args:
            stored: a batch before it.
        """
        size = os.fstat(self._fd).st_size
        noted = read_progress(self._mark)[1]
        begin = noted if noted is not None and HEAD_BYTES <= noted.at <= size else stored
        seq, at = self._begin_after(begin)
        self._window = b""
        last = Mark(seq, 0, at)
        while (frame := self._frame(at, seq + 1)) is not None and at + frame.size <= size:
            seq, at = seq + 1, at + frame.size
            if not frame.n_following:
                last = Mark(seq, 0, at)
        return last

    def frames(self, after: Mark) -> Iterator[tuple[Frame, bytes]]:
        """The frames after a batch, of whole commits.

        Raises:
            DamagedSegment: one of them was committed, and is invalid.
        """
        self._window = b""
        seq, self.at = self._begin_after(after)
        at = self.at
        whole = 0  # up to this batch, commits are there as a whole
        while (found := self._whole(at, seq + 1)) is not None:
            frame, payload = found
            seq, at = seq + 1, at + frame.size
            if seq > whole:
                whole = seq + frame.n_following
                if not self._reaches(seq, at, whole):
                    return
            self.at = at
            if seq > after.seq:
                yield frame, payload

    def _reaches(self, seq: int, at: int, last: int) -> bool:
        """Whether all batches up to the last one are there, after one that ends at a place."""
        noted = read_progress(self._mark)[1] if seq < last else None
        if noted is not None and noted.seq >= last:
            return True
        size = os.fstat(self._fd).st_size if seq < last else 0
        while seq < last:
            frame = self._frame(at, seq + 1)
            if frame is None or at + frame.size > size:
                return False
            seq, at = seq + 1, at + frame.size
        return True

    def _begin_after(self, mark: Mark) -> tuple[int, int]:
        """A batch and the place where it ends: the first of all, unless the place is known."""
        return (mark.seq, mark.at) if mark.at else (0, HEAD_BYTES)

    def _whole(self, at: int, seq: int) -> tuple[Frame, bytes] | None:
        """A frame with its payload; None if it isn't there yet.

        Raises:
            DamagedSegment: it was committed, and is invalid.
        """
        found = self._undamaged(at, seq)
        if found is None:
            noted = read_progress(self._mark)[1]
            if noted is None or noted.seq < seq:
                return None
            self._window = b""  # it may have been written between the two looks
            found = self._undamaged(at, seq)
            if found is None:
                raise damaged(self._path, seq)
        return found

    def _undamaged(self, at: int, seq: int) -> tuple[Frame, bytes] | None:
        frame = self._frame(at, seq)
        if frame is None:
            return None
        payload = self._bytes(at + FRAME_BYTES, frame.n_bytes)
        return (frame, payload) if frame.holds(payload, self._salt) else None

    def _frame(self, at: int, seq: int) -> Frame | None:
        frame = read_frame(self._bytes(at, FRAME_BYTES), self._salt)
        return frame if frame is not None and frame.seq == seq else None

    def _bytes(self, at: int, n_bytes: int) -> bytes:
        """Bytes of the file; fewer at its end."""
        start = at - self._start
        if start < 0 or start + n_bytes > len(self._window):
            # A damaged length may be any.
            n_most = min(max(n_bytes, WINDOW_BYTES), max(os.fstat(self._fd).st_size - at, 0))
            self._window = os.pread(self._fd, n_most, at)
            self._start, start = at, 0
        return self._window[start : start + n_bytes]
