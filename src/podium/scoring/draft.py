"""Files that appear whole, or not at all.

A draft is written beside the place where it shall stand, under a hidden name, and moved there when
it is complete and on the disk. Whatever happens before, the file that stood there stays as it was,
and nothing is left of the draft.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from podium.errors import SetupError


class Draft(AbstractContextManager["Draft"]):
    """A file on its way to its place, begun by `open()`.

    What isn't a file of a disk (`/dev/null`, a named pipe) is written at once.
    """

    file: BinaryIO

    def __init__(self, path: Path) -> None:
        # A link stays a link: what it points to is replaced.
        self.path = path.resolve()
        self._is_direct = self.path.exists() and not self.path.is_file()
        hidden = f".{self.path.name[:100]}.{secrets.token_hex(4)}.part"
        self._at = self.path if self._is_direct else self.path.with_name(hidden)
        self._is_open = self._is_published = False

    def open(self) -> None:
        """Begin the file.

        Raises:
            SetupError: nothing can be written there.
        """
        with self.writing():
            self._is_open = True  # a signal may come before the next line is done
            self.file = self._at.open("wb" if self._is_direct else "xb")
            if not self._is_direct and self.path.exists():
                self._at.chmod(stat.S_IMODE(self.path.stat().st_mode))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Say which file it is that can't be written.

        Raises:
            SetupError: what was written inside didn't fit, or isn't allowed.
        """
        try:
            yield
        except OSError as error:
            hint = "write to another folder or disk"
            if isinstance(error, FileNotFoundError):
                hint = f"create the folder first: mkdir -p {self.path.parent}"
            raise SetupError(
                f"{self.path} can't be written: {error.strerror or error}", hint=hint
            ) from error

    def seal(self) -> None:
        """Put every byte on the disk.

        Raises:
            SetupError: it didn't take them.
        """
        with self.writing():
            self.file.flush()
            if not self._is_direct:
                os.fsync(self.file.fileno())
            self.file.close()

    def publish(self) -> None:
        """Move the sealed draft to its place.

        Raises:
            SetupError: it can't be moved there.
        """
        if not self._is_direct:
            with self.writing():
                self._at.replace(self.path)
                self._is_published = True
                _sync_folder(self.path.parent)

    def discard(self) -> None:
        """Leave nothing of a draft that wasn't published."""
        if not self._is_open or self._is_published:
            return
        try:
            self.file.close()  # what is left in its buffer may not fit on the disk
        except (OSError, AttributeError):
            pass
        finally:
            if not self._is_direct:
                self._at.unlink(missing_ok=True)

    def __exit__(self, *_: object) -> None:
        self.discard()


class StandardOutput(AbstractContextManager["StandardOutput"]):
    """Standard output in the place of a draft: what is written there has left."""

    file: BinaryIO

    def open(self) -> None:
        """Begin to write, behind what was printed already."""
        sys.stdout.flush()
        # A handle of its own, so that closing it leaves standard output open.
        self.file = os.fdopen(os.dup(sys.stdout.fileno()), "wb")

    def writing(self) -> AbstractContextManager[None]:
        """Nothing to say: a reader that left is no fault."""
        return nullcontext()

    def seal(self) -> None:
        """Hand on every byte."""
        self.file.close()

    def publish(self) -> None:
        """It exists already."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, BrokenPipeError):
            # Whoever wraps the handle flushes what is left when it goes: into nothing, then.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.file.fileno())
            os.close(null)


def _sync_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows has no way to do it
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
