"""Podium in one process of a Flask app: created when first needed, and again after a fork."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, cast

import msgspec
from flask import Flask, current_app

from podium.access import ALL
from podium.app import App
from podium.bundle import Bundle
from podium.deployments.traffic import Traffic
from podium.errors import SetupError
from podium.flow.version import LoadedVersion
from podium.hosts.flask.config import Options
from podium.policy.authority import Authority, OpenAuthority
from podium.records import forks
from podium.records.store import Store
from podium.sources import Opened, open_models
from podium.web.site import Frame

_log = logging.getLogger("podium")
NAME = "podium"
# How often a process shares its metrics with the others.
METRICS_S = 1.0
# Called in each process: connections don't survive a fork.
OpenStore: TypeAlias = Callable[[Flask], Store]


class Host(forks.ForkAware):
    """The models of one Flask app, and what serves them in this process.

    Threads, files and connections belong to the process that created them, and a server may fork
    after the app was created: everything except the models' bytes is created at the first request.

    Raises:
        SetupError: the app names no model, or grants permissions for a model that doesn't exist.
    """

    def __init__(
        self,
        flask: Flask,
        options: Options,
        *,
        authority: Callable[[], Authority],
        frame: Frame | None,
        store: OpenStore | None,
    ) -> None:
        self.flask = flask
        self.options = options
        self.opened = _opened(options)
        _check_names(options, self.opened)
        self._authority = authority
        self._frame = frame
        self._open_store = store
        self._lock = threading.Lock()
        self._app: App | None = None
        self._inherited: list[App] = []
        self._metrics_thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._is_warned = False
        forks.watch(self)

    @property
    def app(self) -> App:
        """The app of this process, which loads its models when they are needed.

        Raises:
            PodiumError: a setting or a model is invalid, or the store can't be opened.
        """
        if self._app is not None:
            return self._app
        with self._lock:
            if self._app is None:
                self._app = self._create_app()
                atexit.register(self.close)
            return self._app

    @property
    def serving(self) -> App:
        """The app with loaded models, which shares its metrics with the other processes.

        Raises:
            PodiumError: as `app`.
        """
        app = self.app
        app.start_in_background()
        if not self._is_warned:
            self._is_warned = True
            self._warn(app)
        if self._metrics_thread is None and app.settings.records:
            with self._lock:
                if self._metrics_thread is None:
                    self._stop = threading.Event()
                    self._metrics_thread = threading.Thread(
                        target=_write_metrics,
                        args=(app, self._stop),
                        name="podium-metrics",
                        daemon=True,
                    )
                    self._metrics_thread.start()
        return app

    def bundle(self, name: str) -> Bundle:
        """The packed model of this name, without creating the app of this process.

        Raises:
            PodiumError: there is none, or it can't be served.
        """
        return self.opened.bundle(name, f"this app has no model called {name!r}")

    def traffic(self, name: str) -> Traffic:
        """The versions of a model that answer.

        Raises:
            PodiumError: there is none, or it can't be served.
        """
        self.bundle(name)
        return self.app.deployments[name].traffic

    def champion(self, name: str) -> LoadedVersion:
        """The champion of a model.

        Raises:
            PodiumError: there is none, or it can't be served.
        """
        return self.traffic(name).champion

    def close(self) -> None:
        """Release everything this process holds, and ship what waits for the store."""
        with self._lock:
            app, self._app = self._app, None
            metrics_thread, self._metrics_thread = self._metrics_thread, None
        self._stop.set()
        if metrics_thread is not None:
            metrics_thread.join()
        if app is not None:
            atexit.unregister(self.close)
            app.close()

    def _warn(self, app: App) -> None:
        if self.flask.debug or self.flask.testing or app.settings.open:
            return
        if self.flask.config.get("LOGIN_DISABLED"):
            _log.warning(
                "podium_is_open: LOGIN_DISABLED lets everybody who reaches %s use the models and "
                "read all records; remove it, or set PODIUM_OPEN = True",
                self.options.url_prefix,
            )
        elif isinstance(app.site.authority, OpenAuthority):
            _log.warning(
                "podium_is_open: everybody who reaches %s may use the models and read all records; "
                "set up Flask-Login, pass `identify`, or set PODIUM_OPEN = True",
                self.options.url_prefix,
            )

    def _create_app(self) -> App:
        return App(
            *self.opened.bundles.values(),
            settings=msgspec.structs.replace(self.options.settings, models=()),
            record_store=None if self._open_store is None else self._open_store(self.flask),
            identify=self._authority(),
            frame=self._frame,
            failures=self.opened.failures,
        )

    def after_fork_in_child(self) -> None:
        """Leave the parent's objects alone, but keep references: none of them may be closed."""
        self._lock = threading.Lock()
        if self._app is not None:
            atexit.unregister(self.close)
            self._inherited.append(self._app)
            self._app = self._metrics_thread = None
            # A model that was already loaded may have had threads, which a child lacks.
            self.opened = _opened(self.options)


def host_of(app: Flask | None = None) -> Host:
    """The host of an app, or of the app of the current context.

    Raises:
        SetupError: the app has none.
    """
    app = app or current_app
    try:
        return cast("Host", app.extensions[NAME])
    except KeyError:
        raise SetupError(
            f"the app {app.name!r} has no Podium", hint="call podium.init_app(app)"
        ) from None


def _check_names(options: Options, found: Opened) -> None:
    """Refuse permissions for models that don't exist: they may be misspelled.

    Raises:
        SetupError: there is one, and no model whose name isn't known yet can have it.
    """
    known = tuple(found.versions)
    if found.failures and not options.names:
        return
    granted = {model for grants in (options.grants or {}).values() for model in grants}
    for setting, names in (("PUBLIC", options.public), ("GRANTS", granted)):
        for name in sorted(names - {ALL, *known}):
            raise SetupError(
                f"PODIUM_{setting} has {name!r}, which isn't a model of this app",
                hint=f"known: {', '.join(known)}",
            )


def _opened(options: Options) -> Opened:
    settings = options.settings
    found = open_models(options.sources, Path(settings.home), settings.trust, options.names)
    if not found.bundles and not found.failures:
        raise SetupError(
            "there is no model",
            hint='PODIUM_MODELS = {"churn": "models/churn.podium"}',
        )
    return found.logged()


def _write_metrics(app: App, stop: threading.Event) -> None:
    """Write the metrics for the other processes of the app, until told to stop."""
    folder = Path(app.settings.home) / "metrics" / "flask"
    while True:
        app.site.metrics.write_snapshot(folder)
        if stop.wait(METRICS_S):
            return
