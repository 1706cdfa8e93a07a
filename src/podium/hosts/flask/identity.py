"""Authentication by the app's users, and what its roles and needs allow them."""

from __future__ import annotations

import datetime as dt
import logging
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import flask
from flask import Flask

from podium.access import ALL, ANYONE, Action, Actor, allowed
from podium.errors import NotAuthenticated, SetupError
from podium.hosts.flask.config import Grants, Options
from podium.hosts.flask.way_out import way_out_of
from podium.http import Request
from podium.policy.authority import Authority, Identify, OpenAuthority, WayOut, actor_of

_log = logging.getLogger("podium")
# What everybody may do with a public model: records stay with those who may see them.
PUBLIC = frozenset({Action.PREDICT})
# Whether a user of the app may perform an action on a model, or on ALL of them.
Permissions: TypeAlias = Callable[[Any, Action, str], bool]
# Attributes that name a user for people; Flask-Security's own ids don't.
_NAMES = ("username", "email")
# Attributes that are unique to a user, in this order. Flask-Security's `get_id` changes with the
# password, so the primary key comes first.
_IDS = ("id", "pk")


def check_options(
    options: Options,
    *,
    identify: Identify | Authority | None,
    permissions: Permissions | None,
) -> None:
    """Refuse options that would silently override others about permissions.

    Raises:
        SetupError: two of them can't both apply.
    """
    if options.grants is not None and permissions is not None:
        raise SetupError(
            "PODIUM_GRANTS and permissions= contradict each other",
            hint="use only one of them",
        )
    if options.grants is not None and identify is not None:
        raise SetupError(
            "PODIUM_GRANTS needs roles, which identify= doesn't return, so it would have no effect",
            hint="return Actor(name, label, grants) from identify, or decide with permissions=",
        )
    if identify is not None and not callable(identify) and (permissions or options.public):
        said = "permissions=" if permissions else "PODIUM_PUBLIC"
        raise SetupError(
            f"the authority that identify= returns decides everything, so {said} would have no effect",
            hint="give one of them",
        )


def authority_of(
    app: Flask,
    models: Sequence[str],
    options: Options,
    *,
    identify: Identify | Authority | None,
    permissions: Permissions | None,
) -> Authority:
    """The authority of an app that is completely set up.

    Args:
        models: their names.
        identify: identifies the actor, in place of the app's extensions; or a whole authority.
        permissions: what the app's users may do.
    """
    if identify is not None and not callable(identify):
        return identify
    is_limited = options.public or options.grants is not None or permissions is not None
    if identify is None and not is_limited and not _has_users(app):
        return OpenAuthority()
    return FlaskAuthority(app, models, options, identify=identify, permissions=permissions)


class FlaskAuthority:
    """Uses `identify`, or else Flask-Login, Flask-Security and Flask-Principal, where set up.

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
            return self._identified(request)
        if self._login is None:
            identity = _identity()
            user = None if identity is None or identity.id is None else identity
            name = str(getattr(user, "id", ""))
            return self._actor(user, name, f"identity:{name}")
        if self._app.config.get("LOGIN_DISABLED"):
            return ANYONE
        from flask_login import current_user  # type: ignore[import-untyped] # it has no types

        return self._of_user(current_user)

    def of_api(self, request: Request) -> Actor:
        """The user that Flask-Login's `request_loader` finds in the request; cookies don't count.

        Raises:
            NotAuthenticated: there is a token, and it is invalid.
        """
        if self._identify is not None:
            return self._identified(request)
        if self._login is not None and self._app.config.get("LOGIN_DISABLED"):
            return ANYONE
        # What `current_user` does, without the cookies that it looks at first: there is no public
        # API for that. From here on this user is the current one, for the app's own permissions,
        # too.
        load = getattr(self._login, "_request_callback", None)
        user = None if load is None else load(request.native)
        if user is None:
            if "authorization" in request.headers:
                raise NotAuthenticated("this token isn't valid", hint="get a new one")
            return Actor(grants=self._public)
        flask.g._login_user = user  # noqa: SLF001 - where Flask-Login stores it
        return self._of_user(user, is_new=True)

    def login_url(self, request: Request) -> str | None:
        """The app's `login_view`, and back; None if it has none."""
        view = getattr(self._login, "login_view", None)
        if view is None and "security" in self._app.extensions:  # Flask-Login isn't told about it
            view = f"{self._app.config['SECURITY_BLUEPRINT_NAME']}.login"
        if view is None:
            return None
        from flask_login import login_url

        return str(login_url(view, request.native.url))

    def links(self, request: Request) -> Sequence[tuple[str, str]]:  # noqa: ARG002 - as Authority
        """The links in the app's config."""
        return [(label, _address(to)) for label, to in self._options.links.items()]

    def way_out(self, request: Request) -> WayOut:  # noqa: ARG002 - as Authority
        """The app's own root, and its endpoint for logging out; unless its config has links."""
        return WayOut() if self._options.links else way_out_of(self._app)

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        """Writes the event to the log."""
        _log.info("%s", event, extra={"actor": actor.name, "actor_id": actor.owner, **fields})

    @property
    def _login(self) -> Any:
        """Flask-Login's manager, or None."""
        return getattr(self._app, "login_manager", None)

    def _identified(self, request: Request) -> Actor:
        """The actor that `identify` returns, with its grants limited by `permissions`."""
        assert self._identify is not None
        said = self._identify(request)
        actor = actor_of(said)
        if self._permissions is not None and actor.is_known:
            grants = {
                model: frozenset(action for action in granted if allowed(actor, action, model))
                for model, granted in self._permitted(said).items()
            }
            actor = replace(actor, grants=grants)
        return self._with_public(actor)

    def _permitted(self, user: Any) -> Grants:
        """The grants that `permissions` gives a user."""
        assert self._permissions is not None
        may = self._permissions
        return {
            model: frozenset(action for action in Action if may(user, action, model))
            for model in (ALL, *self._models)
        }

    def _of_user(self, user: Any, *, is_new: bool = False) -> Actor:
        if not user or not user.is_authenticated:
            return Actor(grants=self._public)
        names = (getattr(user, name, None) for name in _NAMES)
        name = next((str(one) for one in names if one), None) or str(user.get_id())
        return self._actor(user, name, owner_of(user), is_new=is_new)

    def _actor(self, user: Any, name: str, owner: str, *, is_new: bool = False) -> Actor:
        if user is None:
            return Actor(grants=self._public)
        grants = self._grants(user, is_new=is_new)
        return self._with_public(Actor(name, name, grants, id=owner))

    def _with_public(self, actor: Actor) -> Actor:
        if not self._public:
            return actor
        return replace(actor, grants=_sum([actor.grants, self._public]))

    def _grants(self, user: Any, *, is_new: bool) -> Grants:
        if self._permissions is not None:
            return self._permitted(user)
        said = self._options.grants
        if said is None:
            return ANYONE.grants
        needs = _needs(self._app, user, is_new=is_new)
        roles = {getattr(role, "name", role) for role in getattr(user, "roles", None) or ()}
        return _sum([said[key] for key in said if key in roles or key in needs])


def owner_of(user: Any) -> str:
    """The owner of a user's records: their primary key, and their creation time, if known.

    SQLite reuses the primary key of the last row once that row is deleted.
    """
    ids = (getattr(user, name, None) for name in _IDS)
    key = next((one for one in ids if one is not None and not callable(one)), None)
    made = getattr(user, "create_datetime", None)  # as Flask-Security names it
    since = f"@{made:%Y%m%dT%H%M%S}" if isinstance(made, dt.datetime) else ""
    return f"user:{user.get_id() if key is None else key}{since}"


def _needs(app: Flask, user: Any, *, is_new: bool) -> Collection[object]:
    """The needs that a user provides, by Flask-Principal; their roles by name, too.

    Args:
        is_new: whether the app's identity was set before this user was known.
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
    """The URL of an endpoint; a URL as it is."""
    return to if "/" in to else flask.url_for(to)
