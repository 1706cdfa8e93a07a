"""The composition root: settings and models in, one app out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podium.errors import PodiumError, SetupError
from podium.flow.cost import UNKNOWN, Cost, measure
from podium.flow.deployment import Deployment, Limits
from podium.monitor.stores import watch_store
from podium.records.keys import Keys
from podium.records.open import open_store
from podium.records.outboxed import OutboxedStore
from podium.records.record import Ids
from podium.records.store import Store
from podium.records.stores.memory import MemoryStore
from podium.settings import Settings, read_settings
from podium.sources import Source, bundles_of
from podium.web.authority import Authority, Identify, authority_of
from podium.web.quota import opened_quota
from podium.web.site import Frame, Site

_log = logging.getLogger("podium")


class App:
    """Models under their names, the store of their records, and the site that shows them.

    Everything that a running Podium knows hangs here: two apps live in one process.

    Args:
        models: bundles, their files, folders of them, functions made with `@podium.model`, or
            `module:function`.
        settings: a whole Settings; else `podium.toml`, `PODIUM_*` and `flags` make one.
        ships: whether this process moves records to the store; else another one does.
        record_store: where records live, in place of what the settings name.
        identify: tells who asks: a function of the request, or a whole Authority. Without one,
            whoever asks may do everything.
        frame: makes a page of the host's own around the parts of each of ours.
        flags: single settings, by name.

    Raises:
        SetupError: a setting or a model can't be used.
        BundleError: a bundle isn't what was packed.
    """

    def __init__(
        self,
        *models: Source,
        settings: Settings | None = None,
        ships: bool = True,
        record_store: Store | None = None,
        identify: Identify | Authority | None = None,
        frame: Frame | None = None,
        **flags: Any,
    ) -> None:
        self.ships = ships
        self.settings = settings or read_settings(flags)
        if self.settings.accounts.enabled and identify is None:
            raise SetupError(
                "accounts are for `podium serve` only: here everybody would get in",
                hint="run it with podium serve, or tell who asks with `identify`",
            )
        self._home = Path(self.settings.home)
        self._store: Store | None = None
        bundles = bundles_of((*models, *self.settings.models), self._home, self.settings.trust)
        if not bundles:
            raise SetupError("there is no model to serve", hint="podium serve churn.podium")
        for bundle in bundles:
            bundle.check_trust()
        self._store = self._opened_store(record_store)
        limits = Limits(rows_max=self.settings.rows_max, errors_max=self.settings.errors_max)
        is_synced = self.settings.durability == "full"
        keys = Keys(self._home / "keys.db", is_synced=is_synced) if self._store else None
        ids = Ids()  # one for all: the order of ids is the order of records
        self.deployments: Mapping[str, Deployment] = {
            bundle.name: Deployment(bundle.name, bundle, self._store, limits, ids, keys)
            for bundle in bundles
        }
        self.site = Site(
            self.deployments,
            self._store,
            self.settings,
            lambda: self.is_ready,
            authority=authority_of(identify),
            quota=opened_quota(self.settings, lambda: made_home(self._home)),
            frame=frame,
        )
        watch_store(self.site.metrics, self._store)
        self.costs: dict[str, Cost] = {}
        self._loading: threading.Thread | None = None
        self._failure: Exception | None = None
        self._lock = threading.Lock()

    @property
    def is_ready(self) -> bool:
        """Whether every model is loaded."""
        return all(name in self.costs for name in self.deployments)

    @property
    def failure(self) -> Exception | None:
        """Why a model couldn't be loaded, or None."""
        return self._failure

    def start(self) -> None:
        """Load every model.

        Raises:
            PodiumError: one can't be loaded.
        """
        if isinstance(self._store, OutboxedStore):
            self._store.start()
        for deployment in self.deployments.values():
            self.load(deployment)

    def load(self, deployment: Deployment) -> None:
        """Load one model, once, and measure what a call of it costs.

        Raises:
            PodiumError: it can't be loaded.
        """
        bundle = deployment.bundle
        runtime = bundle.start()
        if deployment.name not in self.costs:
            # A function of the user's isn't called before somebody asks: it may do anything.
            is_function = bundle.runtime_name == "python"
            self.costs[deployment.name] = UNKNOWN if is_function else measure(runtime)
            _log.info("model_loaded", extra={"model": deployment.name})

    def start_in_background(self) -> None:
        """Load every model in a thread, once; `is_ready` and `failure` tell how it went."""
        with self._lock:
            if self._loading is None:
                self._loading = threading.Thread(target=self._load, name="podium-load", daemon=True)
                self._loading.start()

    def close(self) -> None:
        """Wait for the loading to end, and close the store."""
        if self._loading is not None:
            self._loading.join()
        self.site.metrics.close()  # reads the store once more
        if self._store is not None:
            self._store.close()

    def _load(self) -> None:
        try:
            self.start()
        except Exception as error:  # noqa: BLE001 - told by `failure`, whatever it is
            self._failure = error
            # What Podium says of a model is enough; what a library says needs its traceback.
            is_told = isinstance(error, PodiumError)
            _log.error("model_not_loaded: %s", error, exc_info=not is_told)

    def _opened_store(self, given: Store | None) -> Store | None:
        settings = self.settings
        if not settings.records:
            return None
        made_home(self._home)
        store = given or opened_store(settings)
        if isinstance(store, MemoryStore):
            return store  # what is gone with the process needn't be kept from its end
        return OutboxedStore(
            store,
            outbox_folder(settings),
            durability=settings.durability,
            rows_max=settings.outbox_rows_max,
            when_full=settings.outbox_full,
            ships=self.ships,
            keep_days=settings.keep_days,
        )


def opened_store(settings: Settings) -> Store:
    """The store that the settings name.

    Raises:
        SetupError: nobody knows its address.
        StoreError: the database can't be opened.
    """
    return open_store(settings.store or Path(settings.home) / "podium.db")


def outbox_folder(settings: Settings) -> Path:
    """Where records wait for the store."""
    return Path(settings.home) / "outbox"


def made_home(home: Path) -> Path:
    """The home folder, made for its owner alone if it wasn't there.

    Raises:
        SetupError: it can't be made.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"the home folder {home} can't be made: {error.strerror}",
            hint="name another with --home, or keep nothing with --no-records",
        ) from error
    return home
