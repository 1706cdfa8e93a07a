"""The outboxes of a folder, as shippers and readers see them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from podium.outbox.lock import FileLock
from podium.outbox.outbox import LOCK_NAME
from podium.outbox.segment import SUFFIX, SegmentDeleted, SegmentReader, failures
from podium.outbox.segment_reader import open_segment

# Creating an outbox takes a few milliseconds.
REMAINS_S = 60.0


class OutboxFolder(NamedTuple):
    """One outbox.

    Attributes:
        is_dead: whether its worker has ended: nothing is written to it any more.
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
            continue  # not an outbox, or removed a moment ago


def is_of_dead(outbox: Path) -> bool:
    """Whether an outbox's worker has ended.

    Raises:
        FileNotFoundError: it was removed.
        NotADirectoryError: it isn't an outbox.
    """
    try:
        # Shared: another process that checks at the same moment isn't taken for the worker.
        FileLock(outbox / LOCK_NAME, is_shared=True, creates=False).release()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError:  # also if it can't be determined now
        return False
    return True


def segments(outbox: Path) -> list[Path]:
    """The segments of an outbox, oldest first.

    Raises:
        StoreError: the folder can't be read now.
    """
    return [outbox / name for name in names_in(outbox) if name.endswith(SUFFIX)]


def remove_outbox(outbox: Path) -> None:
    """Delete a dead worker's outbox if it has no segment left."""
    with failures(outbox):
        # Hidden first: if it were killed halfway, a folder without its lock would stay for ever.
        hidden = outbox.rename(outbox.with_name(f".{outbox.name}"))
        shutil.rmtree(hidden)


def remove_remains(folder: Path) -> None:
    """Delete the remains of outboxes whose creation or removal was interrupted."""
    with failures(folder):
        for hidden in (folder / name for name in names_in(folder) if name.startswith(".")):
            is_old = time.time() - hidden.stat().st_mtime > REMAINS_S
            if is_old and not segments(hidden):
                shutil.rmtree(hidden)


def ends(folder: Path, stored_seq: Callable[[Path], int] = lambda _: 0) -> dict[Path, int]:
    """The current last batch of each segment that isn't wholly in the store.

    Args:
        stored_seq: up to which batch of a segment it is there, beyond the segment's mark.

    Raises:
        StoreError: one can't be read.
    """
    end_by_path = {}
    for outbox, _ in outboxes(folder):
        for path in segments(outbox):
            with suppress(SegmentDeleted), opened(path) as reader:
                if (end := reader.end) > max(reader.mark.seq, stored_seq(path)):
                    end_by_path[path] = end
    return end_by_path


@contextmanager
def opened(path: Path) -> Iterator[SegmentReader]:
    """A reader of a segment.

    Raises:
        SegmentDeleted: there is no such segment.
        StoreError: it can't be read now.
    """
    reader = open_segment(path)
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def moving(folder: Path, *, is_shared: bool = True) -> Iterator[None]:
    """Prevents deletion while records move to the store, where they would reappear.

    Raises:
        StoreError: the lock isn't available.
    """
    with failures(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = FileLock(folder / "moving.lock", is_shared=is_shared, waits=True)
    with lock:
        yield


def names_in(folder: Path) -> list[str]:
    """The sorted names in a folder; empty if it doesn't exist.

    Raises:
        StoreError: it can't be read now.
    """
    # Not with glob: from Python 3.13 on it finds nothing where it has no permission, and an outbox
    # without segments is deleted.
    with failures(folder):
        try:
            return sorted(os.listdir(folder))  # noqa: PTH208 - only the names are needed
        except FileNotFoundError:
            return []
