"""Files that appear as a whole, or not at all.

A draft is written beside its destination, under a hidden name, and moved there when it is complete
and on the disk. If anything fails before that, the existing file stays as it was, and nothing
remains of the draft.
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
    """A file on its way to its destination, created by `open()`.

    A destination that isn't a regular file (`/dev/null`, a named pipe) is written directly.

    Args:
        replaces: whether a file that is there by the end is replaced.
    """

    file: BinaryIO

    def __init__(self, path: Path, *, replaces: bool = True) -> None:
        self._replaces = replaces
        # A link stays a link: its target is replaced.
        self.path = path.resolve()
        self._is_direct = self.path.exists() and not self.path.is_file()
        hidden = f".{self.path.name[:100]}.{secrets.token_hex(4)}.part"
        self._at = self.path if self._is_direct else self.path.with_name(hidden)
        self._is_open = self._is_published = False

    def open(self) -> None:
        """Create the file.

        Raises:
            SetupError: it can't be written.
        """
        with self.writing():
            self._is_open = True  # a signal may arrive before the next line runs
            self.file = self._at.open("wb" if self._is_direct else "xb")
            if not self._is_direct and self.path.exists():
                self._at.chmod(stat.S_IMODE(self.path.stat().st_mode))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Add the file's name to errors in this block.

        Raises:
            SetupError: the disk is full, or writing isn't allowed.
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
        """Flush every byte to the disk.

        Raises:
            SetupError: that failed, or there is a file by now that mustn't be replaced.
        """
        with self.writing():
            if not self._replaces and not self._is_direct and self.path.exists():
                raise occupied(self.path)
            self.file.flush()
            if not self._is_direct:
                os.fsync(self.file.fileno())
            self.file.close()

    def publish(self) -> None:
        """Move the sealed draft to its destination.

        Raises:
            SetupError: it can't be moved there.
        """
        if not self._is_direct:
            with self.writing():
                self._move()
                self._is_published = True
                _sync_folder(self.path.parent)

    def _move(self) -> None:
        if self._replaces:
            self._at.replace(self.path)
            return
        try:
            self.path.hardlink_to(self._at)  # unlike renaming, it replaces nothing
        except FileExistsError:
            raise occupied(self.path) from None
        except OSError:  # not every file system has links
            self._at.replace(self.path)
        else:
            self._at.unlink()

    def discard(self) -> None:
        """Remove a draft that wasn't published."""
        if not self._is_open or self._is_published:
            return
        try:
            self.file.close()  # the rest of its buffer may not fit on the disk
        except (OSError, AttributeError):
            pass
        finally:
            if not self._is_direct:
                self._at.unlink(missing_ok=True)

    def __exit__(self, *_: object) -> None:
        self.discard()


class StandardOutput(AbstractContextManager["StandardOutput"]):
    """Standard output in place of a draft: written output can't be taken back."""

    file: BinaryIO

    def open(self) -> None:
        """Begin to write, after anything that was already printed."""
        sys.stdout.flush()
        # A separate handle, so that closing it leaves standard output open.
        self.file = os.fdopen(os.dup(sys.stdout.fileno()), "wb")

    def writing(self) -> AbstractContextManager[None]:
        """Adds nothing: a reader that closed the pipe isn't an error."""
        return nullcontext()

    def seal(self) -> None:
        """Flush the output."""
        self.file.close()

    def publish(self) -> None:
        """Nothing to do."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, BrokenPipeError):
            # Wrappers flush their buffers when they are destroyed: then to nowhere.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.file.fileno())
            os.close(null)


def occupied(path: object) -> SetupError:
    """The error for a file that is there already."""
    return SetupError(
        f"{path} exists already", hint="give another file, or replace it with --force"
    )


def _sync_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows doesn't support it
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
