"""Metrics of the records that wait for the store, and of failures."""

from __future__ import annotations

import time

from podium.metrics import families
from podium.metrics.metrics import Metrics
from podium.outbox.recorder import Recorder


def watch_recorder(metrics: Metrics, recorder: Recorder) -> None:
    """Add the waiting records to the metrics, for a recorder with an outbox."""
    if recorder.folder is None:  # not its backlog, which would open the outbox
        return

    def watch(family: families.Family, name: str) -> None:
        metrics.watch(family, lambda: getattr(recorder.backlog, name))

    watch(families.OUTBOX_ROWS, "n_rows")
    watch(families.STORE_ERRORS, "n_errors")
    watch(families.DROPPED, "n_dropped")
    watch(families.SET_ASIDE, "n_refused")
    metrics.watch(families.OUTBOX_AGE, lambda: _age_s(recorder))


def _age_s(recorder: Recorder) -> float:
    oldest_s = recorder.backlog.oldest_s if recorder.backlog else 0.0
    return max(time.time() - oldest_s, 0.0) if oldest_s else 0.0
