"""The headers of responses: those of every response, and those for pages of other origins."""

from __future__ import annotations

from podium.http import Request, Response, Verdict
from podium.web.compressing import compressed
from podium.web.site import Site

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "content-security-policy": CSP,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
# What a page of another origin may send, and read of a response.
HEADERS_TAKEN = "accept, authorization, content-type, idempotency-key, podium-key"
HEADERS_SHOWN = (
    "idempotency-replayed, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after"
)
PREFLIGHT_S = 600


def finished(
    response: Response,
    site: Site | None = None,
    request: Request | None = None,
    verdict: Verdict | None = None,
) -> Response:
    """A response with the headers of every response, and those that depend on the caller."""
    headers = {**SECURITY_HEADERS, "cache-control": "no-store", **response.headers}
    if verdict is not None:
        headers |= verdict.headers
    if site is not None and request is not None:
        response = compressed(response, site, request)
        headers |= response.headers
        headers |= _for_origin(site, request, response)
    body = b"" if request is not None and request.method == "HEAD" else response.body
    return Response(body, response.status, response.media, headers, response.problem)


def _for_origin(site: Site, request: Request, response: Response) -> dict[str, str]:
    """Headers that let a page of a listed origin call the API and read its response."""
    settings, origin = site.settings, request.headers.get("origin", "")
    if origin not in settings.allowed_origins or site.router.protocol_of(request.path) is None:
        return {}
    headers = {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": HEADERS_SHOWN,
        "vary": ", ".join(filter(None, ("origin", response.headers.get("vary")))),
    }
    if settings.allow_credentials:
        headers["access-control-allow-credentials"] = "true"
    if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
        headers |= {
            "access-control-allow-methods": response.headers.get("allow", ""),
            "access-control-allow-headers": HEADERS_TAKEN,
            "access-control-max-age": str(PREFLIGHT_S),
        }
    return headers
