"""Explanations for requests: on a thread of their own, with a quota of their own."""

from __future__ import annotations

import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from podium.access import Actor
from podium.deployments.deployment import Deployment
from podium.deployments.versions import Versions
from podium.errors import InputError, NotFound, PodiumError, SetupError, TimedOut
from podium.explanations.explain import Explainer
from podium.explanations.explanation import Explanation
from podium.flow.formats.json_rows import LINES
from podium.flow.pool import Pool
from podium.flow.prepare import prepare
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.version import LoadedVersion
from podium.http import Verdict
from podium.policy.quota import Quota
from podium.policy.quota_exchange import QuotaExchange
from podium.records.record import Record
from podium.records.store import RecordQuery, Store
from podium.settings import Settings
from podium.table import Table
from podium.web.whatif import require_no_effects

# One at a time: predictions run beside it, and more of them would make those wait.
N_THREADS, WAITING_MAX = 1, 8
# Then the p99 of predictions is that without explanations, see bench/insight.py.
NICENESS = 5
EXPLAINERS_MAX, RESULTS_MAX, OLDER_MAX = 16, 256, 2
# Where no training rows may travel with the model: fewer records than this say nothing.
RECORDS, RECORDS_MIN = 100, 20


class Explanations:
    """Explains the answers of the versions that are served, and of those before.

    What threads share is changed under one lock only, and nothing is computed under it.

    Args:
        settings: their `quota_explanations` and `deadline_s`.
        folder: creates the home folder, and returns it.
        exchange: of what other servers counted.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Callable[[], Path],
        exchange: QuotaExchange | None = None,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._exchange = exchange
        self._pool = Pool("podium-explain", N_THREADS, waiting_max=WAITING_MAX)
        self._lock = threading.Lock()
        self._quota: Quota | None = None
        self._explainers: OrderedDict[str, Explainer] = OrderedDict()
        self._results: OrderedDict[tuple[Any, ...], Explanation] = OrderedDict()
        self._older: OrderedDict[str, LoadedVersion] = OrderedDict()

    def take(self, actor: Actor, address: str) -> Verdict | None:
        """Count an explanation of an actor's; None if there is no quota.

        Raises:
            RateLimited: it is one too many.
        """
        if not self._settings.quota_explanations:
            return None
        with self._lock:
            if self._quota is None:
                self._quota = Quota(self._settings, self._folder(), self._exchange)
        verdict = self._quota.take_explanation(actor, address)
        verdict.require()
        return verdict

    def explain(
        self,
        version: LoadedVersion,
        row: Table,
        *,
        output: int = 0,
        label: int | None = None,
        store: Store | None = None,
        wait_s: float = 0.0,
    ) -> Explanation:
        """Why a version answers as it does to a row.

        Args:
            row: one row, validated.
            output: its position in the signature.
            label: the position of the class to explain; None is the one that is predicted.
            store: has rows to compare with where none travel with the model.
            wait_s: how long to wait for it; 0 is as long as a prediction may take.

        Raises:
            InputError: it can't be explained.
            Overloaded: too many explanations wait already.
            TimedOut: it took too long.
            ModelError: the model failed on a row that mixes this one with others.
        """
        require_no_effects(version)
        (cells,) = row.rows()
        key = (version.digest, tuple(cells.items()), output, label)
        with self._lock:
            known = self._results.get(key)
        if known is not None:
            return known
        wait_s = wait_s or self._settings.deadline_s
        try:
            found = self._pool.call(
                self._explained, key, version, row, output, label, store, wait_s=wait_s
            )
        except TimeoutError as error:
            raise TimedOut(
                f"the explanation takes longer than {wait_s:g} s", hint="try again in a moment"
            ) from error
        except SetupError as error:
            raise InputError(error.message, hint=error.hint) from error
        return found

    def _explained(
        self,
        key: tuple[Any, ...],
        version: LoadedVersion,
        row: Table,
        output: int,
        label: int | None,
        store: Store | None,
    ) -> Explanation:
        _let_others_first()
        (found,) = self._explainer(version, store).explain(row, output, label)
        # Here, and not where somebody waits for it: whoever gave up finds it when they come back.
        self._keep(self._results, key, found, RESULTS_MAX)
        return found

    def version_of(
        self, record: Record, served: Deployment | None, versions: Versions | None
    ) -> LoadedVersion:
        """The version that made a prediction, loaded.

        Args:
            served: under the record's model.
            versions: have the bundles of versions before; None if they are fixed.

        Raises:
            NotFound: it isn't known any more.
        """
        digest = record.bundle_digest or ""
        if served is not None:
            current = served.traffic.find(digest) if digest else served.choose()
            if current is not None:
                return current
        with self._lock:
            kept = self._older.get(digest)
        if kept is not None:
            return kept
        try:
            if versions is None:
                raise NotFound("versions are fixed")
            registry = versions.registry
            version = LoadedVersion(registry.bundle(registry.find(record.model, digest)))
            _ = version.runtime
        except PodiumError as error:
            raise NotFound(
                "the version that made this prediction can't be loaded any more",
                hint="explanations are computed by the version itself: register its bundle again",
            ) from error
        self._keep(self._older, digest, version, OLDER_MAX)
        return version

    def _explainer(self, version: LoadedVersion, store: Store | None) -> Explainer:
        with self._lock:
            known = self._explainers.get(version.digest)
        if known is not None:
            return known
        background = version.bundle.background
        made = Explainer(version.runtime, background or _from_records(version, store))
        if background is not None:  # records change
            self._keep(self._explainers, version.digest, made, EXPLAINERS_MAX)
        return made

    def _keep(self, kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
        with self._lock:
            kept[key] = value
            if len(kept) > most:
                kept.popitem(last=False)


def _let_others_first() -> None:
    """Lower the priority of this thread, where threads have one of their own: on Linux."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _from_records(version: LoadedVersion, store: Store | None) -> Table:
    """The latest recorded rows of a version, to compare with.

    Raises:
        SetupError: there are too few.
    """
    records: list[Record] = []
    if store is not None:
        query = RecordQuery(model=version.name, version=version.version, role="primary")
        records = list(store.page(query, limit=RECORDS).records)
    if len(records) < RECORDS_MIN:
        raise SetupError(
            "an answer is explained by comparing it with other rows, and no training rows travel "
            f"with this model, nor are there {RECORDS_MIN} records of it",
            hint="pack it without --background 0, or record some predictions",
        )
    body = b"\n".join(record.inputs for record in records)
    return prepare(version, PredictRequest(body, LINES, RequestContext())).table


def explanation_value(version: LoadedVersion, found: Explanation) -> dict[str, Any]:
    """An explanation as JSON: output and class by their names."""
    value: dict[str, Any] = msgspec.to_builtins(found)
    output = version.signature.outputs[found.output]
    label = None if found.label is None else output.classes[found.label]
    return value | {"output": output.name, "label": label}
