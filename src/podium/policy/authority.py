"""Authentication: each host has its own; without any, every caller may do everything."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from podium.access import ALL, ANYONE, NOBODY, WORDS, Action, Actor, allowed, may_anything
from podium.errors import NotAllowed, NotAuthenticated, NotFound, SetupError
from podium.http import Request

_log = logging.getLogger("podium")
# An Actor, a name or None; a coroutine of those under hosts that can await it.
Identify: TypeAlias = Callable[[Request], Any]
LOG_IN = "log in, or send a token: Authorization: Bearer ..."


@dataclass(frozen=True, slots=True)
class WayOut:
    """How one gets from our pages to those of the host.

    Attributes:
        back: the address of the host's site; "" if there is none.
        log_out: where the actor logs out; "" if they can't.
        is_form: whether that takes a form that is sent there, and no link.
    """

    back: str = ""
    log_out: str = ""
    is_form: bool = False


class Authority(Protocol):
    """Authenticates requests. Called from threads, so that it may read a database.

    An authority that verifies tokens in memory also has `of_token(header: bytes) -> Actor`, which
    raises NotAuthenticated, and a `version` that changes whenever its results do: predictions
    with a token then stay in the fast lane. One with a `health` method returns why the accounts
    can't be read, or "". A host's `way_out(request)` returns the `WayOut` of its site. If `takes_tokens` is true, the OpenAPI document describes token
    authentication.
    """

    def of_page(self, request: Request) -> Actor:
        """The actor who opens a page: identified by a cookie, never by a token."""
        ...

    def of_api(self, request: Request) -> Actor:
        """The actor who calls the API, identified by a token, never by a cookie; NOBODY without.

        Raises:
            NotAuthenticated: the token is invalid.
        """
        ...

    def login_url(self, request: Request) -> str | None:
        """Where a page sends anonymous callers to log in; None if that isn't possible."""
        ...

    def links(self, request: Request) -> Sequence[tuple[str, str]]:
        """The label and address of each link at the top of every page: account, log out."""
        ...

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        """Record an audit event."""
        ...


class OpenAuthority:
    """No accounts: every caller may do everything."""

    version = 0

    def of_page(self, request: Request) -> Actor:  # noqa: ARG002 - as Authority
        """Anyone."""
        return ANYONE

    def of_api(self, request: Request) -> Actor:  # noqa: ARG002 - as Authority
        """Anyone."""
        return ANYONE

    def of_token(self, header: bytes) -> Actor:  # noqa: ARG002 - as Authority
        """Anyone."""
        return ANYONE

    def login_url(self, request: Request) -> str | None:  # noqa: ARG002 - as Authority
        """None: there is nowhere to log in."""
        return None

    def links(self, request: Request) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """No links."""
        return ()

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        """Records nothing."""


class CallableAuthority:
    """Calls the operator's `identify` function, for pages and the API alike.

    Args:
        identify: returns an Actor; the name of a user, who may then do everything; or None for an
            anonymous caller.
    """

    def __init__(self, identify: Identify) -> None:
        self.identify = identify

    def login_url(self, request: Request) -> str | None:  # noqa: ARG002 - as Authority
        """None: logging in is up to the host."""
        return None

    def links(self, request: Request) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """No links."""
        return ()

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        """Writes the event to the log."""
        _log.info("%s", event, extra={"actor": actor.name, "actor_id": actor.owner, **fields})

    def of_page(self, request: Request) -> Actor:
        """The actor that the function returns."""
        return actor_of(self.identify(request))

    def of_api(self, request: Request) -> Actor:
        """The actor that the function returns."""
        return actor_of(self.identify(request))


def authority_of(identify: Identify | Authority | None) -> Authority:
    """The authority that an app was given, or one that wraps its function."""
    if identify is None:
        return OpenAuthority()
    return CallableAuthority(identify) if callable(identify) else identify


def actor_of(said: object) -> Actor:
    """The return value of an `identify` function as an actor.

    Raises:
        SetupError: it is neither an actor, a name nor None.
    """
    if said is None:
        return NOBODY
    if isinstance(said, Actor):
        return said
    if isinstance(said, str) and said:
        return Actor(said, said, ANYONE.grants)
    raise SetupError(
        f"identify() must return an Actor, a str or None, not {type(said).__name__}",
        hint="return a podium.access.Actor, the user's name as a text, or None",
    )


def require(actor: Actor, action: Action, model: str = ALL) -> None:
    """Check that an actor may perform an action.

    Raises:
        NotAuthenticated: the caller is anonymous, and a known one might be allowed to.
        NotFound: the actor has no permission for this model, so that it doesn't exist for them.
        NotAllowed: they have other permissions for it.
    """
    if allowed(actor, action, model):
        return
    if not actor.is_known:
        raise NotAuthenticated("this requires a login or a token", hint=LOG_IN)
    if model != ALL and not may_anything(actor, model):
        raise NotFound(f"no model is called {model!r}", hint="see the list of models")
    of_model = "" if model == ALL else f" of {model}"
    raise NotAllowed(
        f"{actor.label or actor.name} may not {WORDS[action]}{of_model}",
        hint="an administrator can grant it",
    )
