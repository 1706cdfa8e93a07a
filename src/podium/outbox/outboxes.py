"""The outboxes of a folder, as those see them who ship and read."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from podium.outbox.lock import FileLock
from podium.outbox.outbox import LOCK_NAME
from podium.outbox.segment import SUFFIX, SegmentDeleted, SegmentReader, failures

# Making an outbox takes a few milliseconds.
REMAINS_S = 60.0


class OutboxFolder(NamedTuple):
    """One outbox.

    Attributes:
        is_dead: its worker is: nothing is written to it any more.
    """

    path: Path
    is_dead: bool


def outboxes(folder: Path) -> Iterator[OutboxFolder]:
    """Each outbox, and whether its worker is dead.

    Raises:
        StoreError: the folder can't be read now.
    """
    for name in names_in(folder):
        if name.startswith("."):
            continue
        try:
            yield OutboxFolder(folder / name, is_of_dead(folder / name))
        except (FileNotFoundError, NotADirectoryError):
            continue  # none of ours, or removed just now


def is_of_dead(outbox: Path) -> bool:
    """Whether an outbox's worker is dead.

    Raises:
        FileNotFoundError: it was removed.
        NotADirectoryError: it is no outbox.
    """
    try:
        # Shared: another who looks at the same moment is no worker.
        FileLock(outbox / LOCK_NAME, is_shared=True, creates=False).release()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError:  # also when nobody can tell now
        return False
    return True


def segments(outbox: Path) -> list[Path]:
    """Its segments, oldest first.

    Raises:
        StoreError: the folder can't be read now.
    """
    return [outbox / name for name in names_in(outbox) if name.endswith(SUFFIX)]


def remove_outbox(outbox: Path) -> None:
    """Delete what a dead worker left, when no segment is left of it."""
    with failures(outbox):
        # Hidden first: a folder without its lock, after a kill in the middle, would stay for ever.
        hidden = outbox.rename(outbox.with_name(f".{outbox.name}"))
        shutil.rmtree(hidden)


def remove_remains(folder: Path) -> None:
    """Delete what is left of outboxes whose making or removal was broken off."""
    with failures(folder):
        for hidden in (folder / name for name in names_in(folder) if name.startswith(".")):
            is_old = time.time() - hidden.stat().st_mtime > REMAINS_S
            if is_old and not segments(hidden):
                shutil.rmtree(hidden)


def ends(folder: Path) -> dict[Path, int]:
    """The last batch of each segment, as it is now, of those that aren't wholly in the store.

    Raises:
        StoreError: one can't be read.
    """
    end_by_path = {}
    for outbox, _ in outboxes(folder):
        for path in segments(outbox):
            with suppress(SegmentDeleted), opened(path) as reader:
                if (end := reader.end) > reader.mark.seq:
                    end_by_path[path] = end
    return end_by_path


@contextmanager
def opened(path: Path) -> Iterator[SegmentReader]:
    """A reader of a segment.

    Raises:
        SegmentDeleted: there is no such segment.
        StoreError: it can't be read now.
    """
    reader = SegmentReader(path)
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def moving(folder: Path, *, is_shared: bool = True) -> Iterator[None]:
    """Excludes deletion while records move to the store: they would reappear.

    Raises:
        StoreError: the lock can't be had.
    """
    with failures(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = FileLock(folder / "moving.lock", is_shared=is_shared, waits=True)
    with lock:
        yield


def names_in(folder: Path) -> list[str]:
    """The sorted names in a folder; empty when there is no folder.

    Raises:
        StoreError: it can't be read now.
    """
    # Not by glob: from Python 3.13 on it finds nothing where it can't read, and an outbox in which
    # nothing is found is deleted.
    with failures(folder):
        try:
            return sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is wanted
        except FileNotFoundError:
            return []
