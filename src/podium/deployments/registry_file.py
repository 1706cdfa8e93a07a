"""The file of a registry: an SQLite database that is opened for each look and each change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from podium.errors import RegistryError
from podium.records import forks

_BUSY_MS = 5_000
_APPLICATION_ID = 0x506F6472  # "Podr"
_VERSIONS = """
CREATE TABLE version (
    model TEXT NOT NULL,
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (model, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE alias (
    model TEXT NOT NULL,
    alias TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (model, alias)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
    number INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_model ON event (model, number);
"""
_TRAFFIC = """
CREATE TABLE traffic (
    model TEXT NOT NULL PRIMARY KEY,
    share REAL NOT NULL,
    mode TEXT NOT NULL,
    key TEXT NOT NULL,
    rollout TEXT NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE event ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
"""
# The step at place n leads from version n of the tables to n + 1.
_MIGRATIONS = (_VERSIONS, _TRAFFIC)
# The place of the counter of commits in the file's header.
# Source: https://www.sqlite.org/fileformat2.html#file_change_counter
_COUNTER_AT, _COUNTER_BYTES = 24, 4


class RegistryFile:
    """The database; it is made at the first change."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def change(self) -> object:
        """A value that is another one after every change; None as long as there is no registry."""
        try:
            file = os.open(self._path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return None
        try:
            return os.fstat(file).st_ino, os.pread(file, _COUNTER_BYTES, _COUNTER_AT)
        finally:
            os.close(file)

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection that reads; of an empty registry as long as there is none."""
        if self._path.exists():
            with self._connected() as connection:
                version = connection.pragma("user_version")
                if 0 < version < len(_MIGRATIONS):
                    connection.execute("BEGIN IMMEDIATE")
                    _migrate(connection)
                    connection.execute("COMMIT")
                if version:  # 0: a process ended before it made the tables
                    with connection:  # all that is read is of one moment
                        yield connection
                    return
        with failures(self._path):
            empty = apsw.Connection(":memory:")
            _migrate(empty)
        yield empty

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """A connection in a transaction of its own: others wait, and see all of it or nothing."""
        with failures(self._path):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                _migrate(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _connected(self) -> Iterator[apsw.Connection]:
        with forks.gate, failures(self._path):
            connection = apsw.Connection(str(self._path))
            try:
                connection.set_busy_timeout(_BUSY_MS)
                connection.pragma("synchronous", "FULL")
                self._check(connection)
                yield connection
            finally:
                connection.close()

    def _check(self, connection: apsw.Connection) -> None:
        application_id = connection.pragma("application_id")
        version = connection.pragma("user_version")
        if version and application_id != _APPLICATION_ID:
            raise RegistryError(f"{self._path} is a database of another program")
        if version > len(_MIGRATIONS):
            raise RegistryError(
                f"{self._path} was written by a newer Podium", hint="update this one"
            )


def _migrate(connection: apsw.Connection) -> None:
    """Make the tables as they are now, in a transaction of the caller's."""
    version = connection.pragma("user_version")
    if version == len(_MIGRATIONS):
        return
    for statements in _MIGRATIONS[version:]:
        connection.execute(statements)
    connection.pragma("application_id", _APPLICATION_ID)
    connection.pragma("user_version", len(_MIGRATIONS))


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into a RegistryError."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise RegistryError(
            f"{path} can't be used: {error}", hint="look at the disk and the folder's permissions"
        ) from error
