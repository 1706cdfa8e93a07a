"""What every page has: strict headers, and a second factor for those who must have one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse

from podium.web.routes import SECURITY_HEADERS

_Respond: TypeAlias = Callable[[HttpRequest], HttpResponse]
# Where one can go before one has a second factor: to get it, or to leave.
_OPEN = ("/accounts/", "/static/", "/favicon.ico")


class Headers:
    """The headers that every response of ours has, on Django's pages too.

    What leads a sent form to another site, as a login elsewhere does, becomes a page that goes
    there: under `form-action 'self'` browsers follow no redirect to it.
    """

    def __init__(self, respond: _Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response, with its headers."""
        response = self._respond(request)
        if request.method == "POST" and _leads_elsewhere(response):
            cookies, response = response.cookies, _refreshing(request, response["location"])
            response.cookies = cookies
        for name, value in SECURITY_HEADERS.items():
            response.setdefault(name, value)
        response.setdefault("cache-control", "no-store")
        return response


def _leads_elsewhere(response: HttpResponse) -> bool:
    is_redirect = 300 < response.status_code < 400 and response.has_header("location")
    return is_redirect and bool(urlsplit(response["location"]).netloc)


def _refreshing(request: HttpRequest, address: str) -> HttpResponse:
    body = render_to_string("podium_accounts/elsewhere.html", {"address": address}, request)
    return HttpResponse(body, headers={"refresh": f"0; url={address}"})


class SecondFactor:
    """Sends who must have a second factor, and has none yet, to where it is set up."""

    def __init__(self, respond: _Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response, or the way to the second factor."""
        user: Any = request.user
        if not request.path.startswith(_OPEN) and _must_have(user) and not _has(user):
            messages.warning(request, "Set up a second way to prove who you are, then go on.")
            return HttpResponseRedirect(reverse("mfa_index"))
        return self._respond(request)


def _must_have(user: Any) -> bool:
    who = settings.PODIUM_SECOND_FACTOR
    is_meant = who == "everyone" or (who == "staff" and user.is_staff)
    return bool(is_meant and user.is_authenticated)


def _has(user: Any) -> bool:
    from allauth.mfa.utils import is_mfa_enabled

    return bool(is_mfa_enabled(user))
