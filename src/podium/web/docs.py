"""The overview of the API: its models, the ways to send rows, and its errors."""

from __future__ import annotations

from podium.http import Request, Response
from podium.web import render
from podium.web.site import Site

# Status, code and meaning: the problems that the API returns.
ERRORS = (
    (400, "malformed_body", "the body doesn't match its content type"),
    (400, "input", "the request is invalid for another reason"),
    (400, "bad_host", "there isn't exactly one valid Host header"),
    (400, "bad_head", "the request isn't valid HTTP/1.1"),
    (400, "bad_path", "the URL contains .., #, NUL, a backslash or an encoded slash"),
    (400, "bad_length", "the Content-Length isn't a valid length, or is given twice"),
    (403, "cross_site", "a page of another site made the browser send it"),
    (
        401,
        "not_authenticated",
        "the request is anonymous, or its token isn't valid: log in, or send a valid token",
    ),
    (403, "not_allowed", "the user or token lacks the permission"),
    (404, "not_found", "there is no such model; the hint lists those there are"),
    (
        405,
        "method_not_allowed",
        "predictions are requested with POST; Allow lists the supported methods",
    ),
    (408, "request_timeout", "the request took too long to arrive"),
    (409, "count_differs", "the number of matching records differs from the expected one"),
    (409, "version_changed", "another version is the champion than expected"),
    (409, "promotion_refused", "promotion gates refuse the version; force needs a note"),
    (411, "length_required", "the Content-Length is missing"),
    (413, "too_large", "the body is too long, or has too many rows"),
    (414, "uri_too_long", "the URL is longer than 8,192 bytes"),
    (415, "unsupported_media", "the content type isn't supported"),
    (415, "encoded_body", "the body is compressed"),
    (421, "host_not_allowed", "the Host header isn't a name of this server"),
    (422, "invalid_rows", "some values are not accepted; cells lists them"),
    (422, "unanswerable", "the model has no finite prediction for some rows; cells lists them"),
    (426, "upgrade_required", "this URL is a WebSocket"),
    (429, "rate_limited", "the quota is used up: Retry-After says when to try again"),
    (431, "headers_too_large", "there are more than 64 headers, or 16,384 bytes of them"),
    (409, "fixed_versions", "the versions of this model are set in the server's settings"),
    (507, "no_space", "the bundle or file doesn't fit on the disk of the server"),
    (422, "unusable_version", "the version can't be loaded, or doesn't answer its examples"),
    (422, "incompatible_version", "the version refuses what the champion accepts"),
    (422, "idempotency_key_reused", "the Idempotency-Key was used for a different request before"),
    (422, "quarantined", "these rows crashed a worker process twice"),
    (500, "model", "the model failed on these rows"),
    (500, "internal", "an error of the server; instance identifies it in the log"),
    (503, "store", "the prediction couldn't be recorded; try again"),
    (503, "registry", "the registry of versions can't be used; predictions go on"),
    (503, "jobs", "the jobs that score files can't be used; predictions go on"),
    (503, "accounts", "the accounts can't be read, so nobody can be authenticated; try again"),
    (503, "model_not_loaded", "this model can't be loaded; others are available"),
    (503, "overloaded", "too many requests are queued: try again after Retry-After"),
    (504, "timed_out", "the model took too long"),
    (505, "http_version", "a version of HTTP other than 1.1 and 1.0"),
)


def index(site: Site, request: Request) -> Response:
    """The models, and what holds for all of them: `GET /docs`."""
    models = list(site.visible(request.actor).values())
    digests = tuple(one.bundle.digest for one in models)

    def made() -> Response:
        return render.page(
            site,
            request,
            "docs.html",
            models=models,
            here="",
            sections=_sections(site),
            errors=sorted(ERRORS),
        )

    page = render.cached_page(site, request, ("docs",), (digests,), made)
    page.is_compressible = site.frame is None  # a host's own page around ours may show anything
    return page


def _sections(site: Site) -> list[tuple[str, str]]:
    """The sections of the page, by their ids. Names of models don't begin with an underscore."""
    tokens = [("_tokens", "Tokens")] if site.takes_tokens else []
    return [("_models", "Models"), *tokens, ("_ways", "Ways to send rows"), ("_errors", "Errors")]
