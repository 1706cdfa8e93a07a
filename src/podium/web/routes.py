"""Every route, and how a request becomes a response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from podium.errors import NotFound
from podium.flow.deployment import Deployment
from podium.flow.predict import Answer
from podium.web import api, docs, openapi, pages, problems, record_pages, render, static
from podium.web.gate import Refusal
from podium.web.http import Request, Response
from podium.web.site import Site

PREDICT = "predict"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_SECURITY = {
    "content-security-policy": CSP,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Route:
    """An address, the methods it answers, and the view that does.

    Attributes:
        pattern: segments in braces match one segment each, and are given to the view by name.
        is_page: errors are told as a page rather than as problem+json.
    """

    name: str
    methods: tuple[str, ...]
    pattern: str
    view: Callable[..., Response]
    is_page: bool = False

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The named segments of a path that fits, or None."""
        own = self.pattern.split("/")
        if len(own) != len(segments):
            return None
        found = {}
        for mine, theirs in zip(own, segments, strict=True):
            if mine.startswith("{"):
                if not theirs:
                    return None
                found[mine[1:-1]] = theirs
            elif mine != theirs:
                return None
        return found


ROUTES = (
    Route("home", ("GET",), "/", pages.home, is_page=True),
    Route("model", ("GET",), "/models/{name}", pages.model, is_page=True),
    Route("form", ("POST",), "/models/{name}", pages.predict, is_page=True),
    Route("records", ("GET",), "/models/{name}/records", record_pages.index, is_page=True),
    Route("records_csv", ("GET",), "/models/{name}/records.csv", record_pages.csv, is_page=True),
    Route("record", ("GET",), "/records/{record_id}", record_pages.detail, is_page=True),
    Route("docs", ("GET",), "/docs", docs.index, is_page=True),
    Route("openapi", ("GET",), "/openapi.json", openapi.document),
    Route("api_models", ("GET",), "/api/models", api.models),
    Route("api_model", ("GET",), "/api/models/{name}", api.model),
    Route(PREDICT, ("POST",), "/api/models/{name}/predict", api.predict),
    Route("livez", ("GET",), "/livez", api.livez),
    Route("readyz", ("GET",), "/readyz", api.readyz),
    Route("static", ("GET",), "/static/{file}", static.serve),
    Route("favicon", ("GET",), "/favicon.ico", static.favicon),
)


def respond(site: Site, request: Request) -> Response:
    """The response to a request that came through the gate."""
    route, values, allowed = _found(request)
    try:
        if route is None:
            return _finished(request, _unrouted(site, request, allowed))
        if request.method == "OPTIONS":
            return _finished(request, Response(status=204, headers={"allow": ", ".join(allowed)}))
        return _finished(request, route.view(site, request, **values))
    except Exception as error:  # noqa: BLE001 - the last resort: a caller gets an id, the log the rest
        return failed(site, request, error)


def deployment_to_ask(site: Site, request: Request) -> Deployment | None:
    """The deployment that a request to predict names; None for every other request."""
    route, values, _ = _found(request)
    if route is None or route.name != PREDICT or request.method != "POST":
        return None
    return site.deployments.get(values["name"])


def failed(site: Site, request: Request, error: Exception) -> Response:
    """The response to a request that a view couldn't answer."""
    return _finished(request, _told(site, request, problems.of_error(error)))


def refused(site: Site, request: Request, refusal: Refusal) -> Response:
    """The response to a request that didn't come through the gate."""
    return _finished(request, _told(site, request, problems.of_refusal(refusal)))


def predicted(request: Request, answer: Answer) -> Response:
    """The response that a prediction is."""
    return _finished(request, api.answered(answer))


def _found(request: Request) -> tuple[Route | None, dict[str, str], tuple[str, ...]]:
    """The route of a request, its named segments, and the methods of its address."""
    segments = request.path.split("/")
    method = "GET" if request.method == "HEAD" else request.method
    found: Route | None = None
    values: dict[str, str] = {}
    allowed: list[str] = []
    for route in ROUTES:
        matched = route.match(segments)
        if matched is None:
            continue
        allowed += route.methods
        if found is None and (method in route.methods or method == "OPTIONS"):
            found, values = route, matched
    if "GET" in allowed:
        allowed.append("HEAD")
    return found, values, (*allowed, "OPTIONS") if allowed else ()


def _unrouted(site: Site, request: Request, allowed: tuple[str, ...]) -> Response:
    if not allowed:
        error = NotFound(f"there is nothing at {request.path[:200]}", hint="see /docs")
        return _told(site, request, problems.of_error(error))
    refusal = Refusal(
        405, "method_not_allowed", f"{request.method} isn't answered here", ", ".join(allowed)
    )
    response = _told(site, request, problems.of_refusal(refusal))
    response.headers["allow"] = ", ".join(allowed)
    return response


def _told(site: Site, request: Request, problem: problems.Problem) -> Response:
    """A problem as a page for people, or as problem+json for programs."""
    is_api = request.path.startswith("/api/") or request.path.endswith(".json")
    if is_api or "text/html" not in request.headers.get("accept", ""):
        return problems.respond(problem)
    return render.error_page(
        site,
        request,
        status=problem.status,
        title=problem.title,
        detail=problem.detail,
        hint=problem.hint,
    )


def _finished(request: Request, response: Response) -> Response:
    headers = {**_SECURITY, "cache-control": "no-store", **response.headers}
    if request.method == "HEAD":
        response = Response(b"", response.status, response.media)
    response.headers = headers
    return response
