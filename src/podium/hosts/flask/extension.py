"""The extension: what an app sets up and calls for predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast, overload

from flask import Flask

from podium.hosts.flask.blueprint import blueprint_of, check_free, current_actor
from podium.hosts.flask.config import Models, is_database, is_document, read_options
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

    The app's config under `PODIUM_*` takes precedence over these arguments.

    Args:
        models: by name, or as a list: bundles, their files, folders of them, functions made with
            `@podium.model`, or `module:function`.
        url_prefix: their path; `/ml` by default.
        identify: identifies the actor, as a function of the request: a `podium.access.Actor`, the
            name of a user who may do everything, or None. It replaces Flask-Login.
        permissions: whether a user of the app may perform an action on a model.
        store: where records are stored: an address, Flask-SQLAlchemy's object or a class of
            MongoEngine's documents for the app's own database, or a function that opens a store in
            each process. As all others, it can be set in the app's config: `PODIUM_STORE`.
        settings: any other, by its name in lower case: `public`, `base_template`, `home`, ...

    Raises:
        PodiumError: the config or a model is invalid.
    """

    def __init__(
        self,
        app: Flask | None = None,
        models: Models | None = None,
        *,
        url_prefix: str | None = None,
        identify: Identify | Authority | None = None,
        permissions: Permissions | None = None,
        store: OpenStore | SQLAlchemy | type | str | None = None,
        **settings: Any,
    ) -> None:
        self._arguments = {**settings, "models": models, "url_prefix": url_prefix}
        opens = callable(store) and not is_database(store)
        if not opens:
            self._arguments["store"] = store
        self._identify = identify
        self._permissions = permissions
        self._store = cast("OpenStore", store) if opens else None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set an app up.

        Raises:
            PodiumError: its config or a model is invalid.
        """
        check_free(app)
        options = read_options(app, self._arguments)
        check_options(options, identify=self._identify, permissions=self._permissions)
        host = Host(
            app,
            options,
            # Other extensions may be set up after this one, so authentication looks for them in
            # each request.
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
        self,
        model: str,
        rows: Mapping[str, Any],
        *,
        actor: str | None = None,
        key: str | int | None = None,
    ) -> Predicted: ...
    @overload
    def predict(
        self, model: str, rows: Any, *, actor: str | None = None, key: str | int | None = None
    ) -> list[Predicted]: ...
    def predict(
        self, model: str, rows: Any, *, actor: str | None = None, key: str | int | None = None
    ) -> Any:
        """Predict with a model of the current app; predictions are recorded as usual.

        Args:
            rows: one mapping of field names and values; or many: a list of mappings, a mapping of
                columns, a pandas or polars frame.
            actor: whom the record names; by default the sender of the current request. Their
                permissions don't count here: your code decides.
            key: the business key of these rows, by which feedback can be given.

        Returns:
            A Predicted for one mapping of values, else a list with one for each row.

        Raises:
            SetupError: there is no model with this name.
            InvalidRows: some cells are invalid; its `cells` lists them.
            ModelError: the model failed.
            StoreError: the prediction couldn't be recorded, so it isn't returned.
        """
        host = host_of()
        traffic = host.traffic(model)
        sender = current_actor(host, actor)
        return predicted(host.app.service, traffic, rows, actor=sender, key=key)

    def form(
        self, model: str, *, base: type[Form] | None = None, app: Flask | None = None
    ) -> type[PredictionForm]:
        """A class of WTForms with a field for each input of a model, in their order.

        It rejects what the API rejects, with the same messages; `predict()` of a valid form
        predicts.

        Args:
            base: the class to inherit from; Flask-WTF's FlaskForm by default.
            app: whose model; the current one's by default.

        Raises:
            SetupError: there is no model with this name.
            MissingExtra: Flask-WTF isn't installed.
        """
        with needs("flask-forms"):
            from podium.hosts.flask.forms import form_class

        return form_class(model, host_of(app).bundle(model).signature, base)

    def start(self, app: Flask | None = None) -> None:
        """Load every model now, in this process, rather than at the first request.

        Call it when a server's process begins, after its fork: in gunicorn's `post_worker_init`.

        Raises:
            PodiumError: a model can't be loaded, or the store can't be opened.
        """
        host_of(app).app.start()

    def close(self, app: Flask | None = None) -> None:
        """Release everything this process holds for an app, and ship what waits for the store."""
        host_of(app).close()


def _opener_of(database: Any) -> OpenStore:
    if is_document(database):
        with needs("mongodb"):
            from podium.hosts.flask import mongo

        return mongo.opener_of(database)
    with needs("sql"):
        from podium.hosts.flask.sql import opener_of

    return opener_of(database)
