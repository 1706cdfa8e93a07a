"""Errors as HTTP: the only place that maps them to status codes.

A problem's `type` is `urn:podium:CODE` rather than the address of a page: it stays the same under
every prefix that Podium is mounted at, behind every proxy, and doesn't invite anyone to fetch it.
"""

from __future__ import annotations

import logging
import secrets

import msgspec

from podium.errors import (
    AccountsError,
    FixedVersions,
    IncompatibleVersion,
    InputError,
    InvalidRows,
    JobsError,
    MalformedBody,
    ModelError,
    ModelNotLoaded,
    NoPrediction,
    NoSpace,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Overloaded,
    PodiumError,
    PromotionRefused,
    Quarantined,
    RateLimited,
    RegistryError,
    StoreError,
    TimedOut,
    TooLarge,
    UnsupportedMedia,
    UnusableVersion,
    VersionChanged,
)
from podium.http import Problem, Response
from podium.outbox.deletion import CountDiffers
from podium.outbox.keys import KeyReused
from podium.policy.gate import Refusal

MEDIA = "application/problem+json"
# The first match counts: a class comes before those it is derived from.
STATUSES: dict[type[PodiumError], int] = {
    NoPrediction: 422,
    InvalidRows: 422,
    MalformedBody: 400,
    TooLarge: 413,
    UnsupportedMedia: 415,
    KeyReused: 422,
    CountDiffers: 409,
    FixedVersions: 409,
    VersionChanged: 409,
    PromotionRefused: 409,
    IncompatibleVersion: 422,
    UnusableVersion: 422,
    Quarantined: 422,
    NotAuthenticated: 401,
    NotAllowed: 403,
    RateLimited: 429,
    NotFound: 404,
    Overloaded: 503,
    TimedOut: 504,
    InputError: 400,
    AccountsError: 503,
    NoSpace: 507,
    RegistryError: 503,
    JobsError: 503,
    StoreError: 503,
    ModelNotLoaded: 503,
    ModelError: 500,
}
# Source: RFC 9110, section 15; RFC 6585. Python's own phrases differ from version to version.
PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    426: "Upgrade Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
    507: "Insufficient Storage",
}
# The headings of pages that show a problem.
_HEADINGS = {
    401: "Please log in",
    403: "Not allowed",
    404: "Not found",
    413: "Too much at once",
    422: "Some values are not accepted",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Not available right now",
    504: "This took too long",
}
# What callers are told about faults that aren't theirs; the cause is in the log.
_FAULTS: dict[type[PodiumError], str] = {
    ModelError: "the model failed on these rows",
    RegistryError: "the registry of versions can't be used; predictions go on",
    JobsError: "the jobs that score files can't be used; predictions go on",
    AccountsError: "the accounts can't be read, so nobody can be authenticated",
    StoreError: "the prediction couldn't be recorded, so it isn't returned",
}
_UNREAD = "the store of records didn't respond; predictions go on"
_log = logging.getLogger("podium")


def of_error(error: Exception, *, is_reading: bool = False) -> Problem:
    """The problem for an error. A fault of the server is logged, under an id.

    Args:
        is_reading: whether records were read, rather than stored.
    """
    kind = next((known for known in STATUSES if isinstance(error, known)), None)
    if not isinstance(error, PodiumError) or kind is None:
        return _fault(error, 500, "internal", "something went wrong on the server")
    status = STATUSES[kind]
    if kind is StoreError and is_reading:
        return _fault(error, status, kind.code, _UNREAD)
    if kind in _FAULTS:
        return _fault(error, status, kind.code, _FAULTS[kind])
    rows = error if isinstance(error, InvalidRows) else None
    return Problem(
        type=f"urn:podium:{error.code}",
        title=PHRASES[status],
        status=status,
        detail=error.message,
        code=error.code,
        hint=error.hint,
        cells=rows.cells if rows else (),
        n_cells=rows.n_cells if rows else 0,
    )


def of_refusal(refusal: Refusal) -> Problem:
    """The problem for a refusal at the gate."""
    return Problem(
        type=f"urn:podium:{refusal.code}",
        title=PHRASES[refusal.status],
        status=refusal.status,
        detail=refusal.detail,
        code=refusal.code,
        hint=refusal.hint,
    )


def heading(problem: Problem) -> str:
    """The heading of the page that shows a problem."""
    if problem.status == 422 and not problem.cells:
        return "Not accepted"
    return _HEADINGS.get(problem.status, "The request can't be answered")


def respond(problem: Problem) -> Response:
    """A problem as problem+json."""
    return Response(msgspec.json.encode(problem), problem.status, MEDIA)


def _fault(error: Exception, status: int, code: str, words: str) -> Problem:
    incident = secrets.token_hex(6)
    fields = {"incident": incident, "status": status, "code": code}
    # The id is in the text, too: not every log handler prints fields.
    _log.error("request_failed incident=%s", incident, extra=fields, exc_info=error)
    return Problem(
        type=f"urn:podium:{code}",
        title=PHRASES[status],
        status=status,
        detail=f"{words}; the log has the details under {incident}",
        code=code,
        instance=f"urn:podium:incident:{incident}",
        hint="try again, or ask the operator of this server",
    )
