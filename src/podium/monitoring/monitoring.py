"""The monitoring of an app's models: counts what they answer, and reports it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from podium.bundle import Bundle
from podium.bundle.baseline import Histogram, Period
from podium.deployments.deployment import Deployment
from podium.deployments.registry import Registry
from podium.deployments.rows import CHAMPION
from podium.errors import InputError
from podium.metrics.families import LATENCY_BOUNDS_US
from podium.monitoring.counter import Counter
from podium.monitoring.counts import Counted, histograms_of
from podium.monitoring.counts_file import CountsFile
from podium.monitoring.drift import Drift, drift_of, thresholds_of
from podium.monitoring.pieces import HOUR_US
from podium.monitoring.report import (
    Report,
    VersionRows,
    Window,
    counts_of,
    latencies_of,
    measured,
    n_tests_of,
)
from podium.monitoring.shared_counts import counts_in
from podium.monitoring.windows import WINDOW_HOURS, Sums, start_of, total
from podium.records.counted import HOURS_A_DAY, Key, Role, Tally
from podium.records.store import Store

# Hours that are older become days.
HOURS_DAYS = 30
# How many windows a report has unless it is asked for others, and at most.
WINDOWS: dict[Period, int] = {"hour": 24, "day": 30, "week": 26}
WINDOWS_MAX = 1_000
_DRIFTS_MAX = 20_000


class Monitoring:
    """Counts what the models of an app answer, in a store or a file, and reports it.

    Args:
        deployments: what is served, by name.
        registry: has other versions of these models.
        days: how long counts are kept; 0 keeps them for ever.
        store: keeps the counts of all servers that use it, if it can; else they are in the home folder.

    Attributes:
        counter: observes the prediction service.
    """

    def __init__(
        self,
        home: Path,
        deployments: Mapping[str, Deployment],
        registry: Registry,
        *,
        days: int = 0,
        store: Store | None = None,
    ) -> None:
        self._file = counts_in(CountsFile(home / "monitoring.db"), store)
        self._deployments = deployments
        self._registry = registry
        self._days = days
        self.counter = Counter(self._file, self.tidy)
        self._drifts: dict[tuple[object, ...], Drift] = {}

    def flush(self) -> None:
        """Count and write what this process has answered so far."""
        self.counter.flush()

    def tidy(self) -> None:
        """Make days of hours that are old, and delete what is older than the settings want.

        Raises:
            StoreError: the file can't be used.
        """
        hour = _hour_now()
        self._file.make_days(hour - HOURS_DAYS * HOURS_A_DAY)
        if self._days:
            self._file.forget(hour - self._days * HOURS_A_DAY)

    def close(self) -> None:
        """Count and write what waits, and end."""
        self.counter.close()

    def read(self, model: str, since_hour: int, until_hour: int) -> dict[Key, Sums]:
        """What was counted of a model, by version, role and hour or day.

        Args:
            since_hour: in hours since 1970.
            until_hour: the hour after the last one.

        Raises:
            StoreError: it can't be read.
        """
        found = self._file.read(model, since_hour, until_hour)
        return {key: total(tallies) for key, tallies in found.items()}

    def last_hours(self) -> dict[str, int]:
        """The last hour in which each model was used, in hours since 1970; of old ones the day's last.

        Raises:
            StoreError: it can't be read.
        """
        return self._file.last_hours()

    def windows(
        self,
        model: str,
        digest: str,
        window: Period,
        since_hour: int,
        until_hour: int,
        *,
        role: Role = "primary",
    ) -> dict[int, Sums]:
        """What was counted of a version, by the first hour of each window that has any.

        Raises:
            StoreError: it can't be read.
        """
        found = self._file.read(model, start_of(since_hour, window), until_hour)
        sums = _by_window(_of(found, digest, role), window)
        return {
            hour: one for (hour, n_hours), one in sums.items() if n_hours == WINDOW_HOURS[window]
        }

    def report(
        self,
        model: str,
        window: Period = "day",
        since_us: int | None = None,
        *,
        version: str = "",
        role: Role = "primary",
        now_us: int | None = None,
    ) -> Report:
        """What a version saw and predicted, and how far that is from its training data.

        Args:
            since_us: a moment in the first window, in microseconds since 1970; by default so long
                ago that there are 24 hours, 30 days or 26 weeks.
            version: its name, its alias or its digest; the champion by default.
            now_us: the end of the report.

        Raises:
            NotFound: there is no such model, or no such version any more.
            InputError: there would be too many windows.
            StoreError: the counts can't be read.
        """
        now_us = time.time_ns() // 1_000 if now_us is None else now_us
        n_hours, end = WINDOW_HOURS[window], now_us // HOUR_US + 1
        if since_us is None:
            since_us = now_us - (WINDOWS[window] - 1) * n_hours * HOUR_US
        start = start_of(since_us // HOUR_US, window)
        if end - start > WINDOWS_MAX * n_hours:
            raise InputError(
                f"from then on there are more than {WINDOWS_MAX:,} windows",
                hint="choose a later time, or longer windows",
            )
        bundle = self.bundle(model, version)
        found = self._file.read(model, start, end)
        own = _of(found, bundle.digest, role)
        sums = total(one for tallies in own.values() for one in tallies)
        histograms = histograms_of(bundle.baseline)
        n_tests = n_tests_of(histograms)
        longest = [one for one, span in WINDOW_HOURS.items() if span <= max(1, end - start)]
        rows = [measured(what, one, sums, n_tests, longest[-1]) for what, one in histograms.items()]
        rows.sort(key=lambda one: -one.psi)
        order = {
            Counted(one.kind, one.name): histograms[Counted(one.kind, one.name)] for one in rows
        }
        windows = _by_window(own, window)
        return Report(
            model=model,
            version=bundle.version,
            digest=bundle.digest,
            role=role,
            window=window,
            since_us=start * HOUR_US,
            until_us=now_us,
            n_rows=sums.n_rows,
            n_counted=sums.n_counted,
            n_refused=sums.n_refused,
            has_baseline=bool(histograms),
            latency_bounds_us=LATENCY_BOUNDS_US,
            measured=tuple(rows),
            windows=tuple(
                self._window(bundle.digest, hour, span, one, order, n_tests, window)
                for (hour, span), one in sorted(windows.items())
            ),
            versions=self._versions(model, found),
        )

    def bundle(self, model: str, version: str = "") -> Bundle:
        """A version of a model, by its name, its alias or its digest; the champion by default.

        Raises:
            NotFound: there is no such model, or no such version any more.
            PodiumError: it can't be read.
        """
        deployment = self._deployments.get(model)
        if deployment is not None:
            traffic = deployment.traffic
            if not version:
                return traffic.champion.bundle
            for one in (traffic.champion, traffic.challenger, traffic.previous):
                if one is not None and one.digest == version:
                    return one.bundle
        return self._registry.bundle(self._registry.find(model, version or CHAMPION))

    def _window(
        self,
        digest: str,
        hour: int,
        n_hours: int,
        sums: Sums,
        order: Mapping[Counted, Histogram],
        n_tests: int,
        window: Period,
    ) -> Window:
        drifts = [
            self._drift((digest, hour, n_hours), what, sums, one) for what, one in order.items()
        ]
        return Window(
            time_us=hour * HOUR_US,
            n_hours=n_hours,
            n_rows=sums.n_rows,
            n_counted=sums.n_counted,
            n_refused=sums.n_refused,
            latencies=latencies_of(sums),
            psi=tuple(one.psi for one in drifts),
            p_value=tuple(one.p_value for one in drifts),
            level=tuple(
                one.level_for(n_tests, *thresholds_of(histogram, window, one.n_rows))
                for one, histogram in zip(drifts, order.values(), strict=True)
            ),
        )

    def _drift(
        self, place: tuple[str, int, int], what: Counted, sums: Sums, histogram: Histogram
    ) -> Drift:
        """The drift of a window; that of one which ended is computed once."""
        counts = counts_of(what, histogram, sums)
        key = (*place, what, sums.n_counted)
        found = self._drifts.get(key)
        if found is None:
            if len(self._drifts) >= _DRIFTS_MAX:
                self._drifts.clear()
            found = self._drifts[key] = drift_of(histogram, counts)
        return found

    def _versions(self, model: str, found: Mapping[Key, list[Tally]]) -> tuple[VersionRows, ...]:
        names = {one.digest: one.name for one in self._registry.versions(model)}
        if model in self._deployments:  # a function that is served has no other place
            champion = self._deployments[model].traffic.champion
            names.setdefault(champion.digest, champion.version)
        sums: dict[tuple[str, Role], Sums] = {}
        for key, tallies in found.items():
            one = sums.setdefault((key.digest, key.role), Sums())
            one.n_rows += sum(tally.n_rows for tally in tallies)
            one.n_refused += sum(tally.n_refused for tally in tallies)
        return tuple(
            VersionRows(
                version=names.get(digest, ""),
                digest=digest,
                role=role,
                n_rows=one.n_rows,
                n_refused=one.n_refused,
            )
            for (digest, role), one in sums.items()
        )


def _hour_now() -> int:
    return time.time_ns() // 1_000 // HOUR_US


def _of(found: Mapping[Key, list[Tally]], digest: str, role: Role) -> dict[Key, list[Tally]]:
    return {key: some for key, some in found.items() if (key.digest, key.role) == (digest, role)}


def _by_window(found: Mapping[Key, list[Tally]], window: Period) -> dict[tuple[int, int], Sums]:
    """The sums by the first hour and the length of each window."""
    windows: dict[tuple[int, int], Sums] = {}
    for key, tallies in found.items():
        n_hours = max(WINDOW_HOURS[window], key.n_hours)
        sums = windows.setdefault((start_of(key.hour, window), n_hours), Sums())
        for one in tallies:
            sums.add(one)
    return windows
