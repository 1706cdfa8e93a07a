"""The files of a segment, and operations on all of them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from podium.outbox.mark import mark_path

RETIRED_SUFFIX = ".retired"


def delete_segment(path: Path) -> None:
    """Delete a segment whose records are all in the store, or are to be dropped."""
    # The database first: from then on nobody opens it. A reader that is about to may leave a log or
    # a mark, which are deleted with the folder.
    for one in _files(path):
        one.unlink(missing_ok=True)


def is_on_disk(path: Path) -> bool:
    """Whether a segment is on the disk; a reader may have left an empty log of it."""
    log = path.with_name(f"{path.name}-wal")
    with suppress(FileNotFoundError):
        return path.exists() or log.stat().st_size > 0
    return False


def set_aside(path: Path, folder: Path) -> None:
    """Move a segment to where a person can inspect it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for one in _files(path):
        if one.exists():
            one.rename(folder / f"{path.parent.name}-{one.name}")


def _files(path: Path) -> list[Path]:
    logs = [path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm")]
    return [path, *logs, mark_path(path), path.with_suffix(RETIRED_SUFFIX)]


def files_written(path: Path) -> list[Path]:
    """The files that hold what the worker has committed, and how much of it is shipped."""
    return [path, mark_path(path)]


def retire(path: Path) -> None:
    """Make the worker that writes to a segment continue in another one."""
    path.with_suffix(RETIRED_SUFFIX).touch(mode=0o600)
