"""The file of a registry: an SQLite database that servers look at all the time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from podium.errors import RegistryError
from podium.records.home_file import HomeFile, failures
from podium.records.stores.sqlite_file import identity_of

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


class RegistryFile(HomeFile):
    """The database; it is made at the first change."""

    application_id = 0x506F6472  # "Podr"
    migrations = (_VERSIONS, _TRAFFIC)
    error = RegistryError
    is_kept = True

    @property
    def change(self) -> object:
        """A value that is another one after every change; None where no registry can be read.

        SQLite alone opens the file: whoever else closes it ends the locks that other threads of the
        process hold on it, and a writer that has lost its lock damages the database.
        Source: https://www.sqlite.org/howtocorrupt.html, section 2.2
        """
        try:
            with self.looking() as connection:
                if connection is None:
                    return None
                last = connection.execute("SELECT max(number) FROM event").get
                return identity_of(self.path), last
        except RegistryError:
            return None

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
