"""The file of a registry: an SQLite database that is opened for each look and each change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from podium.errors import RegistryError
from podium.records.home_file import HomeFile, failures

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
# The place of the counter of commits in the file's header.
# Source: https://www.sqlite.org/fileformat2.html#file_change_counter
_COUNTER_AT, _COUNTER_BYTES = 24, 4


class RegistryFile(HomeFile):
    """The database; it is made at the first change."""

    application_id = 0x506F6472  # "Podr"
    migrations = (_VERSIONS, _TRAFFIC)
    error = RegistryError

    @property
    def change(self) -> object:
        """A value that is another one after every change; None as long as there is no registry."""
        try:
            file = os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return None
        try:
            return os.fstat(file).st_ino, os.pread(file, _COUNTER_BYTES, _COUNTER_AT)
        finally:
            os.close(file)

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection that reads; of an empty registry as long as there is none."""
        with self.looking() as connection:
            if connection is None:
                connection = apsw.Connection(":memory:")
                self.migrate(connection)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """A connection in a transaction of its own: others wait, and see all of it or nothing."""
        with failures(self.path, self.error):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.changing() as connection:
            yield connection
