"""Folders of parts that appear as a whole, or not at all."""

from __future__ import annotations

import re
import secrets
import shutil
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Self

from podium.errors import SetupError

# The names of parts. A folder with nothing else in it was written by an earlier run.
_PART = re.compile(r"part-\d{5,}\.[a-z.]+")


def part_name(number: int, suffix: str) -> str:
    """The name of a part."""
    return f"part-{number:05}{suffix}"


def report_name(number: int) -> str:
    """The name of the report of a part, which isn't published."""
    return f"errors-{number:05}.csv"


def is_part(name: str) -> bool:
    """Whether it is the name of a part."""
    return _PART.fullmatch(name) is not None


class FolderDraft(AbstractContextManager["FolderDraft"]):
    """A folder on its way to its destination, under a hidden name beside it.

    Args:
        is_forced: replace a folder that holds the parts of an earlier run, and nothing else.

    Attributes:
        at: where it is until it is published.

    Raises:
        SetupError: there is something else already, or it can't be written.
    """

    def __init__(self, path: Path, *, is_forced: bool) -> None:
        self.path = path.resolve()
        self.at = self.path.with_name(f".{self.path.name[:100]}.{secrets.token_hex(4)}.part")
        self._is_forced = is_forced
        self._check_free()

    def __enter__(self) -> Self:
        try:
            self.at.mkdir()
        except OSError as error:
            hint = "write to another folder or disk"
            if isinstance(error, FileNotFoundError):
                hint = f"create the folder first: mkdir -p {self.path.parent}"
            raise SetupError(
                f"{self.path} can't be written: {error.strerror or error}", hint=hint
            ) from error
        return self

    def part(self, number: int, suffix: str) -> Path:
        """The file of a part, which begins with 0."""
        return self.at / part_name(number, suffix)

    def report(self, number: int) -> Path:
        """The file of its report: to be removed before the folder is published."""
        return self.at / report_name(number)

    def publish(self) -> None:
        """Move the folder to its destination.

        Raises:
            SetupError: it can't be moved there, or something else is there by now.
        """
        self._check_free()
        old = self.at.with_suffix(".old")
        try:
            if self.path.is_dir():
                self.path.replace(old)
            self.at.replace(self.path)
        except OSError as error:
            raise SetupError(
                f"{self.path} can't be written: {error.strerror or error}",
                hint="write to another folder or disk",
            ) from error
        shutil.rmtree(old, ignore_errors=True)

    def __exit__(self, *_: object) -> None:
        # Processes that don't know yet that another part failed may create files meanwhile: under a
        # name that they don't know they can't.
        gone = self.at.with_suffix(".gone")
        with suppress(OSError):
            self.at.replace(gone)
        shutil.rmtree(gone, ignore_errors=True)
        shutil.rmtree(self.at, ignore_errors=True)

    def _check_free(self) -> None:
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise SetupError(
                f"{self.path} is a file", hint="parts are written to a folder: give another"
            )
        there = [one.name for one in self.path.iterdir()]
        other = next((name for name in sorted(there) if not is_part(name)), None)
        if other is not None:
            raise SetupError(
                f"{self.path} is a folder that also holds {other!r}",
                hint="give a new folder: parts are written to a folder of their own",
            )
        if there and not self._is_forced:
            raise SetupError(
                f"{self.path} exists already",
                hint="give another folder, or replace it with --force",
            )
