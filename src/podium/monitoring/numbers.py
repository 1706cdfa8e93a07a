"""Alerts for Prometheus."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import get_args

from podium.errors import StoreError
from podium.metrics import families
from podium.metrics.metrics import Metrics
from podium.monitoring.alarms import AlarmKind
from podium.monitoring.alerts_file import AlertsFile

# Every series of a scrape is read from one look into the file.
_FRESH_S = 2.0


class _Open:
    """How many alerts are open, read once for a scrape."""

    def __init__(self, file: AlertsFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._read_s = float("-inf")
        self._counts: Mapping[tuple[str, str, str], int] | None = None

    def number(self, model: str, kind: str, state: str) -> float | None:
        """How many there are; None while the file can't be read."""
        with self._lock:
            if time.monotonic() - self._read_s > _FRESH_S:
                try:
                    self._counts = self._file.counts()
                except StoreError:
                    self._counts = None
                self._read_s = time.monotonic()
            found = self._counts
        return None if found is None else float(found.get((model, kind, state), 0))


def watch_alerts(metrics: Metrics, file: AlertsFile, models: Iterable[str]) -> None:
    """Report how many alerts of each model are open, by kind and state."""
    read = _Open(file)
    for model in models:
        for kind in get_args(AlarmKind):
            for state in ("pending", "firing", "acknowledged"):
                number = partial(read.number, model, kind, state)
                metrics.watch(families.ALERTS, number, model, kind, state)
