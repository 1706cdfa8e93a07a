"""The composition root: settings and models in, one app out."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from podium.bundle import Bundle
from podium.comparison.watch import Watch
from podium.deployments.deployment import Deployment
from podium.deployments.registry import Registry
from podium.deployments.shadows import Shadows
from podium.deployments.upload import Uploads
from podium.deployments.versions import Versions, adopt, fix_aliases, load
from podium.errors import PodiumError, SetupError
from podium.flow.call import Guard
from podium.flow.limits import Bounds, Limits
from podium.flow.predict import PredictionService
from podium.flow.version import LoadedVersion
from podium.jobs.runner import runner_of
from podium.metrics.families import QUEUE_ROWS, UNWRITTEN_COUNTS
from podium.metrics.metrics import Metrics
from podium.metrics.stores import watch_recorder
from podium.model_settings import key_field
from podium.monitoring.alerting import Alerting
from podium.monitoring.monitoring import Monitoring
from podium.outbox.deletion import Deletion
from podium.outbox.keys import Keys
from podium.outbox.outboxed import OutboxedStore
from podium.outbox.recorder import Recorder, StoreRecorder
from podium.policy.authority import Authority, Identify, authority_of
from podium.policy.quota import open_quota
from podium.policy.quota_exchange import open_exchange
from podium.protocols import protocols_of, router_of
from podium.records.open import file_of, open_store
from podium.records.store import Store
from podium.settings import (
    Settings,
    batch_options,
    check_models,
    check_switches,
    read_settings,
)
from podium.sources import Source, bundles_of, open_models
from podium.traces.traces import open_traces
from podium.web import gating
from podium.web.explaining import Explanations
from podium.web.router import ServingProtocol
from podium.web.saved_links import SavedLinks
from podium.web.site import Frame, Site
from podium.web.truth_rules import TruthRules

_log = logging.getLogger("podium")


class App:
    """Models under their names, the store of their records, and the site that shows them.

    Everything that a running Podium knows is an attribute of it: two apps can live in one process.

    Args:
        models: bundles, their files, folders of them, functions made with `@podium.model`, or
            `module:function`.
        settings: a complete Settings; by default made from `podium.toml`, `PODIUM_*` and `flags`.
        ships: whether this process ships records to the store; otherwise another one does.
        record_store: the store of the records, in place of that in the settings.
        identify: identifies the actor: a function of the request, or a whole Authority. Without
            one, every caller may do everything.
        frame: creates the host's page around the parts of each of ours.
        guard: records which rows end the process, if the process is restarted.
        is_local: whether only programs on this machine can reach it.
        flags: single settings, by name.
        strict: whether a model that can't be opened is an error here. Otherwise only its own pages
            show the error, and the other models are served.
        failures: why models of the host can't be opened, by name.
        protocols: further protocols for programs, besides Podium's own and those in the settings.

    Raises:
        SetupError: a setting or, if it is strict, a model is invalid.
        BundleError: a bundle is damaged, if it is strict.

    Attributes:
        has_streams: whether it serves WebSockets.
    """

    has_streams: ClassVar[bool] = False

    def __init__(
        self,
        *models: Source,
        settings: Settings | None = None,
        ships: bool = True,
        record_store: Store | None = None,
        identify: Identify | Authority | None = None,
        frame: Frame | None = None,
        guard: Guard | None = None,
        is_local: bool = False,
        strict: bool = False,
        failures: Mapping[str, PodiumError] | None = None,
        protocols: Sequence[ServingProtocol] = (),
        **flags: Any,
    ) -> None:
        self.ships = ships
        self.settings = settings = settings or read_settings(flags)
        check_switches(self.settings, has_people=identify is not None, is_local=is_local)
        if self.settings.accounts.enabled and identify is None:
            raise SetupError(
                "accounts work with `podium serve` only: here everybody would have access",
                hint="run it with podium serve, or pass `identify`, which returns the user",
            )
        self._home = Path(self.settings.home)
        self._is_strict = strict
        self._store: Store | None = None
        self._recorder: Recorder | None = None
        found = open_models((*models, *self.settings.models), self._home, self.settings.trust)
        bundles = found.required() if strict else list(found.logged().bundles.values())
        self.failures: dict[str, Exception] = {**(failures or {}), **found.failures}
        if not bundles and not self.failures:
            raise SetupError("there is no model to serve", hint="podium serve churn.podium")
        check_models(settings, names := {*self.failures, *(one.name for one in bundles)})
        registry = Registry(settings.registry_folder, settings.trust)
        if self.settings.records:
            bundles = [self._adopted(registry, one) for one in bundles]
            self._store, self._recorder = self._open_records(record_store)
        is_synced = self.settings.durability == "full"
        keys = Keys(self._home / "keys.db", is_synced=is_synced) if self._store else None
        self.service = PredictionService(
            recorder=self._recorder,
            keys=keys,
            bounds=Bounds(settings.queue_rows_max, settings.deadline_s, settings.rows_max),
            guard=guard,
        )
        self._traces = open_traces(settings.traces_share, self.service)
        self._metrics = Metrics()
        self._versions: weakref.WeakSet[LoadedVersion] = weakref.WeakSet()
        self.deletion = None
        if self._store is not None:
            # Copies of its file are beside it, if the settings name it.
            file = None if record_store else store_file(self.settings)
            self.deletion = Deletion(self._store, recorder=self._recorder, keys=keys, file=file)
        self.deployments: Mapping[str, Deployment] = {
            bundle.name: Deployment(self._version(bundle)) for bundle in bundles
        }
        self.monitoring = self._opened_monitoring(registry)
        self.alerting: Alerting | None = None
        if self.monitoring is not None:
            self.alerting = Alerting(
                self.monitoring, self.deployments, self._metrics, self.settings, self._store
            )
        shadowed = {} if self.monitoring is None else {"recorded": self.monitoring.counter.shadow}
        self.shadows = Shadows(
            self.service,
            self._metrics,
            self.settings.trust,
            deletion=self.deletion,
            rows_max=self.settings.outbox_rows_max,
            **shadowed,
        )
        self.versions = Versions(
            registry, self.deployments, self._version, self.failures, self.shadows.follow
        )
        self._runner = runner_of(self.settings)
        self._exchange = open_exchange(settings.quota_store)
        self.site = Site(
            self.deployments,
            self.service,
            self._store,
            self.settings,
            lambda: self.is_ready,
            metrics=self._metrics,
            authority=authority_of(identify),
            quota=open_quota(settings, lambda: create_home(self._home), self._exchange),
            explanations=Explanations(settings, lambda: create_home(self._home), self._exchange),
            frame=frame,
            deletion=self.deletion,
            failures=self.failures,
            versions=self.versions,
            truth_rules=TruthRules(registry),
            router=router_of(*protocols, *protocols_of(settings, names)),
            is_local=is_local,
            uploads=Uploads(registry.files, self.settings.version_bytes_max),
            jobs=self._runner.jobs if self._runner else None,
            monitoring=self.monitoring,
            has_streams=self.has_streams,
            alerts=None if self.alerting is None else self.alerting.file,
            saved_links=SavedLinks(self._home / "links.db"),
        )
        if self._recorder is not None:
            watch_recorder(self._metrics, self._recorder)
        self._watch: Watch | None = None
        if self._store is not None and self.ships:
            counted = partial(gating.failures, self.site)
            gates = self.settings.gates
            audit = partial(gating.audit_itself, self.site)
            self._watch = Watch(registry, self._store, gates, counted, audit=audit)
        self._loading: threading.Thread | None = None
        self._failure: Exception | None = None
        self._lock = threading.Lock()

    @property
    def is_ready(self) -> bool:
        """Whether every model is loaded, or may fail to."""
        if self._failure is not None or (self._is_strict and self.failures):
            return False
        return all(
            name in self.failures or all(version.is_loaded for version in one.traffic.answering)
            for name, one in self.deployments.items()
        )

    @property
    def failure(self) -> Exception | None:
        """Why nothing can be served: no records, no models, or, if strict, not all models."""
        is_any_left = not set(self.deployments) <= set(self.failures)
        if self._failure is not None or (is_any_left and not self._is_strict):
            return self._failure
        return next(iter(self.failures.values()), None)

    def start(self) -> None:
        """Load every model; `failures` contains those that can't be.

        Raises:
            StoreError: records can't be stored.
        """
        if self._recorder is not None:
            self._recorder.start()
        for name, deployment in self.deployments.items():
            if name in self.failures:
                continue
            try:
                load(deployment.choose())
            except Exception as error:  # noqa: BLE001 - a model's library may raise anything
                self.failures[name] = error
                # Podium's own message about a model is enough; an exception of a library needs its
                # traceback.
                is_expected = isinstance(error, PodiumError)
                _log.error(
                    "model_not_loaded %s: %s",
                    name,
                    error,
                    extra={"model": name},
                    exc_info=not is_expected,
                )
        self.versions.start()
        for one in (self._watch, self.alerting, self._runner):
            if one is not None:
                one.start()

    def swap(self, source: Source) -> LoadedVersion:
        """Let another version of a model answer, once it is loaded; returns the one before.

        It is registered and promoted, so that every process with this home folder follows,
        including later ones. Requests that have begun end on the version they began on.

        Args:
            source: a bundle, or another source of one model that is served here.

        Raises:
            SetupError: no model with this name is served, or it refuses inputs that the current
                version accepts.
            PodiumError: it can't be loaded or registered; nothing changes.
        """
        (bundle,) = bundles_of((source,), self._home, self.settings.trust)
        return self.versions.swap(bundle)

    def _adopted(self, registry: Registry, bundle: Bundle) -> Bundle:
        """The first version to serve; functions are packed anew at each start, and have none."""
        is_packed_here = bundle.path is None or self._home / "packed" in bundle.path.parents
        if is_packed_here:
            return bundle
        wanted = self.settings.versions.get(bundle.name)
        return fix_aliases(registry, adopt(registry, bundle), wanted, strict=self._is_strict)

    def start_in_background(self) -> None:
        """Load every model in a thread, once; `is_ready` and `failure` show the result."""
        with self._lock:
            if self._loading is None:
                self._loading = threading.Thread(target=self._load, name="podium-load", daemon=True)
                self._loading.start()

    def close(self) -> None:
        """Wait for the loading to end, and close the store."""
        if self._loading is not None:
            self._loading.join()
        for one in (self._watch, self.alerting, self._runner, self._exchange):
            if one is not None:
                one.close()
        for last in (self.versions, self.shadows, self.monitoring, self._traces):
            if last is not None:
                last.close()
        self.site.metrics.close()  # it uses the store once more
        if self._store is not None:
            self._store.close()

    def _load(self) -> None:
        try:
            self.start()
        except Exception as error:  # noqa: BLE001 - reported by `failure`, whatever it is
            self._failure = error
            _log.error("records_not_kept: %s", error)

    def _version(self, bundle: Bundle) -> LoadedVersion:
        names = [one.name for one in fields(Limits)]
        limits = Limits(**{name: getattr(self.settings, name) for name in names})
        metrics = self._metrics.of(bundle.name, bundle.version)
        batch = self.settings.batch.get(bundle.name)
        version = LoadedVersion(
            bundle,
            limits=limits,
            metrics=metrics,
            batch=batch_options(batch),
            key_field=key_field(self.settings.feedback, bundle.name, bundle.signature.names),
        )
        self._versions.add(version)
        there = weakref.ref(version)

        def n_rows_waiting() -> float | None:
            found = there()
            return found.batcher.n_rows_waiting if found and found.batcher else None

        self._metrics.watch(QUEUE_ROWS, n_rows_waiting, version.name, version.version)
        return version

    def _opened_monitoring(self, registry: Registry) -> Monitoring | None:
        if not self.settings.records or not self.settings.monitoring:
            return None
        days = self.settings.monitoring_days
        made = Monitoring(self._home, self.deployments, registry, days=days, store=self._store)
        self.service.observers.append(made.counter)
        self.service.refused_rows.observers.append(made.counter.refuse)
        self._metrics.watch(UNWRITTEN_COUNTS, lambda: made.counter.n_failed)
        return made

    def _open_records(self, given: Store | None) -> tuple[Store, Recorder]:
        """The store for reading and deleting records, and their recorder."""
        settings = self.settings
        create_home(self._home)
        # If another process ships, this one continues while the file is damaged.
        store = given or open_configured_store(settings, is_late=not self.ships)
        if store.features.durability == "memory":
            return store, StoreRecorder(store)  # it ends with the process, unlike an outbox
        outboxed = OutboxedStore(
            store,
            outbox_folder(settings),
            durability=settings.durability,
            rows_max=settings.outbox_rows_max,
            when_full=settings.outbox_full,
            ships=self.ships,
            keep_days=settings.keep_days,
        )
        return outboxed, outboxed


def open_configured_store(settings: Settings, *, is_late: bool = False) -> Store:
    """The store in the settings; a file may be opened later, when it is needed, and isn't created then.

    Raises:
        SetupError: its address is invalid.
        StoreError: the database can't be opened.
    """
    return open_store(_store_address(settings), is_late=is_late)


def store_file(settings: Settings) -> Path | None:
    """The SQLite file of the records; None if the settings name another database.

    Raises:
        SetupError: they contain no path.
    """
    return file_of(_store_address(settings))


def _store_address(settings: Settings) -> str | Path:
    return settings.store or Path(settings.home) / "podium.db"


def outbox_folder(settings: Settings) -> Path:
    """Where records wait for the store."""
    return Path(settings.home) / "outbox"


def create_home(home: Path) -> Path:
    """The home folder, created for its owner alone if it doesn't exist.

    Raises:
        SetupError: it can't be created.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"the home folder {home} can't be created: {error.strerror}",
            hint="choose another with --home, or turn recording off with --no-records",
        ) from error
    return home
