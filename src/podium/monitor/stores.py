"""What is told of the store: how much waits for it, for how long, and what went wrong."""

from __future__ import annotations

import time

from podium.monitor import families
from podium.monitor.metrics import Metrics
from podium.records.outboxed import OutboxedStore
from podium.records.store import Store


def watch_store(metrics: Metrics, store: Store | None) -> None:
    """Have the metrics tell of this store, whichever way it keeps records."""
    if isinstance(store, OutboxedStore):
        metrics.watch(families.OUTBOX_ROWS, lambda: store.outbox.n_waiting)
        metrics.watch(families.OUTBOX_AGE, lambda: _age_s(store))
        metrics.watch(families.STORE_ERRORS, lambda: store.shipping.n_errors)
        metrics.watch(families.DROPPED, lambda: store.outbox.n_dropped)
        metrics.watch(families.SET_ASIDE, lambda: store.shipping.n_refused)


def _age_s(store: OutboxedStore) -> float:
    oldest_s = store.shipping.oldest_s
    return max(time.time() - oldest_s, 0.0) if oldest_s else 0.0
