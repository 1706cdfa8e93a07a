"""Error pages for errors of Django and its apps."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from podium.accounts.guard import Refused
from podium.accounts.page import error
from podium.hosts.django.audit import write

_MEANT = {
    HTTPStatus.BAD_REQUEST: "the request can't be read",
    HTTPStatus.FORBIDDEN: "your account may not do this; an administrator can grant it",
    HTTPStatus.NOT_FOUND: "there is no such page",
    HTTPStatus.TOO_MANY_REQUESTS: "too many attempts; wait five minutes",
    HTTPStatus.INTERNAL_SERVER_ERROR: "something went wrong on the server, and was logged",
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """400."""
    return _page(request, HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: the user isn't allowed to. Refusals by the guard are audited."""
    if not isinstance(exception, Refused):
        return _page(request, HTTPStatus.FORBIDDEN)
    write("refused", target=request.path, details={"why": str(exception)})
    return _page(request, HTTPStatus.FORBIDDEN, str(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """404."""
    return _page(request, HTTPStatus.NOT_FOUND)


def too_many(request: HttpRequest) -> HttpResponse:
    """429: five attempts in five minutes."""
    return _page(request, HTTPStatus.TOO_MANY_REQUESTS)


def failed(request: HttpRequest) -> HttpResponse:
    """500: the log has the details."""
    return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def no_token(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """403: a form without its CSRF token."""
    said = "this form has expired, or was sent by another site: open the page again"
    return _page(request, HTTPStatus.FORBIDDEN, said)


def _page(request: HttpRequest, status: HTTPStatus, said: str = "") -> HttpResponse:
    html = error(request, status, title=status.phrase, detail=said or _MEANT[status])
    answer = HttpResponse(html, status=status)
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        answer["retry-after"] = "300"
    return answer
