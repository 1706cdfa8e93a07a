"""What every protocol for programs reads from the headers of a request for predictions."""

from __future__ import annotations

from contextlib import suppress

from podium.flow.request import RequestContext
from podium.http import Request
from podium.policy.addresses import network_of
from podium.records.business_key import business_key_of


def context_of(request: Request, *, accept: str = "") -> RequestContext:
    """The context of a request.

    Args:
        accept: the Accept header, where it decides about the format of the response.
    """
    headers = request.headers
    return RequestContext(
        source="api",
        actor=request.actor,
        accept=accept,
        key=headers.get("idempotency-key", ""),
        client=network_of(request.address),
        business_key=_business_key(headers.get("podium-key", "")),
        is_bulk=request.is_bulk,
        traceparent=headers.get("traceparent", ""),
    )


def _business_key(header: str) -> str:
    """The business key in a header, which clients write in UTF-8, whatever HTTP takes it for."""
    with suppress(UnicodeError):
        header = header.encode("latin-1").decode()
    return business_key_of(header) or ""
