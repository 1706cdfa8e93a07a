"""The file of the alerts: an SQLite database that is opened for each look and each change.

One process of all that use a home folder writes what windows show, and sends what operators are to
be told; every one of them reads, and acknowledges. Each change is a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import apsw
import msgspec

from podium.bundle.baseline import Period
from podium.errors import NotFound
from podium.monitoring.alerts import Alert, Happening, Look, State, advance
from podium.records.home_file import HomeFile

ENDED_KEPT = 1_000
# A window that ended later than that was looked at while the clock was wrong.
AHEAD_HOURS = 336
SHOWN_MAX = 500
_TABLES = """
CREATE TABLE alert (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    model TEXT NOT NULL,
    state TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;
CREATE INDEX alert_by_model ON alert (model, state);
CREATE TABLE looked (
    model TEXT NOT NULL,
    period TEXT NOT NULL,
    until_hour INTEGER NOT NULL,
    PRIMARY KEY (model, period)
) STRICT, WITHOUT ROWID;
CREATE TABLE notice (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    happened TEXT NOT NULL,
    content TEXT NOT NULL,
    due_us INTEGER NOT NULL,
    n_tries INTEGER NOT NULL
) STRICT;
"""
_ALERT = msgspec.json.Decoder(Alert)


class Notice(NamedTuple):
    """What is to be sent.

    Attributes:
        number: the same at every try.
        n_tries: how often it couldn't be sent.
    """

    number: int
    happened: Happening
    alert: Alert
    n_tries: int


class AlertsFile(HomeFile):
    """The database; it is made at the first look."""

    application_id = 0x506F6461  # "Poda"
    migrations = (_TABLES,)
    damage = (msgspec.DecodeError,)

    def alerts(self, model: str, states: Sequence[State] = ("pending", "firing")) -> list[Alert]:
        """The alerts of a model, the newest first; at most SHOWN_MAX of them.

        Raises:
            StoreError: the file can't be read.
        """
        with self.looking() as connection:
            return [] if connection is None else _alerts(connection, model, states)

    def counts(self) -> dict[tuple[str, str, str], int]:
        """How many alerts are open, by model, kind and state; acknowledged ones are a state.

        Raises:
            StoreError: the file can't be read.
        """
        found: dict[tuple[str, str, str], int] = {}
        with self.looking() as connection:
            if connection is None:
                return {}
            sql = "SELECT number, content FROM alert WHERE state != 'resolved'"
            for alert in _decoded(connection.execute(sql)):
                state = alert.state if alert.acknowledged_us is None else "acknowledged"
                place = (alert.model, alert.kind, state)
                found[place] = found.get(place, 0) + 1
        return found

    def acknowledge(self, model: str, number: int, actor: str, note: str, now_us: int) -> Alert:
        """Note who knows of an alert; the first one stays. One that has ended stays as it is.

        Raises:
            NotFound: the model has no such alert.
            StoreError: the file can't be used.
        """
        with self.changing() as connection:
            sql = "SELECT number, content FROM alert WHERE number = ? AND model = ?"
            alert = next(_decoded(connection.execute(sql, (number, model))), None)
            if alert is None:
                raise NotFound(f"{model} has no alert {number}", hint="the list of alerts has them")
            if alert.acknowledged_us is None and alert.state != "resolved":
                alert = msgspec.structs.replace(
                    alert, acknowledged_us=now_us, acknowledged_by=actor, note=note
                )
                _put(connection, alert)
        return alert

    def looked(self, model: str, period: Period) -> int:
        """The hour after the last window of a model that was looked at; 0 before the first.

        Raises:
            StoreError: the file can't be read.
        """
        with self.looking() as connection:
            if connection is None:
                return 0
            sql = "SELECT until_hour FROM looked WHERE model = ? AND period = ?"
            until_hour: int = connection.execute(sql, (model, period)).get or 0
        return until_hour

    def take(
        self,
        model: str,
        period: Period,
        until_hour: int,
        looks: Iterable[Look],
        channels: Iterable[str],
        now_us: int,
    ) -> list[tuple[Happening, Alert]]:
        """Write what a window shows, once, and what is to be sent; returns what happened.

        Args:
            until_hour: the hour after the window; one that was looked at before changes nothing.

        Raises:
            StoreError: the file can't be used; nothing changed.
        """
        happened: list[tuple[Happening, Alert]] = []
        with self.changing() as connection:
            sql = (
                "INSERT INTO looked VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET until_hour = excluded.until_hour WHERE until_hour < excluded.until_hour"
                " OR until_hour > excluded.until_hour + ?"
            )
            connection.execute(sql, (model, period, until_hour, AHEAD_HOURS))
            if not connection.changes():
                return []
            for look in looks:
                alerts = _alerts(connection, model, ("pending", "firing"), -1)
                changed, some = advance(alerts, look, now_us)
                numbers = {one.key: _put(connection, one) for one in changed}
                happened += [
                    (what, msgspec.structs.replace(one, number=numbers[one.key]))
                    for what, one in some
                ]
            for channel in channels:
                for what, alert in happened:
                    row = (channel, what, msgspec.json.encode(alert).decode(), now_us, 0)
                    connection.execute("INSERT INTO notice VALUES (NULL, ?, ?, ?, ?, ?)", row)
            _forget(connection, model)
        return happened

    def due(self, channel: str, now_us: int, limit: int) -> list[Notice]:
        """What is to be sent through a channel now, the oldest first.

        Raises:
            StoreError: the file can't be read.
        """
        with self.looking() as connection:
            if connection is None:
                return []
            sql = (
                "SELECT number, happened, content, n_tries FROM notice"
                " WHERE channel = ? AND due_us <= ? ORDER BY number LIMIT ?"
            )
            rows: list[Any] = connection.execute(sql, (channel, now_us, limit)).fetchall()
        return [Notice(row[0], row[1], _ALERT.decode(row[2]), row[3]) for row in rows]

    def sent(self, notices: Iterable[Notice]) -> None:
        """Note that these were sent, or never will be.

        Raises:
            StoreError: the file can't be used.
        """
        with self.changing() as connection:
            numbers = [(one.number,) for one in notices]
            connection.executemany("DELETE FROM notice WHERE number = ?", numbers)

    def postpone(self, notices: Iterable[Notice], due_us: int) -> None:
        """Note that these couldn't be sent, and when they are to be tried again.

        Raises:
            StoreError: the file can't be used.
        """
        with self.changing() as connection:
            sql = "UPDATE notice SET due_us = ?, n_tries = n_tries + 1 WHERE number = ?"
            connection.executemany(sql, [(due_us, one.number) for one in notices])

    def drop_all_but(self, channels: Sequence[str]) -> None:
        """Forget what was to be sent through channels that the settings no longer have.

        Raises:
            StoreError: the file can't be used.
        """
        if self.path.exists():
            with self.changing() as connection:
                marks = ", ".join("?" * len(channels))
                sql = f"DELETE FROM notice WHERE channel NOT IN ({marks})"  # noqa: S608
                connection.execute(sql, tuple(channels))


def _decoded(rows: Iterable[Any]) -> Iterator[Alert]:
    for number, text in rows:
        yield msgspec.structs.replace(_ALERT.decode(text), number=number)


def _alerts(
    connection: apsw.Connection, model: str, states: Sequence[State], limit: int = SHOWN_MAX
) -> list[Alert]:
    marks = ", ".join("?" * len(states))
    sql = (
        f"SELECT number, content FROM alert WHERE model = ? AND state IN ({marks})"  # noqa: S608
        " ORDER BY number DESC LIMIT ?"
    )
    return list(_decoded(connection.execute(sql, (model, *states, limit))))


def _put(connection: apsw.Connection, alert: Alert) -> int:
    """Write an alert; one that ended before it fired is deleted. Returns its number."""
    if alert.state == "resolved" and alert.fired_us is None:
        connection.execute("DELETE FROM alert WHERE number = ?", (alert.number,))
        return alert.number
    row = (alert.number or None, alert.model, alert.state, msgspec.json.encode(alert).decode())
    connection.execute("INSERT OR REPLACE INTO alert VALUES (?, ?, ?, ?)", row)
    return connection.last_insert_rowid()


def _forget(connection: apsw.Connection, model: str) -> None:
    """Delete the oldest alerts of a model that have ended, but ENDED_KEPT of them."""
    sql = (
        "DELETE FROM alert WHERE model = ? AND state = 'resolved' AND number <= (SELECT number"
        " FROM alert WHERE model = ? AND state = 'resolved' ORDER BY number DESC LIMIT 1 OFFSET ?)"
    )
    connection.execute(sql, (model, model, ENDED_KEPT))
