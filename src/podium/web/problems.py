"""Errors as HTTP: the one place that knows which status each has.

A problem's `type` is `urn:podium:CODE` rather than the address of a page: it stays the same under
every prefix that Podium is mounted at, behind every proxy, and nobody is led to fetch it.
"""

from __future__ import annotations

import logging
import secrets

import msgspec

from podium.errors import (
    BadCell,
    InputError,
    InvalidRows,
    MalformedBody,
    ModelError,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Overloaded,
    PodiumError,
    Quarantined,
    RateLimited,
    StoreError,
    TimedOut,
    TooLarge,
    UnsupportedMedia,
)
from podium.records.keys import KeyReused
from podium.web.gate import Refusal
from podium.web.http import Response

MEDIA = "application/problem+json"
# The first that fits counts: a kind stands before those it is derived from.
STATUSES: dict[type[PodiumError], tuple[int, str]] = {
    InvalidRows: (422, "Some values are not accepted"),
    MalformedBody: (400, "The body can't be read"),
    TooLarge: (413, "Too much at once"),
    UnsupportedMedia: (415, "Unsupported content type"),
    KeyReused: (422, "This key was used before"),
    Quarantined: (422, "These rows are not tried again"),
    NotAuthenticated: (401, "Who are you?"),
    NotAllowed: (403, "Not allowed"),
    RateLimited: (429, "Too often"),
    NotFound: (404, "Not found"),
    Overloaded: (503, "Too busy"),
    TimedOut: (504, "Too slow"),
    InputError: (400, "The request can't be answered"),
    StoreError: (503, "The answer can't be recorded"),
    ModelError: (500, "The model failed"),
}
_TITLES = {
    400: "Bad request",
    403: "Forbidden",
    405: "Method not allowed",
    411: "Length required",
    413: "Too much at once",
    414: "Address too long",
    415: "Unsupported content type",
    421: "Unknown host",
    431: "Headers too large",
}
# What a caller hears of the faults that aren't theirs; the cause is in the log.
_FAULTS: dict[type[PodiumError], str] = {
    ModelError: "the model failed on these rows",
    StoreError: "the answer couldn't be recorded, so it isn't given",
}
_log = logging.getLogger("podium")


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as RFC 9457 has it.

    Attributes:
        type: a name that stays, for programs: `urn:podium:invalid_rows`.
        code: its last part.
        instance: of a fault that isn't the caller's: the name under which the log tells more.
        hint: what to do.
        cells: the values that aren't accepted, as many as are listed in one answer.
        n_cells: how many there are in all.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str = ""
    hint: str = ""
    cells: tuple[BadCell, ...] = ()
    n_cells: int = 0


def of_error(error: Exception) -> Problem:
    """The problem that an error is. What the caller can't mend goes to the log, under an id."""
    kind = next((known for known in STATUSES if isinstance(error, known)), None)
    if not isinstance(error, PodiumError) or kind is None:
        return _fault(error, 500, "Internal error", "internal", "something went wrong here")
    status, title = STATUSES[kind]
    if kind in _FAULTS:
        return _fault(error, status, title, kind.code, _FAULTS[kind])
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
        title=_TITLES[refusal.status],
        status=refusal.status,
        detail=refusal.detail,
        code=refusal.code,
        hint=refusal.hint,
    )


def respond(problem: Problem) -> Response:
    """A problem as problem+json."""
    return Response(msgspec.json.encode(problem), problem.status, MEDIA)


def _fault(error: Exception, status: int, title: str, code: str, words: str) -> Problem:
    incident = secrets.token_hex(6)
    fields = {"incident": incident, "status": status, "code": code}
    # The id stands in the text too: not every handler prints fields.
    _log.error("request_failed incident=%s", incident, extra=fields, exc_info=error)
    return Problem(
        type=f"urn:podium:{code}",
        title=title,
        status=status,
        detail=f"{words}; the log tells more under {incident}",
        code=code,
        instance=f"urn:podium:incident:{incident}",
        hint="try again, or ask the operator of this server",
    )
