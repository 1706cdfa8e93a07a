"""Looks at every window that ends, and sends what operators are to be told.

One process of all that use a home folder looks and sends at a time: the one that holds the lock. What
was sent is noted right after; only a process that is killed in between lets it be sent again, under
the same number. Nothing here is on the path of a request.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

from podium.bundle.baseline import Period
from podium.deployments.deployment import Deployment
from podium.errors import PodiumError
from podium.flow.version import LoadedVersion
from podium.monitoring.alarms import (
    Alarm,
    AlarmKey,
    AlarmKind,
    alarms,
    is_enough,
    refused_are_enough,
    silence,
)
from podium.monitoring.alerts import Alert, Happening, Look
from podium.monitoring.alerts_file import AHEAD_HOURS, AlertsFile, Notice
from podium.monitoring.channels import Channel, NotSent
from podium.monitoring.counts import histograms_of
from podium.monitoring.decline import declined, key_of, standards_of, windows_of
from podium.monitoring.decline import is_enough as has_enough_truths
from podium.monitoring.monitoring import Monitoring
from podium.monitoring.pieces import HOUR_US
from podium.monitoring.windows import WINDOW_HOURS, Sums, start_of
from podium.outbox.lock import FileLock
from podium.records.store import Store

LOOK_S, SOON_S = 30.0, 1.0
# Counts are written a second after the answers; a process that is busy takes longer.
SETTLED_US = 60_000_000
# A message has so many alerts at most; a webhook that fails for half a day never gets them.
SENT_TOGETHER, TRIES_MAX = 100, 16
RETRY_US, RETRY_MAX_US = 60_000_000, 3_600_000_000
_LOCK = "alerts.lock"
_CLOSED_S = 5.0
# Between pages of records, so that requests have their turn.
_PAGE_PAUSE_S = 0.01
_DAY, _WEEK = 24, 168
_OF_COUNTS: frozenset[AlarmKind] = frozenset(get_args(AlarmKind)) - {
    "refused",
    "silence",
    "quality",
}
_log = logging.getLogger("podium")


class Lookout:
    """Looks at the windows of some models, in a thread of its own.

    Args:
        deployments: the models, by name.
        store: has the records, whose truths tell how good predictions are.
        windows: that are looked at.
        clock_us: the time in microseconds since 1970.
    """

    def __init__(
        self,
        monitoring: Monitoring,
        deployments: Mapping[str, Deployment],
        file: AlertsFile,
        home: Path,
        *,
        windows: Sequence[Period],
        store: Store | None = None,
        channels: Sequence[Channel] = (),
        look_s: float = LOOK_S,
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self._monitoring = monitoring
        self._deployments = deployments
        self._file = file
        self._windows = windows
        self._store = store
        self._channels = channels
        self._lock_path = home / _LOCK
        self._look_s = look_s
        self._clock_us = clock_us
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="podium-alerts", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        if not self._thread.is_alive():
            self._thread.start()

    def close(self) -> None:
        """Stop looking; waits some seconds for a look that has begun."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSED_S)

    def look(self) -> bool:
        """Look at the windows that ended, and send; returns whether no other process does."""
        try:
            with FileLock(self._lock_path):
                for model in self._deployments:
                    for period in self._windows:
                        self._look(model, period)
                self._send()
        except BlockingIOError:
            return False
        except (OSError, PodiumError) as error:
            _log.error("alerts_not_looked_at: %s", error)
        return True

    def _run(self) -> None:
        wait_s = min(SOON_S, self._look_s)
        while not self._stop.wait(wait_s):
            self.look()
            wait_s = self._look_s

    def _look(self, model: str, period: Period) -> None:
        now_us = self._clock_us()
        until = start_of((now_us - SETTLED_US) // HOUR_US, period)
        if until <= self._file.looked(model, period) <= until + AHEAD_HOURS:
            return
        try:
            looks = list(self._looks(model, period, until))
        except PodiumError as error:
            _log.error("alerts_not_looked_at: %s: %s", model, error, extra={"model": model})
            return
        names = [one.name for one in self._channels]
        for happening, alert in self._file.take(model, period, until, looks, names, now_us):
            _logged(happening, alert)

    def _looks(self, model: str, period: Period, until: int) -> Iterator[Look]:
        answering = {one.digest: one for one in self._deployments[model].traffic.answering}
        gone = {one.digest for one in self._file.alerts(model)} - {"", *answering}
        yield from (Look(model, period, one, is_gone=True) for one in gone)
        for version in answering.values():
            yield self._look_of(model, period, until, version)
        if period == "hour":
            alarm = self._silence(model, until)
            tells: frozenset[AlarmKind | AlarmKey] = frozenset({"silence"})
            yield Look(model, period, alarms=() if alarm is None else (alarm,), tells=tells)

    def _look_of(self, model: str, period: Period, until: int, version: LoadedVersion) -> Look:
        n_hours = WINDOW_HOURS[period]
        start = until - 2 * n_hours
        found = self._monitoring.windows(model, version.digest, period, start, until)
        earlier, latest = (found.get(hour, Sums()) for hour in (start, until - n_hours))
        tells: frozenset[AlarmKind | AlarmKey] = _OF_COUNTS if is_enough(latest) else frozenset()
        if refused_are_enough(latest):
            tells |= {"refused"}
        some = alarms(histograms_of(version.bundle.baseline), earlier, latest, period)
        for key, decline in self._declines(period, until, version):
            tells |= {key}
            some += [] if decline is None else [decline]
        return Look(model, period, version.digest, version.version, tuple(some), tells)

    def _declines(
        self, period: Period, until: int, version: LoadedVersion
    ) -> Iterator[tuple[AlarmKey, Alarm | None]]:
        """Whether predictions got worse, for each output with truths enough to tell."""
        standards = standards_of(version.bundle.card, version.signature.outputs)
        if self._store is None or not standards:
            return
        try:
            windows = windows_of(
                self._store,
                version.bundle,
                standards,
                period,
                until,
                lambda: self._stop.wait(_PAGE_PAUSE_S),
            )
        except PodiumError as error:  # drift is told of while the store can't be read
            _log.error("quality_not_looked_at: %s: %s", version.name, error)
            return
        for standard, (earlier, latest) in zip(standards, windows, strict=True):
            if has_enough_truths(latest):
                found = declined(standard, earlier, latest, period, len(standards))
                yield key_of(standard), found

    def _silence(self, model: str, until: int) -> Alarm | None:
        now = self._rows(model, until)
        if now[1]:
            return None
        # A model that is younger than four weeks is compared with the days before.
        weeks = tuple(self._rows(model, until - at * _WEEK) for at in range(1, 5))
        if sum(weeks[-1]):
            return silence(now, weeks)
        return silence(now, tuple(self._rows(model, until - at * _DAY) for at in range(1, 8)))

    def _rows(self, model: str, until: int) -> tuple[int, int]:
        """The rows of the two hours before, answered or not."""
        rows = [0, 0]
        for key, sums in self._monitoring.read(model, until - 2, until).items():
            if key.role == "primary" and key.n_hours == 1:
                rows[key.hour - until + 2] += sums.n_rows + sums.n_refused
        return rows[0], rows[1]

    def _send(self) -> None:
        self._file.drop_all_but([one.name for one in self._channels])
        for channel in self._channels:
            while notices := self._file.due(channel.name, self._clock_us(), SENT_TOGETHER):
                if not self._sent(channel, notices) or self._stop.is_set():
                    break

    def _sent(self, channel: Channel, notices: Sequence[Notice]) -> bool:
        try:
            channel.send(notices)
        except NotSent as error:
            lost = [one for one in notices if one.n_tries + 1 >= TRIES_MAX]
            n_tries = min(one.n_tries for one in notices)
            wait_us = min(RETRY_US << n_tries, RETRY_MAX_US)
            _log.error("alerts_not_sent: %s: %s", channel.name, error)
            if lost:
                _log.error("alerts_given_up: %s: %d", channel.name, len(lost))
            self._file.sent(lost)
            self._file.postpone(notices, self._clock_us() + wait_us)
            return False
        self._file.sent(notices)
        return True


def _logged(happening: Happening, alert: Alert) -> None:
    level = logging.INFO if happening == "resolved" else logging.WARNING
    _log.log(
        level,
        "alert_%s: %s: %s",
        happening,
        alert.model,
        alert.sentence,
        extra={"model": alert.model},
    )
