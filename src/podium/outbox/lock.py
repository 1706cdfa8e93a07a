"""File locks, which show processes whether others are alive."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from podium.records import forks


class FileLock(forks.ForkAware):
    """A lock on a file, held until it is released or the process ends; not held by forked children.

    Args:
        is_shared: whether others may hold a shared lock, too.
        waits: whether to wait until nobody else holds it.
        creates: whether to create a missing file.

    Raises:
        BlockingIOError: another process holds it.
        OSError: it can't be opened.
    """

    def __init__(
        self, path: Path, *, is_shared: bool = False, waits: bool = False, creates: bool = True
    ) -> None:
        import fcntl

        flags = os.O_CREAT if creates else 0
        with forks.gate:  # a child finds the descriptor closed, or there is none yet
            self._fd = os.open(path, os.O_RDWR | flags | os.O_CLOEXEC, 0o600)
            forks.watch(self)
        kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._fd, kind if waits else kind | fcntl.LOCK_NB)
        except BaseException:
            self.release()
            raise

    @property
    def is_locked(self) -> bool:
        """Whether this process has the lock."""
        return self._fd >= 0

    def release(self) -> None:
        """Release it; a second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def after_fork_in_child(self) -> None:
        """The lock belongs to the parent: closing a copy of the descriptor doesn't release it."""
        self.release()

    def __enter__(self) -> None:
        """It is already held."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.release()
