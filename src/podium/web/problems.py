"""Errors as HTTP: the one place that knows which status each has."""

from __future__ import annotations

import logging
import secrets
from typing import Any

import msgspec

from podium.errors import (
    InputError,
    InvalidRows,
    MalformedBody,
    ModelError,
    NotFound,
    PodiumError,
    StoreError,
    TooLarge,
    UnsupportedMedia,
)
from podium.web.gate import Refusal
from podium.web.http import Response

MEDIA = "application/problem+json"
RETRY_AFTER_S = 1
STATUSES: dict[type[PodiumError], tuple[int, str]] = {
    InvalidRows: (422, "Some values are not accepted"),
    MalformedBody: (400, "The body can't be read"),
    TooLarge: (413, "Too much at once"),
    UnsupportedMedia: (415, "Unsupported content type"),
    NotFound: (404, "Not found"),
    InputError: (400, "The request can't be answered"),
    StoreError: (503, "The answer can't be recorded"),
    ModelError: (500, "The model failed"),
}
_TITLES = {
    400: "Bad request",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    411: "Length required",
    413: "Too much at once",
    414: "Address too long",
    415: "Unsupported content type",
    421: "Unknown host",
    431: "Headers too large",
    500: "Internal error",
    503: "Not available",
}
_log = logging.getLogger("podium")


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as RFC 9457 has it.

    Attributes:
        type: a name that stays, for programs: `urn:podium:invalid_rows`.
        code: its last part.
        hint: what to do.
        cells: every value that isn't accepted.
        n_cells: how many there are, where not all are listed.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    cells: tuple[Any, ...] = ()
    n_cells: int = 0


def of_error(error: Exception) -> Problem:
    """The problem that an error is. What the caller can't mend goes to the log, under an id."""
    if not isinstance(error, PodiumError):
        return _unexpected(error, "something went wrong here")
    status, title = next(
        (known for kind, known in STATUSES.items() if isinstance(error, kind)),
        (500, _TITLES[500]),
    )
    if status >= 500:
        words = {503: "the answer couldn't be recorded, so it isn't given", 500: "the model failed"}
        return _unexpected(error, words[status], status=status, title=title, code=error.code)
    rows = error if isinstance(error, InvalidRows) else None
    return Problem(
        type=f"urn:podium:{error.code}",
        title=title,
        status=status,
        detail=error.message,
        code=error.code,
        hint=error.hint,
        cells=rows.cells if rows else (),
        n_cells=rows.n_cells if rows else 0,
    )


def of_refusal(refusal: Refusal) -> Problem:
    """The problem that a refusal at the gate is."""
    return Problem(
        type=f"urn:podium:{refusal.code}",
        title=_TITLES.get(refusal.status, "Refused"),
        status=refusal.status,
        detail=refusal.detail,
        code=refusal.code,
        hint=refusal.hint,
    )


def respond(problem: Problem) -> Response:
    """A problem as problem+json."""
    response = Response(msgspec.json.encode(problem), problem.status, MEDIA)
    if problem.status == 503:
        response.headers["retry-after"] = str(RETRY_AFTER_S)
    return response


def _unexpected(
    error: Exception,
    words: str,
    *,
    status: int = 500,
    title: str = _TITLES[500],
    code: str = "internal",
) -> Problem:
    incident = secrets.token_hex(6)
    _log.error("request_failed", extra={"incident": incident, "status": status}, exc_info=error)
    return Problem(
        type=f"urn:podium:{code}",
        title=title,
        status=status,
        detail=f"{words}; the log tells more under {incident}",
        code=code,
        hint="try again, or ask the operator of this server",
    )
