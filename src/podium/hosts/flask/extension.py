"""The extension: what an app sets up, and asks for predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

from flask import Flask

from podium.hosts.flask.blueprint import blueprint_of, check_free, current_actor
from podium.hosts.flask.config import Models, read_options
from podium.hosts.flask.frame import framed
from podium.hosts.flask.host import NAME, Host, OpenStore, host_of
from podium.hosts.flask.identity import Permissions, authority_of, check_options
from podium.hosts.predicted import Predicted, predicted
from podium.plugins import needs
from podium.policy.authority import Authority, Identify

if TYPE_CHECKING:
    from flask_sqlalchemy import SQLAlchemy
    from wtforms import Form  # type: ignore[import-untyped] # it has no types

    from podium.hosts.flask.forms import PredictionForm


class Podium:
    """Models inside a Flask app: pages, an API and records under a prefix.

    What the app's config says under `PODIUM_*` counts more than what is given here.

    Args:
        models: by name, or as a list: bundles, their files, folders of them, functions made with
            `@podium.model`, or `module:function`.
        url_prefix: where they are; `/ml` when left out.
        identify: tells who asks, by a function of the request: a `podium.access.Actor`, the name of
            a user who may do everything, or None. It takes the place of Flask-Login.
        permissions: tells whether a user of the app's may do something with a model.
        store: where records are kept: an address, Flask-SQLAlchemy's object for the app's own
            database, or what opens a store in each process. As everything else it may stand in the
            app's config: `PODIUM_STORE`.
        settings: any other, by its name in lower case: `public`, `base_template`, `home`, ...

    Raises:
        PodiumError: the config or a model can't be used.
    """

    def __init__(
        self,
        app: Flask | None = None,
        models: Models | None = None,
        *,
        url_prefix: str | None = None,
        identify: Identify | Authority | None = None,
        permissions: Permissions | None = None,
        store: OpenStore | SQLAlchemy | str | None = None,
        **settings: Any,
    ) -> None:
        self._arguments = {**settings, "models": models, "url_prefix": url_prefix}
        if not callable(store):
            self._arguments["store"] = store
        self._identify = identify
        self._permissions = permissions
        self._store = store if callable(store) else None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set an app up.

        Raises:
            PodiumError: its config or a model can't be used.
        """
        check_free(app)
        options = read_options(app, self._arguments)
        check_options(options, identify=self._identify, permissions=self._permissions)
        host = Host(
            app,
            options,
            # Extensions may be set up after this one: who asks is looked up when somebody does.
            authority=lambda: authority_of(
                app,
                tuple(host.opened.versions),
                options,
                identify=self._identify,
                permissions=self._permissions,
            ),
            frame=framed(options.base_template) if options.base_template else None,
            store=self._store if options.database is None else _opener_of(options.database),
        )
        app.extensions[NAME] = host
        app.register_blueprint(blueprint_of(host))

    @overload
    def predict(
        self, model: str, rows: Mapping[str, Any], *, actor: str | None = None
    ) -> Predicted: ...
    @overload
    def predict(self, model: str, rows: Any, *, actor: str | None = None) -> list[Predicted]: ...
    def predict(self, model: str, rows: Any, *, actor: str | None = None) -> Any:
        """Ask a model of the current app's; what it says is recorded as always.

        Args:
            rows: one mapping of field names and values; or many: a list of mappings, a mapping of
                columns, a pandas or polars frame.
            actor: whom the record names; who sent the current request when left out. What they
                may do doesn't count here: your code decides.

        Returns:
            A Predicted for one mapping of values, else a list with one for each row.

        Raises:
            SetupError: no model is called so.
            InvalidRows: some cells aren't accepted; its `cells` lists them.
            ModelError: the model failed.
            StoreError: the answer couldn't be recorded, so there is none.
        """
        host = host_of()
        deployment = host.deployment(model)
        return predicted(host.app.service, deployment, rows, actor=current_actor(host, actor))

    def form(
        self, model: str, *, base: type[Form] | None = None, app: Flask | None = None
    ) -> type[PredictionForm]:
        """A class of WTForms with a field for each input of a model, in their order.

        It refuses what the API refuses, in the same words; a valid form's `predict()` asks the model.

        Args:
            base: the class to inherit; Flask-WTF's FlaskForm when left out.
            app: whose model; the current one's when left out.

        Raises:
            SetupError: no model is called so.
            MissingExtra: Flask-WTF isn't installed.
        """
        with needs("flask-forms"):
            from podium.hosts.flask.forms import form_class

        return form_class(model, host_of(app).bundle(model).signature, base)

    def start(self, app: Flask | None = None) -> None:
        """Load every model now, in this process, rather than at the first request.

        To be called where a server's process begins, after its fork: gunicorn's `post_worker_init`.

        Raises:
            PodiumError: a model can't be loaded, or the store can't be opened.
        """
        host_of(app).app.start()

    def close(self, app: Flask | None = None) -> None:
        """Let go of what this process holds for an app, and ship what waits for the store."""
        host_of(app).close()


def _opener_of(database: SQLAlchemy) -> OpenStore:
    with needs("sql"):
        from podium.hosts.flask.sql import opener_of

    return opener_of(database)
