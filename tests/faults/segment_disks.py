"""Disks that fail under a segment of an outbox: full ones, broken ones, and one that loses power."""

from __future__ import annotations

import errno
import os
import random
import sys
import threading
from pathlib import Path

from podium.outbox.disk import Disk

SECTOR, PAGE = 512, 4_096


class BrokenDisk(Disk):
    """The real disk, which fails as long as no writes are left, and writes a page at a time."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.writes_left = sys.maxsize

    def write(self, fd: int, content: bytes, at: int) -> int:
        self._count()
        return super().write(fd, content[:PAGE], at)

    def sync(self, fd: int) -> None:
        self._count()
        super().sync(fd)

    def cut(self, fd: int, size: int) -> None:
        if self.writes_left <= 0 and self.number == errno.EIO:  # not even that
            raise OSError(self.number, os.strerror(self.number))
        super().cut(fd, size)

    def _count(self) -> None:
        if self.writes_left <= 0:
            raise OSError(self.number, os.strerror(self.number))
        self.writes_left -= 1


class VolatileDisk(Disk):
    """A disk with a cache: when the power goes, any part of what wasn't synced is gone.

    Writes reach the real file at once, and what was there before is noted; losing power puts back
    what was there before for some of the sectors, chosen at random.
    """

    def __init__(self, seed: int, *, writes_left: int = 0) -> None:
        self.writes_left = writes_left  # until the power goes by itself; 0 is never
        self.n_dropped = 0
        self.lock = threading.RLock()
        self.is_off = False
        self._paths: dict[int, Path] = {}
        self._unsynced: dict[Path, list[tuple[int, bytes, int]]] = {}
        self._chosen = random.Random(seed)

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self._paths[fd] = path
        return fd

    def write(self, fd: int, content: bytes, at: int) -> int:
        with self.lock:
            self._require_power()
            before = os.pread(fd, len(content), at).ljust(len(content), b"\0")
            kept = self._unsynced.setdefault(self._paths[fd], [])
            kept.append((at, before, os.fstat(fd).st_size))
            n_bytes = super().write(fd, content, at)
            self.writes_left -= 1
            if self.writes_left == 0:  # while it is written
                self.lose_power()
                self._require_power()
            return n_bytes

    def cut(self, fd: int, size: int) -> None:
        with self.lock:
            self._require_power()
            super().cut(fd, size)

    def sync(self, fd: int) -> None:
        with self.lock:
            self._require_power()
            super().sync(fd)
            self._unsynced.pop(self._paths[fd], None)

    def lose_power(self) -> None:
        """Drop and tear what wasn't synced."""
        with self.lock:
            self.is_off = True
            for path, writes in self._unsynced.items():
                fd = os.open(path, os.O_RDWR)
                for at, before, _ in reversed(writes):
                    for part in range(0, len(before), SECTOR):
                        if self._chosen.random() < 0.5:
                            os.pwrite(fd, before[part : part + SECTOR], at + part)
                            self.n_dropped += 1
                if self._chosen.random() < 0.3:  # not even the file has grown
                    os.ftruncate(fd, writes[0][2])
                os.close(fd)
            self._unsynced.clear()

    def _require_power(self) -> None:
        if self.is_off:
            raise OSError(errno.EIO, "no power")
