"""The file of the counts, to which every process with one home folder adds.

It has one row for each version, role and hour; days take the place of hours that are old. A row is
read, added to and written in one transaction, so that no count is lost or added twice.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import apsw
import msgspec
import numpy as np

from podium.monitoring.counts import Counted, Counts
from podium.monitoring.layout import places_of
from podium.records.home_file import HINT, HomeFile

Role = Literal["primary", "shadow"]
HOURS_A_DAY = 24
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


class CountsFile(HomeFile):
    """The database; it is made at the first count."""

    application_id = 0x506F646D  # "Podm"
    migrations = (_TABLES,)
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
        with self.looking() as connection:
            if connection is None:
                return {}
            rows = connection.execute(_READ, (model, since_hour, until_hour))
            for digest, role, hour, n_hours, *numbers, text in rows:
                key = Key(model, digest, role, hour, n_hours)
                found.setdefault(key, []).append(_tally(text, numbers))
        return found

    def last_hours(self) -> dict[str, int]:
        """The last hour in which something of each model was counted; of old days the last one.

        Raises:
            StoreError: the file can't be read.
        """
        with self.looking() as connection:
            if connection is None:
                return {}
            sql = "SELECT model, max(hour + n_hours - 1) FROM counted GROUP BY model"
            return dict(connection.execute(sql))

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
            with self.changing() as connection:
                connection.execute("DELETE FROM counted WHERE hour < ?", (before_hour,))


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
