"""Headers of every page, and redirects to other sites that browsers follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from podium.web.headers import SECURITY_HEADERS

_Respond: TypeAlias = Callable[[HttpRequest], HttpResponse]


class Headers:
    """Adds the headers that all our responses have to Django's pages, too.

    A redirect of a submitted form to another site, as for a login elsewhere, becomes a page that
    goes there: under `form-action 'self'` browsers don't follow such a redirect.
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
