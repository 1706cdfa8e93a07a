"""A folder in which workers share their metrics, and what remains of workers that ended.

Each worker has two files: a lock, held while it lives, and its last snapshot. A reader of the
folder that can take a lock adds that worker's snapshot to a total and deletes it, under the
folder's lock: the counts of a worker are in exactly one of the two.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from podium.metrics.snapshot import Counted, Snapshot, total
from podium.outbox.lock import FileLock

FOLDER_LOCK = "lock"
ENDED_NAME = "ended"
ALIVE, SNAPSHOT, NEW = ".alive", ".snapshot", ".new"
# A server's folder is deleted if it wasn't written to for this long, and none of its workers lives.
ABANDONED_S = 600.0

_ENCODER = msgspec.msgpack.Encoder()
_SNAPSHOTS = msgspec.msgpack.Decoder(Snapshot)


class _Ended(msgspec.Struct, frozen=True):
    """The counts of workers that have ended.

    Attributes:
        names: of those added last. A process that is killed between writing this and deleting their
            snapshots leaves both, and they must not be added again.
    """

    counted: Counted = Counted()
    names: frozenset[str] = frozenset()


_ENDED = msgspec.msgpack.Decoder(_Ended)


class Place:
    """The place of this worker in a folder.

    Raises:
        OSError: the folder can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Not the home folder: if it is gone, it isn't ours to recreate.
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        self._name = secrets.token_hex(8)
        # Under the folder's lock: until this worker holds its own, it would be taken for dead.
        with FileLock(folder / FOLDER_LOCK, waits=True):
            self._alive = FileLock(self._path(ALIVE))

    def write(self, snapshot: Snapshot) -> None:
        """Write a snapshot for the siblings.

        Raises:
            OSError: they still see the previous snapshot.
        """
        _replace(self._path(SNAPSHOT), snapshot)

    def read(self) -> tuple[Counted, list[Snapshot]]:
        """The counts of workers that have ended, and the snapshots of the other living ones.

        Raises:
            OSError: a file can't be read.
        """
        with FileLock(self.folder / FOLDER_LOCK, waits=True):
            return self._read()

    def close(self) -> None:
        """Leave; the last snapshot is added to the total."""
        self._alive.release()

    def _read(self) -> tuple[Counted, list[Snapshot]]:
        ended = _ended_in(self.folder)
        living, left = [], {}
        for path in self.folder.glob(f"*{ALIVE}"):
            if path.stem == self._name:
                continue
            snapshot = _snapshot(path.with_suffix(SNAPSHOT))
            if _is_alive(path):
                living += [] if snapshot is None else [snapshot]
            else:
                # Read again: it may have written once more before it ended.
                left[path.stem] = _snapshot(path.with_suffix(SNAPSHOT))
        if not left:
            return ended.counted, living
        some = [one.counted for name, one in left.items() if one and name not in ended.names]
        counted = total([ended.counted, *some])
        with suppress(OSError):  # on a full disk they stay where they are, and are still counted
            _replace(self.folder / ENDED_NAME, _Ended(counted, frozenset(left)))
            for name in left:
                for suffix in (SNAPSHOT, NEW, ALIVE):
                    (self.folder / f"{name}{suffix}").unlink(missing_ok=True)
        return counted, living

    def _path(self, suffix: str) -> Path:
        return self.folder / f"{self._name}{suffix}"


def new_folder(home: Path) -> Path:
    """A folder for the workers of a server that starts; those of earlier servers are deleted.

    Each start has its own: a server begins to count at 0, and shows no version that it doesn't
    serve.

    Raises:
        OSError: it can't be created.
    """
    folders = home / "metrics"
    folders.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folders.iterdir():
        with suppress(OSError):  # another server that starts deletes it, too
            is_abandoned = time.time() - old.stat().st_mtime > ABANDONED_S
            if is_abandoned and not any(map(_is_alive, old.glob(f"*{ALIVE}"))):
                shutil.rmtree(old, ignore_errors=True)
    folder = folders / secrets.token_hex(8)
    folder.mkdir(mode=0o700)
    return folder


def counted_in(home: Path) -> Counted:
    """What the servers of a home folder have counted, as their workers wrote it last.

    What can't be read is left out.
    """
    found = []
    for folder in (home / "metrics").glob("*"):
        with suppress(OSError, msgspec.DecodeError):
            found += _counted_in(folder)
    return total(found)


def _counted_in(folder: Path) -> list[Counted]:
    with FileLock(folder / FOLDER_LOCK, waits=True, creates=False):
        ended = _ended_in(folder)
        snapshots = {path.stem: _snapshot(path) for path in folder.glob(f"*{SNAPSHOT}")}
    some = [one.counted for name, one in snapshots.items() if one and name not in ended.names]
    return [ended.counted, *some]


def _ended_in(folder: Path) -> _Ended:
    try:
        return _ENDED.decode((folder / ENDED_NAME).read_bytes())
    except FileNotFoundError:
        return _Ended()


def _is_alive(path: Path) -> bool:
    """Whether the worker of this lock lives."""
    try:
        FileLock(path).release()
    except BlockingIOError:
        return True
    return False


def _snapshot(path: Path) -> Snapshot | None:
    """The snapshot of a worker, or None before it has written one."""
    try:
        return _SNAPSHOTS.decode(path.read_bytes())
    except FileNotFoundError:
        return None


def _replace(path: Path, value: object) -> None:
    """Write a file so that others see it as a whole, before or after."""
    new = path.with_suffix(NEW)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(_ENCODER.encode(value))
    new.replace(path)
