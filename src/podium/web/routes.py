"""Every route, and how a request becomes a response."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from podium.errors import NotFound
from podium.flow.deployment import Deployment
from podium.flow.predict import Reply
from podium.web import api, docs, metrics, openapi, pages, problems, record_pages, render, static
from podium.web.accept import quality
from podium.web.gate import METHODS, Refusal
from podium.web.http import Request, Response
from podium.web.site import Site

PREDICT, FORM = "predict", "form"
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
RETRY_AFTER_S = 1


@dataclass(frozen=True, slots=True)
class Route:
    """An address, the methods it answers, and the view that does.

    Attributes:
        pattern: segments in braces match one segment each, and are given to the view by name.
        is_page: errors are told as a page, unless the caller would rather have JSON.
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


@dataclass(frozen=True, slots=True)
class Found:
    """What a path leads to.

    Attributes:
        route: what answers the method; None when nothing does.
        values: the named segments of the path.
        allowed: the methods that are answered there; empty when the path leads nowhere.
    """

    route: Route | None
    values: dict[str, str]
    allowed: tuple[str, ...]


ROUTES = (
    Route("home", ("GET",), "/", pages.home, is_page=True),
    Route("model", ("GET",), "/models/{name}", pages.model, is_page=True),
    Route(FORM, ("POST",), "/models/{name}", pages.predict, is_page=True),
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
    Route("metrics", ("GET",), "/metrics", metrics.show),
    Route("static", ("GET",), "/static/{file}", static.serve),
    Route("favicon", ("GET",), "/favicon.ico", static.favicon),
)


def respond(site: Site, request: Request) -> Response:
    """The response to a request that came through the gate."""
    # The last resort, and the one place where everything is caught: whatever goes wrong in a view
    # or a model, a caller gets an answer with an id, and the log gets the cause.
    try:
        return finished(_viewed(site, request), request.method)
    except Exception as error:  # noqa: BLE001 - see above
        return failed(site, request, error)


def deployment_to_ask(
    site: Site, request: Request, names: Sequence[str] = (PREDICT,)
) -> Deployment | None:
    """The deployment that a request to predict names; None for every other request.

    Args:
        names: of the routes that lead to a prediction.
    """
    found = find(request.method, request.path)
    if found.route is None or found.route.name not in names or request.method != "POST":
        return None
    return site.deployments.get(found.values["name"])


def failed(site: Site, request: Request, error: Exception) -> Response:
    """The response to a request that a view couldn't answer."""
    return finished(_told(site, request, problems.of_error(error)), request.method)


def refused(site: Site, request: Request, refusal: Refusal) -> Response:
    """The response to a request that didn't come through the gate."""
    response = _told(site, request, problems.of_refusal(refusal))
    if refusal.status == 405:
        allowed = find("OPTIONS", request.path).allowed or METHODS
        response.headers["allow"] = ", ".join(allowed)
    return finished(response, request.method)


def predicted(reply: Reply) -> Response:
    """The response that a prediction is."""
    return finished(api.answered(reply))


def find(method: str, path: str) -> Found:
    """What answers a method at a path. HEAD goes with GET; OPTIONS fits everywhere.

    Args:
        path: decoded, below the mount.
    """
    segments = path.split("/")
    wanted = "GET" if method == "HEAD" else method
    chosen: Route | None = None
    values: dict[str, str] = {}
    allowed: list[str] = []
    for route in ROUTES:
        matched = route.match(segments)
        if matched is None:
            continue
        allowed += route.methods
        if chosen is None and (wanted in route.methods or wanted == "OPTIONS"):
            chosen, values = route, matched
    if "GET" in allowed:
        allowed.append("HEAD")
    return Found(chosen, values, (*allowed, "OPTIONS") if allowed else ())


def _viewed(site: Site, request: Request) -> Response:
    found = find(request.method, request.path)
    if found.route is not None and request.method != "OPTIONS":
        return found.route.view(site, request, **found.values)
    if not found.allowed:
        raise NotFound(
            f"there is nothing at {request.path[:200]}", hint=f"see {request.url('/docs')}"
        )
    allow = ", ".join(found.allowed)
    if request.method == "OPTIONS":
        return Response(status=204, headers={"allow": allow})
    refusal = Refusal(
        405, "method_not_allowed", f"{request.method} isn't answered here", f"use {allow}"
    )
    response = _told(site, request, problems.of_refusal(refusal))
    response.headers["allow"] = allow
    return response


def _told(site: Site, request: Request, problem: problems.Problem) -> Response:
    """A problem as a page for people, or as problem+json for programs."""
    if _is_for_people(request):
        response = render.error_page(
            site,
            request,
            status=problem.status,
            title=problem.title,
            detail=problem.detail,
            hint=problem.hint,
        )
    else:
        response = problems.respond(problem)
    if problem.status == 503:
        response.headers["retry-after"] = str(RETRY_AFTER_S)
    return response


def _is_for_people(request: Request) -> bool:
    """Whether an error is told as a page: where pages are, and to browsers that are lost."""
    accept = request.headers.get("accept", "")
    html, json = quality(accept, "text/html"), quality(accept, "application/json")
    route = find("OPTIONS", request.path).route
    if route is not None:
        return route.is_page and html >= json
    return html >= json and "text/html" in accept and not request.path.startswith("/api/")


def finished(response: Response, method: str = "POST") -> Response:
    """A response with the headers that every response has."""
    headers = {**_SECURITY, "cache-control": "no-store", **response.headers}
    body = b"" if method == "HEAD" else response.body
    return Response(body, response.status, response.media, headers)
