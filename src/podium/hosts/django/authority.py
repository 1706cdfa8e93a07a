"""Who asks, as the project knows its users, and what Django's permissions let them do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings as project
from django.shortcuts import resolve_url

from podium.access import ALL, Action, Actor
from podium.errors import NotAuthenticated
from podium.web.http import Request

# What everybody may do with a public model: records stay with those who may see them.
PUBLIC = frozenset({Action.PREDICT})


class DjangoAuthority:
    """Asks the project's user model and back ends.

    Args:
        models: their names.
        public: the models that everybody may ask; ALL among them means every one.
    """

    def __init__(self, models: Sequence[str], public: Collection[str] = ()) -> None:
        self._public = dict.fromkeys(public, PUBLIC)
        self._models = models

    def of_page(self, request: Request) -> Actor:
        """The user of the session."""
        user = getattr(request.native, "user", None)
        if user is None or not user.is_authenticated:
            return Actor(grants=self._public)
        name = user.get_username()
        return Actor(name, user.get_short_name() or name, self._grants(user))

    def of_api(self, request: Request) -> Actor:
        """Nobody in particular: a cookie is no answer here.

        Raises:
            NotAuthenticated: there is a token.
        """
        if "authorization" in request.headers:
            raise NotAuthenticated("this token isn't valid", hint="make a new one")
        return Actor(grants=self._public)

    def login_url(self, request: Request) -> str | None:
        """The project's `LOGIN_URL`, and back."""
        query = f"?{request.query_string}" if request.query_string else ""
        back = urlencode({"next": request.url(request.path) + query})
        return f"{resolve_url(project.LOGIN_URL)}?{back}"

    def links(self, request: Request) -> Sequence[tuple[str, str]]:  # noqa: ARG002 - as every one
        """None: the project has its own."""
        return ()

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        """Nothing is written down."""

    def _grants(self, user: Any) -> dict[str, frozenset[Action]]:
        general = {action for action in Action if user.has_perm(f"podium.{action}")}
        grants = {ALL: frozenset(general | self._public.get(ALL, frozenset()))}
        for name in self._models:
            own = {action for action in Action if user.has_perm(f"podium.{action}_{name}")}
            grants[name] = frozenset(own | self._public.get(name, frozenset()))
        return grants
