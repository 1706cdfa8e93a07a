"""The calls of the system by which segments are written; tests replace them by some that fail."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_sync_data = getattr(os, "fdatasync", os.fsync)  # macOS has none


class Disk:
    """The real one."""

    def create(self, path: Path) -> int:
        """A file that only its owner can read, opened."""
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, content: bytes, at: int) -> int:
        """Write at a place; returns how many bytes were written."""
        return os.pwrite(fd, content, at)

    def cut(self, fd: int, size: int) -> None:
        """Make a file end there."""
        os.ftruncate(fd, size)

    def sync(self, fd: int) -> None:
        """Wait until what was written is on the disk."""
        _sync_data(fd)


def write_all(disk: Disk, fd: int, content: bytes, at: int) -> None:
    """Write all of it, or fail.

    Raises:
        OSError: a part of it may be written.
    """
    n_bytes = disk.write(fd, content, at)
    while n_bytes < len(content):  # what is left of a full disk, or a signal came
        n_more = disk.write(fd, content[n_bytes:], at + n_bytes)
        if not n_more:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        n_bytes += n_more


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
