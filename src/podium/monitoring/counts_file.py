"""The file of the counts, to which every process with one home folder adds.

It has one row for each version, role and hour; days take the place of hours that are old. A row is
read, added to and written in one transaction, so that no count is lost or added twice.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import apsw
import msgspec
import numpy as np

from podium.errors import StoreError
from podium.monitoring.counts import Counted, Counts
from podium.monitoring.layout import places_of
from podium.records import forks
from podium.records.stores.sqlite_file import Identity, identity_of

Role = Literal["primary", "shadow"]
HOURS_A_DAY = 24
_BUSY_MS = 5_000
_APPLICATION_ID = 0x506F646D  # "Podm"
_TABLES = """
CREATE TABLE layout (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE counted (
    model TEXT NOT NULL,
    digest TEXT NOT NULL,
    role TEXT NOT NULL,
    hour INTEGER NOT NULL,
    n_hours INTEGER NOT NULL,
    layout INTEGER NOT NULL,
    n_rows INTEGER NOT NULL,
    n_counted INTEGER NOT NULL,
    n_refused INTEGER NOT NULL,
    counts BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX counted_by_model
    ON counted (model, hour, digest, role, n_hours, layout);
CREATE INDEX counted_by_hour ON counted (n_hours, hour);
"""
# The step at place n leads from version n of the tables to n + 1.
_MIGRATIONS = (_TABLES,)
_KEY = "model = ? AND hour = ? AND digest = ? AND role = ? AND n_hours = ? AND layout = ?"
_FIND = f"SELECT n_rows, n_counted, n_refused, counts FROM counted WHERE {_KEY}"  # noqa: S608
_UPDATE = f"UPDATE counted SET n_rows = ?, n_counted = ?, n_refused = ?, counts = ? WHERE {_KEY}"  # noqa: S608
_INSERT = (
    "INSERT INTO counted (n_rows, n_counted, n_refused, counts,"
    " model, hour, digest, role, n_hours, layout) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_READ = (
    "SELECT digest, role, hour, n_hours, n_rows, n_counted, n_refused, counts, text"
    " FROM counted JOIN layout ON layout.id = layout"
    " WHERE model = ? AND hour >= ? AND hour < ? ORDER BY hour"
)
_OLD = (
    "SELECT model, digest, role, hour, layout, n_rows, n_counted, n_refused, counts"
    " FROM counted WHERE n_hours = 1 AND hour < ?"
)


class Key(NamedTuple):
    """Which rows were counted.

    Attributes:
        digest: of the version that answered.
        hour: the first one, in hours since 1970, UTC.
        n_hours: 1, or 24 for a day.
    """

    model: str
    digest: str
    role: Role
    hour: int
    n_hours: int = 1


@dataclass
class Tally:
    """What was counted of some rows.

    Attributes:
        layout: what stands where in `counts`, as text.
        n_rows: answered rows.
        n_counted: those of them whose values were counted: above a rate, only a sample is.
        n_refused: rows with a value that the signature refuses.
        counts: shape (n_slots,).
    """

    layout: str
    counts: Counts
    n_rows: int = 0
    n_counted: int = 0
    n_refused: int = 0
    _places: dict[Counted, slice] = field(default_factory=dict, repr=False)

    def add(self, other: Tally) -> None:
        """Add what was counted of others rows, in the same layout."""
        assert other.layout == self.layout
        self.counts = self.counts + other.counts
        self.n_rows += other.n_rows
        self.n_counted += other.n_counted
        self.n_refused += other.n_refused

    def by_name(self) -> dict[Counted, Counts]:
        """The counts of each thing that is counted."""
        self._places = self._places or places_of(self.layout)
        return {what: self.counts[place] for what, place in self._places.items()}

    @property
    def numbers(self) -> tuple[int, int, int, bytes]:
        """As a row of the table has them."""
        packed = zlib.compress(self.counts.astype("<i8").tobytes(), 1)
        return self.n_rows, self.n_counted, self.n_refused, packed


class CountsFile(forks.ForkAware):
    """The database; it is made at the first count.

    Args:
        path: in a folder that exists: if that is gone, it isn't ours to create.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Connections that no thread uses, with their file. Appending and popping need no lock.
        self._idle: list[tuple[Identity | None, apsw.Connection]] = []
        forks.watch(self)

    def before_fork(self) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; the next use opens one again."""
        while self._idle:
            with suppress(apsw.Error, IndexError):
                self._idle.pop()[1].close()

    def add(self, tallies: Mapping[Key, Tally]) -> None:
        """Add counts to those that are there: all of them, or none.

        Raises:
            StoreError: the file can't be used; nothing was added.
        """
        with self._writing() as connection:
            for key, tally in tallies.items():
                _add(connection, key, tally)

    def read(self, model: str, since_hour: int, until_hour: int) -> dict[Key, list[Tally]]:
        """The counts of a model, by version, role and time.

        Of a version there is more than one tally only where another release of Podium counted
        otherwise.

        Args:
            since_hour: the first hour; a day counts where it begins.
            until_hour: the hour after the last one.

        Raises:
            StoreError: the file can't be read.
        """
        found: dict[Key, list[Tally]] = {}
        with self._reading() as connection:
            if connection is None:
                return {}
            rows = connection.execute(_READ, (model, since_hour, until_hour))
            for digest, role, hour, n_hours, *numbers, text in rows:
                key = Key(model, digest, role, hour, n_hours)
                found.setdefault(key, []).append(_tally(text, numbers))
        return found

    def make_days(self, before_hour: int) -> int:
        """Add up the hours of each day before this hour; returns how many hours were replaced.

        Raises:
            StoreError: the file can't be used; nothing changed.
        """
        before_hour -= before_hour % HOURS_A_DAY
        if not self.path.exists():
            return 0
        with self._writing() as connection:
            texts = dict(connection.execute("SELECT id, text FROM layout"))
            old: list[Any] = connection.execute(_OLD, (before_hour,)).fetchall()
            for model, digest, role, hour, layout, *numbers in old:
                day = Key(model, digest, role, hour - hour % HOURS_A_DAY, HOURS_A_DAY)
                _add(connection, day, _tally(texts[layout], numbers))
            connection.execute("DELETE FROM counted WHERE n_hours = 1 AND hour < ?", (before_hour,))
        return len(old)

    def forget(self, before_hour: int) -> None:
        """Delete what was counted before this hour.

        Raises:
            StoreError: the file can't be used; nothing changed.
        """
        if self.path.exists():
            with self._writing() as connection:
                connection.execute("DELETE FROM counted WHERE hour < ?", (before_hour,))

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection | None]:
        if not self.path.exists():
            yield None
            return
        with self._using() as connection, connection:
            # 0: a process ended before it made the tables
            yield connection if connection.pragma("user_version") else None

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        with self._using() as connection:
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
    def _using(self) -> Iterator[apsw.Connection]:
        """A connection that no other thread uses; one that fails isn't used again."""
        with failures(self.path), forks.gate:
            file, connection = self._connection()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._idle.append((file, connection))

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
            with suppress(apsw.BusyError):  # others open it right now: the next one sets it
                connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "NORMAL")
            self._check(connection)
        except BaseException:
            connection.close()
            raise
        return identity_of(self.path), connection

    def _check(self, connection: apsw.Connection) -> None:
        version = connection.pragma("user_version")
        if version and connection.pragma("application_id") != _APPLICATION_ID:
            raise StoreError(f"{self.path} is a database of another program")
        if version > len(_MIGRATIONS):
            raise StoreError(f"{self.path} was written by a newer Podium", hint="update this one")


def _add(connection: apsw.Connection, key: Key, tally: Tally) -> None:
    insert = "INSERT INTO layout (text) VALUES (?) ON CONFLICT DO NOTHING"
    connection.execute(insert, (tally.layout,))
    layout = connection.execute("SELECT id FROM layout WHERE text = ?", (tally.layout,)).get
    model, digest, role, hour, n_hours = key
    place = (model, hour, digest, role, n_hours, layout)
    before = connection.execute(_FIND, place).fetchone()
    if before is None:
        connection.execute(_INSERT, (*tally.numbers, *place))
        return
    total = _tally(tally.layout, before)
    total.add(tally)
    connection.execute(_UPDATE, (*total.numbers, *place))


def _tally(layout: str, numbers: Sequence[Any]) -> Tally:
    n_rows, n_counted, n_refused, packed = numbers
    counts = np.frombuffer(zlib.decompress(packed), "<i8").astype(np.int64)
    return Tally(layout, counts, n_rows, n_counted, n_refused)


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
    """Turn what SQLite, the file system and damaged counts raise into a StoreError."""
    try:
        yield
    except (apsw.Error, OSError, zlib.error, msgspec.DecodeError, ValueError) as error:
        raise StoreError(
            f"{path} can't be used: {error}",
            hint="look at the disk and the folder's permissions; without the file a new one begins",
        ) from error
