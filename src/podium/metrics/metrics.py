"""Metrics of one worker: what is counted on the path of a prediction, and what is read on demand.

A number has one writer at a time. The thread that created the `Metrics`, which in a server is that
of the event loop, counts in numbers of its own, without a lock; all other threads share others,
under a lock. Readers add the two. So nothing is lost, with or without a GIL, and the loop never
waits.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import get_ident
from typing import Literal, TypeAlias

from podium.errors import PodiumError, StoreError
from podium.metrics import families
from podium.metrics.families import BATCH_BOUNDS, LATENCY_BOUNDS_US, Family, Series
from podium.metrics.process import resident_bytes
from podium.metrics.siblings import Place
from podium.metrics.snapshot import Counted, Snapshot, merged, total

Lane: TypeAlias = Literal["fast", "asgi", "grpc"]
LANES: tuple[Lane, ...] = ("fast", "asgi", "grpc")
OUTCOMES = ("ok", "invalid", "failed", "refused")
# A worker that wrote nothing for this long hangs or is gone: its current values are ignored.
FRESH_S = 10.0

_log = logging.getLogger("podium")


class _Counts:
    """Numbers of one model that one thread writes at a time."""

    __slots__ = ("batches", "latencies", "latency_us", "n_rows", "ran_us", "requests", "waited_us")

    def __init__(self) -> None:
        # All of them from the beginning: a series that appears with its first failure has no rate.
        self.requests = {(lane, outcome): 0 for lane in LANES for outcome in OUTCOMES}
        self.n_rows = self.waited_us = self.ran_us = 0
        self.latencies = [0] * (len(LATENCY_BOUNDS_US) + 1)
        self.latency_us = 0
        self.batches: dict[str, list[int]] = {}

    def count_predicted(
        self,
        n_requests: int,
        n_rows: int,
        latencies_us: Sequence[int],
        lane: Lane,
        waited_us: int,
        ran_us: int,
    ) -> None:
        self.requests[lane, "ok"] += n_requests
        self.n_rows += n_rows
        self.waited_us += waited_us
        self.ran_us += ran_us
        if not latencies_us:
            return
        self.latency_us += sum(latencies_us)
        # Requests of one batch mostly fall into one bucket: 4 us for 64 of them, not 10.
        lowest = bisect_left(LATENCY_BOUNDS_US, min(latencies_us))
        if max(latencies_us) <= LATENCY_BOUNDS_US[min(lowest, len(LATENCY_BOUNDS_US) - 1)]:
            self.latencies[lowest] += len(latencies_us)
            return
        for latency_us in latencies_us:
            self.latencies[bisect_left(LATENCY_BOUNDS_US, latency_us)] += 1

    def refused(self, outcome: str, lane: Lane, n_requests: int) -> None:
        self.requests[lane, outcome] += n_requests

    def batched(self, n_rows: int, reason: str) -> None:
        sizes = self.batches.get(reason)
        if sizes is None:
            sizes = self.batches[reason] = [0] * (len(BATCH_BOUNDS) + 2)
        # The bounds are powers of two.
        sizes[min((n_rows - 1).bit_length(), len(BATCH_BOUNDS))] += 1
        sizes[-1] += n_rows

    def counted(self, model: str, version: str) -> Counted:
        counters = {
            families.REQUESTS.series(model, version, *labels): count
            for labels, count in self.requests.items()
        }
        counters[families.ROWS.series(model, version)] = self.n_rows
        counters[families.WAITED.series(model, version)] = self.waited_us
        counters[families.RAN.series(model, version)] = self.ran_us
        durations = [*self.latencies, self.latency_us]
        histograms = {families.DURATION.series(model, version): durations}
        # Copied first: a new reason may be added meanwhile.
        for reason, sizes in self.batches.copy().items():
            histograms[families.BATCH_ROWS.series(model, version, reason)] = sizes.copy()
        return Counted(counters, histograms)


class ModelMetrics:
    """What is counted for one version of a model. Created by `Metrics.of`."""

    __slots__ = ("_lock", "_model", "_other_counts", "_owner", "_owner_counts", "_version")

    def __init__(self, model: str, version: str, owner: int) -> None:
        self._model = model
        self._version = version
        self._owner = owner
        self._owner_counts = _Counts()
        self._other_counts = _Counts()
        self._lock = threading.Lock()

    def count_predicted(
        self,
        n_requests: int,
        n_rows: int,
        latencies_us: Sequence[int],
        lane: Lane = "fast",
        waited_us: int = 0,
        ran_us: int = 0,
    ) -> None:
        """Count the requests of a batch that got predictions.

        Args:
            latencies_us: of each request, from its arrival on.
            waited_us: how long they waited for the model, in sum.
            ran_us: how long its call took, once for each of them.
        """
        spent = waited_us, ran_us
        if get_ident() == self._owner:
            self._owner_counts.count_predicted(n_requests, n_rows, latencies_us, lane, *spent)
        else:
            with self._lock:
                self._other_counts.count_predicted(n_requests, n_rows, latencies_us, lane, *spent)

    def refused(self, status: int, lane: Lane = "fast", n_requests: int = 1) -> None:
        """Count failed requests, by their status.

        503 and 429 are `refused`, others from 500 on `failed`, and those below are `invalid`.
        """
        outcome = outcome_of(status)
        if get_ident() == self._owner:
            self._owner_counts.refused(outcome, lane, n_requests)
        else:
            with self._lock:
                self._other_counts.refused(outcome, lane, n_requests)

    def batched(self, n_rows: int, reason: str) -> None:
        """Count a call of the model, and the reason for its batch."""
        if get_ident() == self._owner:
            self._owner_counts.batched(n_rows, reason)
        else:
            with self._lock:
                self._other_counts.batched(n_rows, reason)

    def counted(self) -> Counted:
        """What has been counted so far."""
        some = (self._owner_counts, self._other_counts)
        return total(one.counted(self._model, self._version) for one in some)


class Metrics:
    """All metrics of one worker, and of its siblings if they share a folder.

    Args:
        clock: seconds of a clock that all processes of the machine share.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._owner = get_ident()
        self._models: dict[tuple[str, str], ModelMetrics] = {}
        self._watched: dict[Series, Callable[[], float | None]] = {}
        self._lock = threading.Lock()
        self._place: Place | None = None
        self._pid = 0
        self._is_failing = False
        self._is_closed = False
        began_s = time.time()
        self.watch(families.STARTED, lambda: began_s)
        self.watch(families.MEMORY, resident_bytes)
        self.watch(families.WORKERS, lambda: 1)

    def of(self, model: str, version: str) -> ModelMetrics:
        """The metrics of this version of a model; get them once, and keep the reference."""
        metrics = self._models.get((model, version))
        if metrics is None:
            created = ModelMetrics(model, version, self._owner)
            metrics = self._models.setdefault((model, version), created)
        return metrics

    def watch(self, family: Family, read: Callable[[], float | None], *labels: str) -> None:
        """Call this function whenever the metrics are read; a later one replaces it.

        Args:
            read: called from any thread. Returns None if there is no number now.
            labels: their values, in the family's order.
        """
        self._watched[family.series(*labels)] = read

    def snapshot(self) -> Snapshot:
        """The current metrics of this worker."""
        counters: dict[Series, int] = {}
        current: dict[Series, float] = {}
        for series, read in self._watched.copy().items():
            value = _value_of(read)
            if value is None:
                continue
            if families.BY_NAME[series[0]].outlives_worker:
                counters[series] = int(value)
            else:
                current[series] = value
        models = [one.counted() for one in self._models.copy().values()]
        return Snapshot(self._clock(), total([*models, Counted(counters)]), current)

    def write_snapshot(self, folder: Path) -> None:
        """Write a snapshot for the siblings: the workers that share the folder.

        Call it about once a second, in any thread. A failing disk is logged.
        """
        with self._lock:
            if self._is_closed:
                return  # in a second folder it would count twice
            try:
                if self._place is None or self._pid != os.getpid():
                    self._place, self._pid = Place(folder), os.getpid()
            except OSError as error:
                self._failed(error)
            else:
                self._write(self._place, self.snapshot())

    def merged(self) -> Snapshot:
        """The metrics of all workers: exact for this one, for the others as of their last snapshot.

        Raises:
            StoreError: those of the others can't be read. Without them counters would decrease.
        """
        with self._lock:
            snapshot = self.snapshot()
            if self._place is None or self._pid != os.getpid():
                return snapshot
            # Written first: whichever sibling is scraped next reports no less than this one does
            # now.
            self._write(self._place, snapshot)
            try:
                ended, others = self._place.read()
            except OSError as error:
                raise StoreError(
                    f"the metrics in {self._place.folder} can't be read: {error.strerror}",
                    hint="look at the disk and at the folder's permissions",
                ) from error
        fresh = [one for one in others if snapshot.taken_s - one.taken_s <= FRESH_S]
        return Snapshot(
            snapshot.taken_s,
            total([ended, snapshot.counted, *(one.counted for one in others)]),
            merged([snapshot.current, *(one.current for one in fresh)]),
        )

    def close(self) -> None:
        """Leave the counts to the siblings: read and written once more, and never again."""
        with self._lock:
            self._is_closed = True
            if self._place is not None and self._pid == os.getpid():
                self._write(self._place, self.snapshot())
                self._place.close()
            self._place = None

    def _write(self, place: Place, snapshot: Snapshot) -> None:
        try:
            place.write(snapshot)
        except OSError as error:
            self._failed(error)
        else:
            self._is_failing = False

    def _failed(self, error: OSError) -> None:
        if not self._is_failing:  # once, not once a second
            _log.warning("metrics_not_written: %s", error)
        self._is_failing = True


def outcome_of(status: int) -> str:
    """The outcome of a failed request, by its status."""
    if status in (429, 503):
        return "refused"
    return "failed" if status >= 500 else "invalid"


def _value_of(read: Callable[[], float | None]) -> float | None:
    """The current value; None while the store fails."""
    try:
        return read()
    except (PodiumError, OSError):
        return None
