"""Podium in one process of a Django project: created when first needed, and again after a fork."""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import Any

import msgspec
from django.apps import apps

from podium.app import App
from podium.bundle import Bundle
from podium.deployments.traffic import Traffic
from podium.flow.version import LoadedVersion
from podium.hosts.django.conf import NAME, Options
from podium.http import Request
from podium.records import forks
from podium.sources import Opened, open_models
from podium.web.site import Frame, PageParts

# The blocks of the project's template around the parts of our pages, which are HTML.
_PAGE = """{% extends base_template %}
{% block title %}{{ podium.title }}{% endblock %}
{% block head %}{{ block.super }}{{ podium.head|safe }}{% endblock %}
{% block content %}{{ podium.main|safe }}{% endblock %}"""


class Host(forks.ForkAware):
    """The app of this process, and the project's options for it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._lock = threading.Lock()
        self._opened: Opened | None = None
        self._app: App | None = None
        self._inherited: App | None = None
        self._pid = 0
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """Replace the lock, which the parent's threads may hold."""
        self._lock = threading.Lock()

    @property
    def opened(self) -> Opened:
        """The packed models by name, and why some can't be served."""
        with self._lock:
            if self._opened is None:
                options, settings = self.options, self.options.settings
                home = Path(settings.home)
                found = open_models(options.sources, home, settings.trust, options.names)
                self._opened = found.logged()
            return self._opened

    def bundle(self, name: str) -> Bundle:
        """The packed model of this name.

        Raises:
            PodiumError: there is none, or it can't be served.
        """
        return self.opened.bundle(name, f"no model is called {name!r} in {NAME}")

    @property
    def app(self) -> App:
        """The app, which loads its models when they are needed.

        Raises:
            PodiumError: a setting is invalid, or there is no model.
        """
        if self._app is not None and self._pid == os.getpid():
            return self._app
        found = self.opened
        with self._lock:
            if self._app is None or self._pid != os.getpid():
                # The parent's app stays as it is, unused: closing it would close files of the
                # parent.
                self._inherited = self._app
                self._app, self._pid = _create_app(self.options, found), os.getpid()
                atexit.register(self.close)
            return self._app

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
        """Close the app of this process, and ship what waits for the store."""
        with self._lock:
            app, self._app = self._app, None
        if app is not None and self._pid == os.getpid():
            app.close()
            atexit.unregister(self.close)


def current_host() -> Host:
    """The host of this process.

    Raises:
        SetupError: `PODIUM` is invalid.
    """
    config: Any = apps.get_app_config("podium")
    host: Host = config.host
    return host


def _create_app(options: Options, found: Opened) -> App:
    from podium.hosts.django.authority import DjangoAuthority
    from podium.hosts.django.store import DjangoStore

    return App(
        *found.bundles.values(),
        settings=msgspec.structs.replace(options.settings, models=()),
        record_store=DjangoStore() if options.has_orm_store else None,
        identify=DjangoAuthority(found.versions, options.public),
        frame=_framed(options.base_template) if options.base_template else None,
        failures=found.failures,
    )


def _framed(base_template: str) -> Frame:
    """A function that puts the parts of our pages into the project's base template."""

    def frame(request: Request, parts: PageParts) -> str:
        from django.template import engines

        context: dict[str, Any] = {"base_template": base_template, "podium": parts}
        return str(engines["django"].from_string(_PAGE).render(context, request.native))

    return frame
