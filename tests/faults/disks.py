"""Disks that fail under SQLite: full ones, broken ones, and one that loses power."""

from __future__ import annotations

import os
import random
import sys
import threading
from typing import Any

import apsw

SECTOR = 512


class BrokenFile(apsw.VFSFile):
    def __init__(self, base: str, name: Any, flags: list[int], disk: BrokenDisk) -> None:
        super().__init__(base, name, flags)
        self.disk = disk

    def xWrite(self, content: bytes, offset: int) -> None:
        if self.disk.writes_left <= 0:
            raise self.disk.failure
        self.disk.writes_left -= 1
        super().xWrite(content, offset)


class BrokenDisk(apsw.VFS):
    """The real disk, which fails as long as no writes are left."""

    def __init__(self, failure: apsw.Error) -> None:
        self.name = f"broken-{id(self)}"
        self.failure = failure
        self.writes_left = sys.maxsize
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> BrokenFile:
        return BrokenFile("", name, flags, self)

    def excepthook(self, *_: Any) -> None:
        """Failures are meant: they aren't printed."""


class Unsynced(apsw.VFSFile):
    """A file whose writes may be lost until they are synced."""

    def __init__(self, base: str, name: Any, flags: list[int], disk: VolatileDisk) -> None:
        super().__init__(base, name, flags)
        self.disk = disk
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

    def xWrite(self, content: bytes, offset: int) -> None:
        with self.disk.lock:
            self.disk.writes_left -= 1
            if self.disk.writes_left == 0:
                self.disk.lose_power()
            if self.disk.is_off:
                raise apsw.IOError("no power")
            self.disk.note(self.path, offset, len(content))
            super().xWrite(content, offset)

    def xTruncate(self, size: int) -> None:
        with self.disk.lock:
            if self.disk.is_off:
                raise apsw.IOError("no power")
            super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        with self.disk.lock:
            if self.disk.is_off:
                raise apsw.IOError("no power")
            super().xSync(flags)
            self.disk.unsynced.pop(self.path, None)
            self.disk.n_syncs += 1


class VolatileDisk(apsw.VFS):
    """A disk with a cache: when the power goes, any part of what wasn't synced is gone.

    Writes reach the real file at once, and what was there before is noted; losing power puts back
    what was there before for some of the sectors, chosen at random.
    """

    def __init__(self, seed: int, *, writes_left: int = 0) -> None:
        self.name = f"volatile-{seed}-{id(self)}"
        self.writes_left = writes_left  # until the power goes by itself; 0 is never
        self.n_dropped = 0
        self.lock = threading.RLock()
        self.unsynced: dict[str, list[tuple[int, bytes, int]]] = {}
        self.is_off = False
        self.n_syncs = 0
        self._chosen = random.Random(seed)
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Unsynced:
        return Unsynced("", name, flags, self)

    def excepthook(self, *_: Any) -> None:
        """Failures are meant: they aren't printed."""

    def note(self, path: str, offset: int, n_bytes: int) -> None:
        fd = os.open(path, os.O_RDONLY)
        before = os.pread(fd, n_bytes, offset)
        size = os.fstat(fd).st_size
        os.close(fd)
        self.unsynced.setdefault(path, []).append((offset, before.ljust(n_bytes, b"\0"), size))

    def lose_power(self) -> None:
        """Drop and tear what wasn't synced."""
        with self.lock:
            self.is_off = True
            for path, writes in self.unsynced.items():
                fd = os.open(path, os.O_RDWR)
                sizes = [size for _, _, size in writes]
                for offset, before, _ in reversed(writes):
                    for at in range(0, len(before), SECTOR):
                        if self._chosen.random() < 0.5:
                            os.pwrite(fd, before[at : at + SECTOR], offset + at)
                            self.n_dropped += 1
                if self._chosen.random() < 0.3:  # not even the file has grown
                    os.ftruncate(fd, sizes[0])
                os.close(fd)
            self.unsynced.clear()
