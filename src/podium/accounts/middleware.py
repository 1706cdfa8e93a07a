"""What every page has: strict headers, and a way to another site that browsers follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from podium.web.headers import SECURITY_HEADERS

_Respond: TypeAlias = Callable[[HttpRequest], HttpResponse]


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
