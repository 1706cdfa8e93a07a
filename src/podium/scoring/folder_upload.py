"""Folders of parts in object stores, which are complete once `_SUCCESS` is there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from podium.errors import SetupError
from podium.scoring.folder import is_part, part_name, report_name
from podium.scoring.remote import Url, store_of, talking

# As Spark and Hadoop mark folders. Readers of folders leave out what begins with _.
SUCCESS = "_SUCCESS"


class FolderUpload(AbstractContextManager["FolderUpload"]):
    """A folder on its way to its destination: parts are sent to a hidden one beside it, and then moved.

    Nothing renames a folder there. So while it is published, others see some of the parts: what is
    complete has `_SUCCESS`, which is removed first and written last.

    Args:
        is_forced: replace a folder that holds the parts of an earlier run, and nothing else.

    Raises:
        SetupError: there is something else already, or it can't be read.
    """

    def __init__(self, url: Url, *, is_forced: bool) -> None:
        self.path = url
        name = url.path.name
        self.at = url.sibling(f".{name[:100]}.{secrets.token_hex(4)}.part")
        with self._writing():
            self._store, place = store_of(url)
            self._hidden = store_of(self.at)[1].rstrip("/")
        self._place = place.rstrip("/")
        self._old = self._checked(is_forced=is_forced)

    def part(self, number: int, suffix: str) -> Url:
        """The file of a part, which begins with 0."""
        return self.at.child(part_name(number, suffix))

    def report(self, number: int) -> Url:
        """The file of its report, which stays behind."""
        return self.at.child(report_name(number))

    def publish(self) -> None:
        """Move the parts to their destination.

        Raises:
            SetupError: they can't be moved there.
        """
        with self._writing():
            for name in self._old:
                self._store.rm_file(f"{self._place}/{name}")
            for name in filter(is_part, self._names(self._hidden)):
                self._store.mv(f"{self._hidden}/{name}", f"{self._place}/{name}")
            self._store.pipe_file(f"{self._place}/{SUCCESS}", b"")

    def __exit__(self, *_: object) -> None:
        with suppress(OSError), talking():
            if self._store.exists(self._hidden):
                self._store.rm(self._hidden, recursive=True)

    def _checked(self, *, is_forced: bool) -> list[str]:
        """What an earlier run wrote, in the order in which it is removed."""
        with self._writing():
            names = self._names(self._place)
        if "" in names:
            raise SetupError(
                f"{self.path} is a file", hint="parts are written to a folder: give another"
            )
        other = next((name for name in names if not is_part(name) and name != SUCCESS), None)
        if other is not None:
            raise SetupError(
                f"{self.path} is a folder that also holds {other!r}",
                hint="give a new folder: parts are written to a folder of their own",
            )
        if names and not is_forced:
            raise SetupError(
                f"{self.path} exists already",
                hint="give another folder, or replace it with --force",
            )
        return sorted(names)  # _SUCCESS first: it sorts before part-

    def _names(self, place: str) -> list[str]:
        """The names of what is in a folder."""
        if not self._store.exists(place):
            return []
        found = self._store.find(place)
        return [name.strip("/").removeprefix(place.strip("/")).lstrip("/") for name in found]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with talking():
                yield
        except OSError as error:
            raise SetupError(
                f"{self.path} can't be written: {error.strerror or error}",
                hint="are its name and your rights to it right?",
            ) from error
