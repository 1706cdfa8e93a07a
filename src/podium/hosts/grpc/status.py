"""Problems as gRPC statuses: the only place that maps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.http import Problem
from podium.protocols.oip.words import text_of

if TYPE_CHECKING:
    from grpc import StatusCode

# The status code of a problem, by that of HTTP; by its own code where one of HTTP has two meanings.
# As Triton has them: an unknown model is NOT_FOUND, and whatever is wrong in a request
# INVALID_ARGUMENT. Sources: gRPC, "Status codes and their use in gRPC"; Triton's grpc_utils.cc.
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    507: "RESOURCE_EXHAUSTED",
}
_BY_CODE = {"overloaded": "RESOURCE_EXHAUSTED"}
# They are sent as a header, for which clients have 8 KiB by default.
TEXT_BYTES_MAX = 4_096


def status_of(problem: Problem) -> StatusCode:
    """The status code of a problem."""
    from grpc import StatusCode

    name = _BY_CODE.get(problem.code) or STATUSES.get(problem.status, "INTERNAL")
    return StatusCode[name]


def text_within_bounds(problem: Problem) -> str:
    """What is wrong, in a text that fits into a header."""
    text = text_of(problem)
    data = text.encode()
    return text if len(data) <= TEXT_BYTES_MAX else data[:TEXT_BYTES_MAX].decode(errors="ignore")
