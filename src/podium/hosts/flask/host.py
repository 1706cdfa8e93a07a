"""Podium in one process of a Flask app: made when it is first needed, and anew after a fork."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, cast

import msgspec
from flask import Flask, current_app

from podium.app import App
from podium.bundle import Bundle
from podium.errors import SetupError
from podium.flow.deployment import Deployment
from podium.hosts.flask.config import Options
from podium.records.store import Store
from podium.signature import Signature
from podium.sources import bundles_of
from podium.web.authority import Authority, OpenAuthority
from podium.web.site import Frame

_log = logging.getLogger("podium")
NAME = "podium"
# How often a process tells the others what it has counted.
TOLD_S = 1.0
# Called in each process by itself: connections don't live through a fork.
OpenStore: TypeAlias = Callable[[Flask], Store]


class Host:
    """The models of one Flask app, and what answers for them in this process.

    Threads, files and connections belong to the process that made them, and a server may fork after
    the app was made: everything but the models' bytes is made at the first request.

    Raises:
        PodiumError: a model can't be opened, or has another name than the app says.
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
        self.bundles = _opened(options)
        self._authority = authority
        self._frame = frame
        self._open_store = store
        self._lock = threading.Lock()
        self._app: App | None = None
        self._inherited: list[App] = []
        self._telling: threading.Thread | None = None
        self._stop = threading.Event()
        self._is_warned = False
        _call_after_fork(weakref.WeakMethod(self._forked))

    @property
    def app(self) -> App:
        """The app of this process, whose models are loaded when they are asked.

        Raises:
            PodiumError: a setting or a model can't be used, or the store can't be opened.
        """
        if self._app is not None:
            return self._app
        with self._lock:
            if self._app is None:
                self._app = self._made()
                atexit.register(self.close)
            return self._app

    @property
    def serving(self) -> App:
        """The app, which loads its models, and tells the app's other processes what it counts.

        Raises:
            PodiumError: as `app`.
        """
        app = self.app
        app.start_in_background()
        if not self._is_warned:
            self._is_warned = True
            self._warn(app)
        if self._telling is None and app.settings.records:
            with self._lock:
                if self._telling is None:
                    self._stop = threading.Event()
                    self._telling = threading.Thread(
                        target=_tell, args=(app, self._stop), name="podium-metrics", daemon=True
                    )
                    self._telling.start()
        return app

    def deployment(self, name: str) -> Deployment:
        """The deployment of this name.

        Raises:
            SetupError: there is none.
        """
        deployments = self.app.deployments
        if name not in deployments:
            raise SetupError(
                f"this app has no model called {name!r}", hint=f"known: {', '.join(deployments)}"
            )
        return deployments[name]

    def signature(self, name: str) -> Signature:
        """What a model takes and gives, without making the app of this process.

        Raises:
            SetupError: there is no such model.
        """
        if name not in self.bundles:
            raise SetupError(
                f"this app has no model called {name!r}", hint=f"known: {', '.join(self.bundles)}"
            )
        return self.bundles[name].signature

    def close(self) -> None:
        """Let go of what this process holds, and ship what waits for the store."""
        with self._lock:
            app, self._app = self._app, None
            telling, self._telling = self._telling, None
        self._stop.set()
        if telling is not None:
            telling.join()
        if app is not None:
            atexit.unregister(self.close)
            app.close()

    def _warn(self, app: App) -> None:
        is_at_work = not self.flask.debug and not self.flask.testing
        if is_at_work and isinstance(app.site.authority, OpenAuthority) and not app.settings.open:
            _log.warning(
                "podium_is_open: whoever reaches %s may use the models and read all records; "
                "set up Flask-Login, give `identify`, or say PODIUM_OPEN = True",
                self.options.url_prefix,
            )

    def _made(self) -> App:
        return App(
            *self.bundles.values(),
            settings=msgspec.structs.replace(self.options.settings, models=()),
            record_store=None if self._open_store is None else self._open_store(self.flask),
            identify=self._authority(),
            frame=self._frame,
        )

    def _forked(self) -> None:
        """What the parent made stays the parent's. It is kept, for nothing of it may be closed."""
        self._lock = threading.Lock()
        if self._app is not None:
            atexit.unregister(self.close)
            self._inherited.append(self._app)
            self._app = self._telling = None
            # A model that was loaded already may have had threads, which a child has not.
            self.bundles = _opened(self.options)


def host_of(app: Flask | None = None) -> Host:
    """The host of an app, or of the one whose context this is.

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


def _opened(options: Options) -> dict[str, Bundle]:
    settings = options.settings
    opened = bundles_of(options.sources, Path(settings.home), settings.trust)
    if not opened:
        raise SetupError(
            "there is no model to answer with",
            hint='PODIUM_MODELS = {"churn": "models/churn.podium"}',
        )
    for said, bundle in zip(options.names, opened, strict=False):
        if said != bundle.name:
            raise SetupError(
                f"the app calls a model {said!r} that was packed as {bundle.name!r}",
                hint=f"call it {bundle.name!r}, or pack it again with name={said!r}",
            )
    for bundle in opened:
        bundle.check_trust()
    return {bundle.name: bundle for bundle in opened}


def _tell(app: App, stop: threading.Event) -> None:
    """Write what was counted where the other processes of the app look, until told to stop."""
    folder = Path(app.settings.home) / "metrics" / "flask"
    while True:
        app.site.metrics.write_snapshot(folder)
        if stop.wait(TOLD_S):
            return


def _call_after_fork(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    """Call a method in each child, as long as its object lives: what is registered stays."""

    def call() -> None:
        if (found := method()) is not None:
            found()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)
