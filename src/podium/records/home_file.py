"""Small SQLite files of a home folder, which several processes read and write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar, Literal

import apsw

from podium.errors import StoreError
from podium.records import forks
from podium.records.stores.sqlite_file import Identity, identity_of

HINT = "look at the disk and the folder's permissions"
_BUSY_MS = 5_000


class HomeFile(forks.ForkAware):
    """A database that is made at the first change; each look and each change is a transaction.

    Args:
        path: in a folder that exists: if that is gone, it isn't ours to create.
    """

    application_id: ClassVar[int]
    # The step at place n leads from version n of the tables to n + 1.
    migrations: ClassVar[tuple[str, ...]]
    # `wal` for many small changes: readers and writers don't wait for each other.
    journal: ClassVar[Literal["delete", "wal"]] = "delete"
    synchronous: ClassVar[Literal["FULL", "NORMAL"]] = "FULL"
    # Whether connections stay open between changes.
    is_kept: ClassVar[bool] = False
    # What is raised, and what damaged content raises.
    error: ClassVar[type[StoreError]] = StoreError
    damage: ClassVar[tuple[type[Exception], ...]] = ()
    hint: ClassVar[str] = HINT

    def __init__(self, path: Path) -> None:
        self.path = path
        # Connections that no thread uses, with their file. Appending and popping need no lock.
        self._idle: list[tuple[Identity | None, apsw.Connection]] = []
        if self.is_kept:
            forks.watch(self)

    def before_fork(self) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; the next use opens one again."""
        while self._idle:
            with suppress(apsw.Error, IndexError):
                self._idle.pop()[1].close()

    @contextmanager
    def looking(self) -> Iterator[apsw.Connection | None]:
        """A connection that sees the file as of one moment; None as long as there is none.

        Raises:
            StoreError: the file can't be used, or was written by another program or a newer version.
        """
        if not self.path.exists():
            yield None
            return
        with self._using() as connection:
            version = connection.pragma("user_version")
            if 0 < version < len(self.migrations):
                with self._change(connection):
                    pass
            with connection:
                yield (
                    connection if version else None
                )  # 0: a process ended before it made the tables

    @contextmanager
    def changing(self) -> Iterator[apsw.Connection]:
        """A connection in a transaction: others wait, and see all of it or nothing.

        Raises:
            StoreError: as `looking`; nothing changed.
        """
        with self._using() as connection, self._change(connection):
            yield connection

    def migrate(self, connection: apsw.Connection) -> None:
        """Make the tables as they are now, in a transaction of the caller's."""
        version = connection.pragma("user_version")
        if version == len(self.migrations):
            return
        for statements in self.migrations[version:]:
            connection.execute(statements)
        connection.pragma("application_id", self.application_id)
        connection.pragma("user_version", len(self.migrations))

    @contextmanager
    def _change(self, connection: apsw.Connection) -> Iterator[None]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            self.migrate(connection)
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _using(self) -> Iterator[apsw.Connection]:
        """A connection that no other thread uses; one that fails isn't used again."""
        with failures(self.path, self.error, self.hint, self.damage), forks.gate:
            file, connection = self._connection()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            if self.is_kept:
                self._idle.append((file, connection))
            else:
                connection.close()

    def _connection(self) -> tuple[Identity | None, apsw.Connection]:
        file = identity_of(self.path)
        with suppress(IndexError):  # no other is idle
            while True:
                opened_as, connection = self._idle.pop()
                if opened_as == file:
                    return opened_as, connection
                connection.close()  # the file was removed or replaced
        self.path.touch(mode=0o600)
        connection = apsw.Connection(str(self.path))
        try:
            connection.set_busy_timeout(_BUSY_MS)
            if self.journal == "wal":
                with suppress(apsw.BusyError):  # others open it right now: the next one sets it
                    connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", self.synchronous)
            self._check(connection)
        except BaseException:
            connection.close()
            raise
        return identity_of(self.path), connection

    def _check(self, connection: apsw.Connection) -> None:
        version = connection.pragma("user_version")
        if version and connection.pragma("application_id") != self.application_id:
            raise self.error(f"{self.path} is a database of another program")
        if version > len(self.migrations):
            raise self.error(f"{self.path} was written by a newer Podium", hint="update this one")


@contextmanager
def failures(
    path: Path,
    kind: type[StoreError] = StoreError,
    hint: str = HINT,
    damage: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Turn what SQLite, the file system and damaged content raise into one kind of error.

    Raises:
        StoreError: of that kind.
    """
    raised: tuple[type[Exception], ...] = (apsw.Error, OSError, *damage)
    try:
        yield
    except raised as error:
        raise kind(f"{path} can't be used: {error}", hint=hint) from error
