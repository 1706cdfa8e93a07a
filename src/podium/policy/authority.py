"""Who asks: each host has its own way to know; without one, whoever asks may do everything."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from podium.access import ALL, ANYONE, NOBODY, WORDS, Action, Actor, allowed, may_anything
from podium.errors import NotAllowed, NotAuthenticated, NotFound, SetupError
from podium.http import Request

_log = logging.getLogger("podium")
# An Actor, a name or None; awaited by hosts that can, where it is a coroutine.
Identify: TypeAlias = Callable[[Request], Any]
LOG_IN = "log in, or send a token: Authorization: Bearer ..."


class Authority(Protocol):
    """Tells who asks. Called from threads, so that it may read a database.

    An authority that knows tokens from memory also has `of_token(header: bytes) -> Actor`, which
    raises NotAuthenticated, and a `version` that changes when what it tells does: predictions then
    stay in the fast lane. One with `health` says there why the accounts can't be read, or "". One that has `takes_tokens` is described with them in the OpenAPI document.
    """

    def of_page(self, request: Request) -> Actor:
        """Who opens a page: by a cookie, never by a token."""
        ...

    def of_api(self, request: Request) -> Actor:
        """Who asks the API: by a token, never by a cookie; NOBODY where none is sent.

        Raises:
            NotAuthenticated: the token is none that is valid.
        """
        ...

    def login_url(self, request: Request) -> str | None:
        """Where nobody in particular is sent from a page; None where one can't log in."""
        ...

    def links(self, request: Request) -> Sequence[tuple[str, str]]:
        """Label and address of what stands at the top of every page: account, log out."""
        ...

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        """Write down what was done."""
        ...


class OpenAuthority:
    """There are no accounts: whoever asks may do everything."""

    version = 0

    def of_page(self, request: Request) -> Actor:  # noqa: ARG002 - as every authority
        """Anyone."""
        return ANYONE

    def of_api(self, request: Request) -> Actor:  # noqa: ARG002 - as every authority
        """Anyone."""
        return ANYONE

    def of_token(self, header: bytes) -> Actor:  # noqa: ARG002 - as every authority
        """Anyone."""
        return ANYONE

    def login_url(self, request: Request) -> str | None:  # noqa: ARG002 - as every authority
        """Nowhere."""
        return None

    def links(self, request: Request) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """None."""
        return ()

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        """Nothing is written down."""


class CallableAuthority:
    """Asks a function of the operator's, for pages and the API alike.

    Args:
        identify: gives an Actor; a user's name who then may do everything; or None for nobody.
    """

    def __init__(self, identify: Identify) -> None:
        self.identify = identify

    def login_url(self, request: Request) -> str | None:  # noqa: ARG002 - as every authority
        """Nowhere: the host has its own ways."""
        return None

    def links(self, request: Request) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """None."""
        return ()

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        """What was done goes to the log."""
        _log.info("%s", event, extra={"actor": actor.name, "actor_id": actor.owner, **fields})

    def of_page(self, request: Request) -> Actor:
        """Who the function says."""
        return actor_of(self.identify(request))

    def of_api(self, request: Request) -> Actor:
        """Who the function says."""
        return actor_of(self.identify(request))


def authority_of(identify: Identify | Authority | None) -> Authority:
    """The authority that an app is given, or what stands for it."""
    if identify is None:
        return OpenAuthority()
    return CallableAuthority(identify) if callable(identify) else identify


def actor_of(said: object) -> Actor:
    """What an `identify` function gave, as an actor.

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
    """Let an actor go on, or not.

    Raises:
        NotAuthenticated: nobody in particular asks; it might be allowed to somebody.
        NotFound: the actor may nothing with this model: it isn't there for them.
        NotAllowed: they may do something else with it.
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
