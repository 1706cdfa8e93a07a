"""Whether anything waits in the outboxes of a folder, without opening them.

A worker notes the batches that it committed, and sends their responses after that. So if
everything that was noted is in the store, so is every record whose response was sent.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from podium.errors import StoreError
from podium.outbox.mark import open_mark, read_progress
from podium.outbox.outboxes import is_of_dead, names_in, opened
from podium.outbox.segment import SUFFIX, SegmentDeleted
from podium.records import forks

# A folder that was changed this shortly before it was listed may have been changed again since,
# with the same timestamp.
SETTLED_NS = 3_000_000_000


class Waiting(forks.ForkAware):
    """What one process knows about the outboxes of a folder; used by many threads.

    Files are opened when they appear, and read again at each check, which takes some microseconds.
    """

    def __init__(self, folder: Path) -> None:
        self._root = _Folder(folder)
        self._outboxes: dict[str, _Outbox] = {}
        # The other files there: locks, and the status of shipping.
        self._files: set[str] = set()
        self._lock = threading.Lock()
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """Replace the lock, which the parent's threads may hold."""
        self._lock = threading.Lock()

    def has_waiting(self) -> bool:
        """Whether records from before this call may be missing in the store."""
        with self._lock:
            try:
                self._refresh()
                # Each of them: what isn't listed can't be noted as stored.
                return True in [one.is_waiting() for one in self._outboxes.values()]
            except (OSError, StoreError):
                return True  # opening them will tell

    def note_stored(self, path: Path, seq: int) -> None:
        """Note that the batches of a segment are in the store, up to this one."""
        with self._lock:
            outbox = self._outboxes.get(path.parent.name)
            if outbox is not None:
                outbox.note_stored(path.name, seq)

    def stored_seq(self, path: Path) -> int:
        """The last batch of a segment that was noted as stored; 0 if none was."""
        with self._lock:
            outbox = self._outboxes.get(path.parent.name)
            return 0 if outbox is None else outbox.stored_seq(path.name)

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for outbox in self._outboxes.values():
                outbox.close()
            self._outboxes.clear()
            self._root.forget()

    def _refresh(self) -> None:
        if not self._root.is_changed():
            return
        self._root.forget()
        names = {name for name in self._root.names() if not name.startswith(".")}
        for name in names - self._outboxes.keys() - self._files:
            path = self._root.path / name
            try:
                self._outboxes[name] = _Outbox(path, is_dead=is_of_dead(path))
            except NotADirectoryError:
                self._files.add(name)
            except FileNotFoundError:  # removed a moment ago
                names.discard(name)
        self._files &= names
        for name in self._outboxes.keys() - names:
            self._outboxes.pop(name).close()
        self._root.settle()


class _Folder:
    """A folder, and when it last changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._place = str(path)
        self._changed_ns = 0
        self._is_settled = False

    def is_changed(self) -> bool:
        """Whether it must be listed again."""
        return not self._is_settled or os.stat(self._place).st_mtime_ns != self._changed_ns  # noqa: PTH116 - a third of the time

    def names(self) -> list[str]:
        """The names in it."""
        with suppress(FileNotFoundError):
            self._changed_ns = os.stat(self._place).st_mtime_ns  # noqa: PTH116 - as above
        return names_in(self.path)

    def settle(self) -> None:
        """It was listed, and everything in it is known."""
        self._is_settled = abs(time.time_ns() - self._changed_ns) > SETTLED_NS

    def forget(self) -> None:
        """What is known about it is outdated."""
        self._is_settled = False


class _Outbox:
    """The segments of one worker."""

    def __init__(self, path: Path, *, is_dead: bool) -> None:
        self._folder = _Folder(path)
        self._is_dead = is_dead
        self._segments: dict[str, _Segment] = {}

    def is_waiting(self) -> bool:
        try:
            if self._folder.is_changed():
                self._list_segments()
            return any(one.is_waiting() for one in self._segments.values())
        except (FileNotFoundError, SegmentDeleted):  # shipped and removed in the meantime
            self._folder.forget()
            return True

    def note_stored(self, name: str, seq: int) -> None:
        if name in self._segments:
            self._segments[name].stored_seq = seq

    def stored_seq(self, name: str) -> int:
        return self._segments[name].stored_seq if name in self._segments else 0

    def close(self) -> None:
        for segment in self._segments.values():
            os.close(segment.fd)
        self._segments.clear()

    def _list_segments(self) -> None:
        self._folder.forget()
        names = [name for name in self._folder.names() if name.endswith(SUFFIX)]
        for name in self._segments.keys() - set(names):
            os.close(self._segments.pop(name).fd)
        for name in names:
            if name not in self._segments:
                path = self._folder.path / name
                self._segments[name] = _Segment(path, is_dead=self._is_dead)
        self._folder.settle()


class _Segment:
    """One file of an outbox.

    Attributes:
        stored_seq: the last batch that this process noted as stored.
    """

    def __init__(self, path: Path, *, is_dead: bool) -> None:
        self.stored_seq = 0
        # Nothing is written to it any more; and after a power failure, less may be noted than
        # was committed.
        self._end = _end(path) if is_dead else None
        self.fd = open_mark(path, creates=False)

    def is_waiting(self) -> bool:
        mark, committed = read_progress(self.fd)
        noted = None if committed is None else committed.seq
        end = noted if self._end is None else self._end
        return end is None or end > max(mark.seq, self.stored_seq)


def _end(path: Path) -> int:
    with opened(path) as reader:
        return reader.end
