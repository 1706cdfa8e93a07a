"""Who asks, as the app knows its users, and what its roles and needs let them do."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import flask
from flask import Flask

from podium.access import ALL, ANYONE, Action, Actor
from podium.errors import NotAuthenticated
from podium.hosts.flask.config import Grants, Options
from podium.web.authority import Authority, Identify, OpenAuthority, actor_of
from podium.web.http import Request

_log = logging.getLogger("podium")
# What everybody may do with a public model: records stay with those who may see them.
PUBLIC = frozenset({Action.PREDICT})
# Whether a user of the app's may do something with a model, or with ALL of them.
Permissions: TypeAlias = Callable[[Any, Action, str], bool]
# By what people know a user; Flask-Security's own ids say nothing to them.
_NAMES = ("username", "email")


def authority_of(
    app: Flask,
    models: Sequence[str],
    options: Options,
    *,
    identify: Identify | Authority | None,
    permissions: Permissions | None,
) -> Authority:
    """The authority of an app that is set up completely.

    Args:
        models: their names.
        identify: tells who asks, in place of the app's extensions; or a whole authority.
        permissions: tells what its users may do.
    """
    if identify is not None and not callable(identify):
        return identify
    is_limited = options.public or options.grants is not None or permissions is not None
    if identify is None and not is_limited and not _has_users(app):
        return OpenAuthority()
    return FlaskAuthority(app, models, options, identify=identify, permissions=permissions)


class FlaskAuthority:
    """Asks `identify`, or else Flask-Login, Flask-Security and Flask-Principal, as far as they are
    set up.

    Args:
        models: their names.
    """

    def __init__(
        self,
        app: Flask,
        models: Sequence[str],
        options: Options,
        *,
        identify: Identify | None,
        permissions: Permissions | None,
    ) -> None:
        self._app = app
        self._models = models
        self._options = options
        self._identify = identify
        self._permissions = permissions
        self._public: Grants = dict.fromkeys(options.public, PUBLIC)

    def of_page(self, request: Request) -> Actor:
        """The user of the session."""
        if self._identify is not None:
            return self._with_public(actor_of(self._identify(request)))
        if self._login is None:
            identity = _identity()
            user = None if identity is None or identity.id is None else identity
            return self._actor(user, str(getattr(user, "id", "")))
        if self._app.config.get("LOGIN_DISABLED"):
            return ANYONE
        from flask_login import current_user  # type: ignore[import-untyped] # it has no types

        return self._of_user(current_user)

    def of_api(self, request: Request) -> Actor:
        """The user that Flask-Login's `request_loader` finds in the request; a cookie is no answer.

        Raises:
            NotAuthenticated: there is a token, and it is nobody's.
        """
        if self._identify is not None:
            return self._with_public(actor_of(self._identify(request)))
        if self._login is not None and self._app.config.get("LOGIN_DISABLED"):
            return ANYONE
        # What `current_user` does, without the cookies that it looks at first: there is no public
        # way to it. From here on it is who asks, for the app's own permissions, too.
        load = getattr(self._login, "_request_callback", None)
        user = None if load is None else load(request.native)
        if user is None:
            if "authorization" in request.headers:
                raise NotAuthenticated("this token isn't valid", hint="ask for a new one")
            return Actor(grants=self._public)
        flask.g._login_user = user  # noqa: SLF001 - as Flask-Login keeps it
        return self._of_user(user, is_new=True)

    def login_url(self, request: Request) -> str | None:
        """The app's `login_view`, and back; None where it has none."""
        view = getattr(self._login, "login_view", None)
        if view is None and "security" in self._app.extensions:  # it doesn't tell Flask-Login
            view = f"{self._app.config['SECURITY_BLUEPRINT_NAME']}.login"
        if view is None:
            return None
        from flask_login import login_url

        return str(login_url(view, request.native.url))

    def links(self, request: Request) -> Sequence[tuple[str, str]]:  # noqa: ARG002 - as every one
        """Those that the app's config names."""
        return [(label, _address(to)) for label, to in self._options.links.items()]

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        """What was done goes to the log."""
        _log.info("%s", event, extra={"actor": actor.name, **fields})

    @property
    def _login(self) -> Any:
        """Flask-Login's manager, or None."""
        return getattr(self._app, "login_manager", None)

    def _of_user(self, user: Any, *, is_new: bool = False) -> Actor:
        if not user or not user.is_authenticated:
            return Actor(grants=self._public)
        names = (getattr(user, name, None) for name in _NAMES)
        name = next((str(one) for one in names if one), None) or str(user.get_id())
        return self._actor(user, name, is_new=is_new)

    def _actor(self, user: Any, name: str, *, is_new: bool = False) -> Actor:
        if user is None:
            return Actor(grants=self._public)
        return self._with_public(Actor(name, name, self._grants(user, is_new=is_new)))

    def _with_public(self, actor: Actor) -> Actor:
        if not self._public:
            return actor
        return Actor(actor.name, actor.label, _sum([actor.grants, self._public]), actor.via)

    def _grants(self, user: Any, *, is_new: bool) -> Grants:
        if self._permissions is not None:
            may = self._permissions
            return {
                model: frozenset(action for action in Action if may(user, action, model))
                for model in (ALL, *self._models)
            }
        said = self._options.grants
        if said is None:
            return ANYONE.grants
        needs = _needs(self._app, user, is_new=is_new)
        roles = {getattr(role, "name", role) for role in getattr(user, "roles", None) or ()}
        return _sum([said[key] for key in said if key in roles or key in needs])


def _needs(app: Flask, user: Any, *, is_new: bool) -> Collection[object]:
    """What a user provides, by Flask-Principal; their roles by their names, too.

    Args:
        is_new: the app's identity was told before this user was known.
    """
    identity = _identity()
    if identity is None:
        return ()
    if is_new:
        from flask_principal import (  # type: ignore[import-untyped] # it has no types
            Identity,
            identity_loaded,
        )

        identity = Identity(user.get_id())
        identity_loaded.send(app, identity=identity)
    provided: set[Any] = identity.provides
    return provided | {need[1] for need in provided if need[0] == "role"}


def _identity() -> Any:
    """Flask-Principal's identity of this request, or None."""
    found = flask.g.get("identity")
    return found if hasattr(found, "provides") else None


def _has_users(app: Flask) -> bool:
    if getattr(app, "login_manager", None) is not None:
        return True
    if "flask_principal" not in sys.modules:
        return False
    from flask_principal import Principal

    hooks = app.before_request_funcs.get(None, ())
    return any(isinstance(getattr(hook, "__self__", None), Principal) for hook in hooks)


def _sum(some: Iterable[Grants]) -> Mapping[str, frozenset[Action]]:
    total: dict[str, frozenset[Action]] = {}
    for grants in some:
        for model, actions in grants.items():
            total[model] = total.get(model, frozenset()) | actions
    return total


def _address(to: str) -> str:
    """An endpoint's address; an address as it is."""
    return to if "/" in to else flask.url_for(to)
