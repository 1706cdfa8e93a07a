"""The extension: what an app sets up, and asks for predictions."""

from __future__ import annotations

from typing import Any

from flask import Flask

from podium.hosts.flask.blueprint import blueprint_of, check_free
from podium.hosts.flask.config import Models, read_options
from podium.hosts.flask.host import NAME, Host, OpenStore, host_of
from podium.web.authority import Authority, Identify, OpenAuthority


class Podium:
    """Models inside a Flask app: pages, an API and records under a prefix.

    Args:
        models: by name, or as a list: bundles, their files, folders of them, functions made with
            `@podium.model`, or `module:function`.
    """

    def __init__(
        self,
        app: Flask | None = None,
        models: Models | None = None,
        *,
        url_prefix: str | None = None,
        identify: Identify | Authority | None = None,
        store: OpenStore | None = None,
        **settings: Any,
    ) -> None:
        self._said = {**settings, "models": models, "url_prefix": url_prefix}
        self._identify = identify
        self._store = store
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set an app up.

        Raises:
            PodiumError: its config or a model can't be used.
        """
        check_free(app)
        host = Host(
            app,
            read_options(app, self._said),
            authority=OpenAuthority,
            frame=None,
            store=self._store,
        )
        app.extensions[NAME] = host
        app.register_blueprint(blueprint_of(host))

    def close(self, app: Flask | None = None) -> None:
        """Let go of what this process holds for an app, and ship what waits for the store."""
        host_of(app).close()
