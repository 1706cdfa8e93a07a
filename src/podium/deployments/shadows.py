"""The shadows of all models that are served here, as an observer of the prediction service."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

from podium.deployments.deployment import Deployment
from podium.deployments.shadow import Shadow, ShadowCounts
from podium.deployments.traffic import Traffic
from podium.errors import StoreError
from podium.flow.predict import PredictionService
from podium.flow.submission import Submission
from podium.flow.version import LoadedVersion
from podium.metrics import families
from podium.metrics.metrics import Metrics
from podium.outbox.deletion import Deletion
from podium.records.record import Record


class Shadows:
    """Starts and ends shadows as the traffic of the deployments says.

    The service is observed as long as there is one: without, requests cost nothing more.

    Args:
        deletion: deletes records; shadows of what it deleted meanwhile aren't recorded.
        rows_max: how many records may wait for the store. Above half of that shadows aren't
            recorded any more, so that they never take the place of what callers are answered.
        recorded: called with what a version predicted, once it is recorded.
    """

    def __init__(
        self,
        service: PredictionService,
        metrics: Metrics,
        trust: tuple[str, ...],
        *,
        deletion: Deletion | None,
        rows_max: int,
        recorded: Callable[[LoadedVersion, Sequence[Record]], object] = lambda *_: None,
    ) -> None:
        self._service = service
        self._metrics = metrics
        self._trust = trust
        self._deletion = deletion
        self._rows_max = rows_max
        self._when_recorded = recorded
        self._running: dict[str, tuple[Traffic, Shadow]] = {}
        self._counts: dict[tuple[str, str], ShadowCounts] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def follow(self, deployment: Deployment) -> None:
        """Start or end the shadow of a model, as its traffic says now."""
        with self._lock:
            traffic, running = deployment.traffic, dict(self._running)
            before = running.pop(deployment.name, None)
            is_wanted = traffic.mode == "shadow" and traffic.challenger is not None
            ended = None
            if is_wanted and not self._is_closed and self._deletion is not None:
                kept = before is not None and before[1].version.digest == _digest(traffic)
                ended = None if kept else before
                shadow = before[1] if kept and before is not None else self._start(traffic)
                running[deployment.name] = traffic, shadow
            else:
                ended = before
            self._running = running
            others = [one for one in self._service.observers if one is not self]
            self._service.observers = [*others, self] if running else others
        if ended is not None:
            ended[1].close()

    def observe(self, some: Sequence[Submission]) -> None:
        """Pass requests that the champion answered to its shadow."""
        found = self._running.get(some[0].version.name) if some else None
        if found is None:
            return
        traffic, shadow = found
        for one in some:
            is_shadowed = one.version is traffic.champion and bool(one.ids)
            if is_shadowed and (traffic.share >= 1 or traffic.is_within_share(one.ids[0])):
                shadow.offer(one)

    def close(self) -> None:
        """End all shadows."""
        with self._lock:
            self._is_closed = True
            running, self._running = self._running, {}
        for _, shadow in running.values():
            shadow.close()

    def _start(self, traffic: Traffic) -> Shadow:
        version = traffic.challenger
        assert version is not None
        assert self._deletion is not None
        key = version.name, version.version
        counts = self._counts.setdefault(key, ShadowCounts())
        numbers: dict[str, Callable[[], float]] = {
            "recorded": lambda: counts.n_recorded,
            "failed": lambda: counts.n_failed,
            "dropped": lambda: counts.n_dropped + counts.n_dropped_later,
        }
        for outcome, read in numbers.items():
            self._metrics.watch(families.SHADOW_ROWS, read, *key, outcome)
        return Shadow(
            version,
            self._trust,
            record=partial(self._record, version),
            epoch=lambda: self._deletion.epoch if self._deletion else None,
            new_ids=self._service.new_ids,
            counts=counts,
        )

    def _record(self, version: LoadedVersion, records: Sequence[Record], epoch: object) -> int:
        """Keep what a shadow predicted, unless records were deleted since it was asked.

        Looked at before and after: a deletion first says that it begins, then looks for what is
        recorded. So it finds these records, or they are deleted here.
        """
        recorder, deletion = self._service.recorder, self._deletion
        if recorder is None or deletion is None or deletion.epoch != epoch:
            return 0
        backlog = recorder.backlog
        if backlog is not None and (backlog.n_rows or 0) > self._rows_max // 2:
            return 0
        try:
            recorder.record(records)
            if deletion.epoch != epoch:
                deletion.take_back(records)
                return 0
        except StoreError:
            return 0
        self._when_recorded(version, records)
        return len(records)


def _digest(traffic: Traffic) -> str:
    return "" if traffic.challenger is None else traffic.challenger.digest
