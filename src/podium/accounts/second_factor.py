"""Who must have a second factor, and which pages are available without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

_Respond: TypeAlias = Callable[[HttpRequest], HttpResponse]
# Recovery codes alone aren't a factor: they come with one.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
# To set it up, which requires recent authentication; to log out, here and in other browsers.
_OPEN = (
    "/accounts/2fa/",
    "/accounts/again/",
    "/accounts/confirm-email/",
    "/accounts/login/",
    "/accounts/logout/",
    "/accounts/password/reset/",
    "/accounts/reauthenticate/",
    "/accounts/sessions/",
    "/accounts/static/",
    "/static/",
    "/favicon.ico",
)


class SecondFactor:
    """Redirects users who must have a second factor, and have none yet, to its set-up."""

    def __init__(self, respond: _Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response, or the redirect to the second factor."""
        user: Any = request.user
        if not request.path.startswith(_OPEN) and _must_have(user) and not _has(user):
            messages.warning(request, "Set up a second factor to continue.")
            return HttpResponseRedirect(reverse("mfa_index"))
        return self._respond(request)


def whom() -> str:
    """Who must have one: nobody, staff or everyone."""
    found: str = settings.PODIUM_SECOND_FACTOR
    return found


def _must_have(user: Any) -> bool:
    is_meant = whom() == "everyone" or (whom() == "staff" and user.is_staff)
    return bool(is_meant and user.is_authenticated)


def _has(user: Any) -> bool:
    return bool(is_mfa_enabled(user, types=FACTORS))
