"""The file of the counts, to which every process with one home folder adds.

It has one row for each version, role and hour; days take the place of hours that are old. A row is
read, added to and written in one transaction, so that no count is lost or added twice.

Where a store keeps the counts of several servers, the file holds those that are on their way: rows
are moved to an entry, which stays the same until the store has it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import time
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import apsw
import msgspec

from podium.records.counted import HOURS_A_DAY, Entry, Found, Key, Tally, added, tally_of
from podium.records.home_file import HINT, HomeFile

# Of rows that are moved at once.
ENTRY_ROWS = 200
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
_MOVING = """
CREATE TABLE moving (
    source TEXT NOT NULL,
    number INTEGER NOT NULL,
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
CREATE TABLE source (name TEXT NOT NULL, number INTEGER NOT NULL) STRICT;
"""
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
_ROW = "model, digest, role, hour, n_hours, layout, n_rows, n_counted, n_refused, counts"
_MOVE = f"INSERT INTO moving SELECT ?, ?, {_ROW} FROM counted ORDER BY rowid LIMIT ?"  # noqa: S608
_MOVED = "DELETE FROM counted WHERE rowid IN (SELECT rowid FROM counted ORDER BY rowid LIMIT ?)"
_ENTRY = f"SELECT source, number, {_ROW}, text FROM moving JOIN layout ON layout.id = layout"  # noqa: S608
_LAST = (
    "SELECT model, max(hour + n_hours - 1) FROM (SELECT model, hour, n_hours FROM counted"
    " UNION ALL SELECT model, hour, n_hours FROM moving) GROUP BY model"
)
_OLD = (
    "SELECT model, digest, role, hour, layout, n_rows, n_counted, n_refused, counts"
    " FROM counted WHERE n_hours = 1 AND hour < ?"
)


class Moving(NamedTuple):
    """Counts on their way to a store."""

    entry: Entry
    tallies: list[tuple[Key, Tally]]


class CountsFile(HomeFile):
    """The database; it is made at the first count."""

    application_id = 0x506F646D  # "Podm"
    migrations = (_TABLES, _MOVING)
    journal = "wal"
    synchronous = "NORMAL"
    is_kept = True
    damage = (zlib.error, msgspec.DecodeError, ValueError)
    hint = f"{HINT}; without the file a new one begins"

    def add(self, tallies: Mapping[Key, Tally]) -> None:
        """Add counts to those that are there: all of them, or none.

        Raises:
            StoreError: the file can't be used; nothing was added.
        """
        with self.changing() as connection:
            for key, tally in tallies.items():
                _add(connection, key, tally)

    def read(self, model: str, since_hour: int, until_hour: int) -> Found:
        """The counts of a model that are here, by version, role and time.

        Of a version there is more than one tally only where another release of Podium counted
        otherwise.

        Args:
            since_hour: the first hour; a day counts where it begins.
            until_hour: the hour after the last one.

        Raises:
            StoreError: the file can't be read.
        """
        found, moving = self.read_apart(model, since_hour, until_hour)
        return added(found, *((key, [tally]) for key, tally in moving.tallies))

    def read_apart(self, model: str, since_hour: int, until_hour: int) -> tuple[Found, Moving]:
        """The counts of a model that are here, as `read`, and apart those that are on their way.

        If none are on their way, the entry is the last one that was.

        Raises:
            StoreError: the file can't be read.
        """
        found: Found = {}
        with self.looking() as connection:
            if connection is None:
                return {}, Moving(Entry("", 0), [])
            rows = connection.execute(_READ, (model, since_hour, until_hour))
            for digest, role, hour, n_hours, *numbers, text in rows:
                key = Key(model, digest, role, hour, n_hours)
                found.setdefault(key, []).append(tally_of(text, numbers))
            moving = _moving(connection) or Moving(_last(connection, self._place()), [])
        own = [
            (key, tally)
            for key, tally in moving.tallies
            if key.model == model and since_hour <= key.hour < until_hour
        ]
        return found, Moving(moving.entry, own)

    def move(self) -> Moving | None:
        """What is on its way; some rows more if nothing is. None where there are none.

        Raises:
            StoreError: the file can't be used; nothing changed.
        """
        if not self.path.exists():
            return None
        with self.changing() as connection:
            moving = _moving(connection)
            if moving is None and connection.execute("SELECT 1 FROM counted LIMIT 1").get:
                entry = _next(connection, self._place())
                connection.execute(_MOVE, (*entry, ENTRY_ROWS))
                connection.execute(_MOVED, (ENTRY_ROWS,))
                moving = _moving(connection)
        return moving

    def moved(self, entry: Entry) -> None:
        """Forget what is on its way: it has arrived.

        Raises:
            StoreError: the file can't be used; nothing changed.
        """
        with self.changing() as connection:
            connection.execute("DELETE FROM moving WHERE source = ? AND number = ?", entry)

    def last_hours(self) -> dict[str, int]:
        """The last hour in which something of each model was counted; of old days the last one.

        Raises:
            StoreError: the file can't be read.
        """
        with self.looking() as connection:
            if connection is None:
                return {}
            return dict(connection.execute(_LAST))

    def make_days(self, before_hour: int) -> int:
        """Add up the hours of each day before this hour; returns how many hours were replaced.

        Raises:
            StoreError: the file can't be used; nothing changed.
        """
        before_hour -= before_hour % HOURS_A_DAY
        if not self.path.exists():
            return 0
        with self.changing() as connection:
            texts = dict(connection.execute("SELECT id, text FROM layout"))
            old: list[Any] = connection.execute(_OLD, (before_hour,)).fetchall()
            for model, digest, role, hour, layout, *numbers in old:
                day = Key(model, digest, role, hour).day
                _add(connection, day, tally_of(texts[layout], numbers))
            connection.execute("DELETE FROM counted WHERE n_hours = 1 AND hour < ?", (before_hour,))
        return len(old)

    def forget(self, before_hour: int) -> None:
        """Delete what was counted before this hour.

        Raises:
            StoreError: the file can't be used; nothing changed.
        """
        if self.path.exists():
            with self.changing() as connection:
                connection.execute("DELETE FROM counted WHERE hour < ?", (before_hour,))

    def _place(self) -> str:
        """Where the file is: a copy of it on another machine, or in another file, is elsewhere."""
        return f"{socket.gethostname()} {os.stat(self.path).st_ino}"  # noqa: PTH116 - as in others


def _moving(connection: apsw.Connection) -> Moving | None:
    rows: list[Any] = connection.execute(_ENTRY).fetchall()
    if not rows:
        return None
    tallies = [
        (Key(model, digest, role, hour, n_hours), tally_of(text, numbers))
        for _, _, model, digest, role, hour, n_hours, _, *numbers, text in rows
    ]
    return Moving(Entry(*rows[0][:2]), tallies)


def _next(connection: apsw.Connection, place: str) -> Entry:
    """The name of the next entry.

    Its number is the time, so that it is greater than earlier ones also where an older copy of the
    file took its place.
    """
    if not connection.execute("SELECT 1 FROM source").get:
        connection.execute("INSERT INTO source VALUES (?, 0)", (secrets.token_hex(16),))
    number = max(_last(connection, place).number + 1, time.time_ns() // 1_000)
    connection.execute("UPDATE source SET number = ?", (number,))
    return _last(connection, place)


def _last(connection: apsw.Connection, place: str) -> Entry:
    """The name of the last entry, with the number 0 before the first."""
    name, number = connection.execute("SELECT name, number FROM source").fetchone() or ("", 0)
    return Entry(hashlib.sha256(f"{name} {place}".encode()).hexdigest()[:32], number)


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
    total = tally_of(tally.layout, before)
    total.add(tally)
    connection.execute(_UPDATE, (*total.numbers, *place))
