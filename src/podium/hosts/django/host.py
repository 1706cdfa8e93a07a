"""Podium in one process of a Django project: made when it is first needed, and anew after a fork."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
from django.apps import apps

from podium.app import App
from podium.bundle import Bundle
from podium.errors import SetupError
from podium.flow.deployment import Deployment
from podium.hosts.django.conf import NAME, Options
from podium.sources import bundles_of
from podium.web.http import Request
from podium.web.site import Frame, PageParts

# Around the parts of our pages, which are HTML, stand the blocks that the project's template has.
_PAGE = """{% extends base_template %}
{% block title %}{{ podium.title }}{% endblock %}
{% block head %}{{ block.super }}{{ podium.head|safe }}{% endblock %}
{% block content %}{{ podium.main|safe }}{% endblock %}"""


class Host:
    """The app of this process, and what the project wants of it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._lock = threading.Lock()
        self._bundles: dict[str, Bundle] | None = None
        self._app: App | None = None
        self._inherited: App | None = None
        self._pid = 0

    @property
    def bundles(self) -> dict[str, Bundle]:
        """The models by name, as they were packed.

        Raises:
            PodiumError: one can't be opened, or has another name than the project says.
        """
        with self._lock:
            if self._bundles is None:
                self._bundles = _opened(self.options)
            return self._bundles

    @property
    def app(self) -> App:
        """The app, whose models are loaded when they are asked.

        Raises:
            PodiumError: a setting or a model can't be used.
        """
        if self._app is not None and self._pid == os.getpid():
            return self._app
        bundles = self.bundles
        with self._lock:
            if self._app is None or self._pid != os.getpid():
                # That of the process that this one was forked from stays as it is, unused: to let
                # go of it would close files that are the other's.
                self._inherited = self._app
                self._app, self._pid = _made(self.options, bundles), os.getpid()
                atexit.register(self.close)
            return self._app

    def deployment(self, name: str) -> Deployment:
        """The deployment of this name.

        Raises:
            SetupError: there is none.
        """
        deployments = self.app.deployments
        if name not in deployments:
            raise SetupError(
                f"no model is called {name!r} in {NAME}",
                hint=f"known: {', '.join(deployments) or 'none'}",
            )
        return deployments[name]

    def close(self) -> None:
        """Let the app of this process go, and ship what waits for the store."""
        with self._lock:
            app, self._app = self._app, None
        if app is not None and self._pid == os.getpid():
            app.close()
            atexit.unregister(self.close)


def current_host() -> Host:
    """The host of this process.

    Raises:
        SetupError: `PODIUM` can't be used.
    """
    from podium.hosts.django.apps import PodiumConfig

    return cast("PodiumConfig", apps.get_app_config("podium")).host


def _opened(options: Options) -> dict[str, Bundle]:
    settings = options.settings
    opened = bundles_of(options.sources, Path(settings.home), settings.trust)
    for said, bundle in zip(options.names, opened, strict=False):
        if said != bundle.name:
            raise SetupError(
                f"{NAME} calls a model {said!r} that was packed as {bundle.name!r}",
                hint=f"call it {bundle.name!r}, or pack it again with name={said!r}",
            )
    return {bundle.name: bundle for bundle in opened}


def _made(options: Options, bundles: Mapping[str, Bundle]) -> App:
    from podium.hosts.django.authority import DjangoAuthority
    from podium.hosts.django.store import DjangoStore

    versions = {name: bundle.version for name, bundle in bundles.items()}
    return App(
        *bundles.values(),
        settings=msgspec.structs.replace(options.settings, models=()),
        record_store=DjangoStore() if options.has_orm_store else None,
        identify=DjangoAuthority(versions, options.public),
        frame=_framed(options.base_template) if options.base_template else None,
    )


def _framed(base_template: str) -> Frame:
    """What puts the parts of our pages into the project's base template."""

    def frame(request: Request, parts: PageParts) -> str:
        from django.template import engines

        context: dict[str, Any] = {"base_template": base_template, "podium": parts}
        return str(engines["django"].from_string(_PAGE).render(context, request.native))

    return frame
