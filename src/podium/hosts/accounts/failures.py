"""Pages that tell what went wrong, where Django or one of its apps says so."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from podium.hosts.accounts.page import error

_MEANT = {
    HTTPStatus.BAD_REQUEST: "the request can't be read",
    HTTPStatus.FORBIDDEN: "your account may not do this; an administrator can grant it",
    HTTPStatus.NOT_FOUND: "there is nothing here",
    HTTPStatus.TOO_MANY_REQUESTS: "that was tried too often; wait five minutes",
    HTTPStatus.INTERNAL_SERVER_ERROR: "something failed here, and was written down",
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """400."""
    return _page(request, HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """403: who is logged in may not do it."""
    return _page(request, HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """404."""
    return _page(request, HTTPStatus.NOT_FOUND)


def too_many(request: HttpRequest) -> HttpResponse:
    """429: five tries in five minutes."""
    return _page(request, HTTPStatus.TOO_MANY_REQUESTS)


def failed(request: HttpRequest) -> HttpResponse:
    """500: the log says more."""
    return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def no_token(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """403: a form that came without its hidden token."""
    said = "this form is too old, or it came from elsewhere: open the page again"
    return _page(request, HTTPStatus.FORBIDDEN, said)


def _page(request: HttpRequest, status: HTTPStatus, said: str = "") -> HttpResponse:
    html = error(request, status, title=status.phrase, detail=said or _MEANT[status])
    answer = HttpResponse(html, status=status)
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        answer["retry-after"] = "300"
    return answer
