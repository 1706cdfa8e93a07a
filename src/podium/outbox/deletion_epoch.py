"""How often records were deleted: what is recorded later, beside others, looks whether they are there."""

from __future__ import annotations

from pathlib import Path

from podium.outbox.segment import failures

_NAME = "deletions"


class DeletionEpoch:
    """A value that is another one after each deletion by any process of a home folder.

    Args:
        folder: of the outboxes; None where this process alone has records.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / _NAME
        self._n_here = 0

    @property
    def value(self) -> object:
        """The value now."""
        if self._path is None:
            return self._n_here
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size

    def advance(self) -> None:
        """Say that records are about to be deleted.

        Raises:
            StoreError: it can't be written down.
        """
        self._n_here += 1
        if self._path is not None and self._path.parent.is_dir():
            with failures(self._path), self._path.open("ab") as file:
                file.write(b".")
