"""The outboxes of a folder, as those see them who ship and read."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from podium.records.outbox import LOCK_NAME, locked
from podium.records.segment import SUFFIX, SegmentGone, SegmentReader, failures

# Making an outbox takes a few milliseconds.
REMAINS_S = 60.0


class Found(NamedTuple):
    """One outbox.

    Attributes:
        is_dead: its worker is: nothing is written to it any more.
    """

    path: Path
    is_dead: bool


def outboxes(folder: Path) -> Iterator[Found]:
    """Each outbox, and whether its worker is dead.

    Raises:
        StoreError: the folder can't be read now.
    """
    for name in names_in(folder):
        if name.startswith("."):
            continue
        try:
            yield Found(folder / name, is_of_dead(folder / name))
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
        os.close(locked(outbox / LOCK_NAME, is_shared=True, is_made=False))
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
    found = {}
    for outbox, _ in outboxes(folder):
        for path in segments(outbox):
            with suppress(SegmentGone), opened(path) as reader:
                if (end := reader.end) > reader.mark.seq:
                    found[path] = end
    return found


def is_shipped(path: Path, end: int) -> bool:
    """Whether a segment is in the store up to a batch.

    Raises:
        StoreError: it can't be read.
    """
    try:
        with opened(path) as reader:
            return reader.mark.seq >= end
    except SegmentGone:
        return True


@contextmanager
def opened(path: Path) -> Iterator[SegmentReader]:
    """A reader of a segment.

    Raises:
        SegmentGone: there is no such segment.
        StoreError: it can't be read now.
    """
    reader = SegmentReader(path)
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def moving(folder: Path, *, is_shared: bool = True) -> Iterator[None]:
    """While records move to the store nobody deletes any: they would come back.

    Raises:
        StoreError: the lock can't be had.
    """
    with failures(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = locked(folder / "moving.lock", is_shared=is_shared, waits=True)
    try:
        yield
    finally:
        os.close(fd)


def names_in(folder: Path) -> list[str]:
    """What is in a folder, in order; nothing when there is none.

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
