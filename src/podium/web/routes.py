"""Every route, and how a request becomes a response."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from podium.access import ALL, NOBODY, Action
from podium.errors import NotAuthenticated, NotFound, RateLimited
from podium.flow.deployment import Deployment
from podium.flow.predict import Reply
from podium.web import api, docs, metrics, openapi, pages, problems, record_pages, render, static
from podium.web.accept import quality
from podium.web.authority import LOG_IN, require
from podium.web.gate import METHODS, Refusal
from podium.web.http import Request, Response
from podium.web.quota import Verdict
from podium.web.site import Site

PREDICT, FORM = "predict", "form"
OPEN: Final = "open"
LISTED: Final = "listed"
TOLD: Final = "told"
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
RETRY_AFTER_S = 1


@dataclass(frozen=True, slots=True)
class Route:
    """An address, the methods it answers, and the view that does.

    Attributes:
        pattern: segments in braces match one segment each, and are given to the view by name.
        access: what one must be allowed to do with the model that the path names; or OPEN to
            everybody; or LISTED: the view shows what the actor may see, if that is anything; or
            TOLD: it shows that to everybody, and to nobody in particular what all may know.
        is_page: errors are told as a page, unless the caller would rather have JSON.
    """

    name: str
    methods: tuple[str, ...]
    pattern: str
    view: Callable[..., Response]
    access: Action | Literal["open", "listed", "told"]
    is_page: bool = False

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The named segments of a path that fits, or None; it has as many as the pattern."""
        found = {}
        for mine, theirs in zip(self.pattern.split("/"), segments, strict=True):
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


_GET, _POST = ("GET",), ("POST",)
_RECORDS = "/models/{name}/records"
ROUTES = (
    Route("home", _GET, "/", pages.home, LISTED, is_page=True),
    Route("model", _GET, "/models/{name}", pages.model, Action.PREDICT, is_page=True),
    Route(FORM, _POST, "/models/{name}", pages.predict, Action.PREDICT, is_page=True),
    Route("records", _GET, _RECORDS, record_pages.index, Action.SEE_OWN, is_page=True),
    Route("records_csv", _GET, f"{_RECORDS}.csv", record_pages.csv, Action.SEE_OWN, is_page=True),
    Route("record", _GET, "/records/{record_id}", record_pages.detail, LISTED, is_page=True),
    Route("docs", _GET, "/docs", docs.index, LISTED, is_page=True),
    Route("openapi", _GET, "/openapi.json", openapi.document, LISTED),
    Route("api_models", _GET, "/api/models", api.models, LISTED),
    Route("api_model", _GET, "/api/models/{name}", api.model, Action.PREDICT),
    Route(PREDICT, _POST, "/api/models/{name}/predict", api.predict, Action.PREDICT),
    Route("livez", _GET, "/livez", api.livez, OPEN),
    Route("readyz", _GET, "/readyz", api.readyz, TOLD),
    Route("metrics", _GET, "/metrics", metrics.show, Action.METRICS),
    Route("static", _GET, "/static/{file}", static.serve, OPEN),
    Route("favicon", _GET, "/favicon.ico", static.favicon, OPEN),
)
_BY_LENGTH: Final = {
    length: tuple(one for one in ROUTES if one.pattern.count("/") + 1 == length)
    for length in {one.pattern.count("/") + 1 for one in ROUTES}
}


def respond(site: Site, request: Request) -> Response:
    """The response to a request that came through the gate."""
    # The last resort, and the one place where everything is caught: whatever goes wrong in a view
    # or a model, a caller gets an answer with an id, and the log gets the cause.
    try:
        request = counted(site, identified(site, request))
        return finished(_viewed(site, request), request.method, request.verdict)
    except Exception as error:  # noqa: BLE001 - see above
        return failed(site, request, error)


def identified(site: Site, request: Request) -> Request:
    """The same request, with who asks.

    Raises:
        NotAuthenticated: it brings a token that isn't valid.
    """
    if request.is_identified:
        return request
    route = find(request.method, request.path).route
    if route is not None and route.access == OPEN:
        actor = NOBODY
    elif _is_for_programs(request, route):
        actor = site.authority.of_api(request)
    else:
        actor = site.authority.of_page(request)
    return replace(request, actor=actor, is_identified=True)


def admitted(site: Site, request: Request) -> Request:
    """The same request, with who asks, if they may go on to what it leads to.

    Raises:
        PodiumError: as `identified` and `admit` do.
    """
    request = counted(site, identified(site, request))
    found = find(request.method, request.path)
    if found.route is not None:
        admit(site, request, found.route, found.values)
    return request


def counted(site: Site, request: Request) -> Request:
    """The same request, with what is left of the quota of who asks.

    Raises:
        RateLimited: nothing is.
    """
    if site.quota is None:
        return request
    route = find(request.method, request.path).route
    if route is not None and route.access in (OPEN, TOLD):
        return request
    verdict = site.quota.take(request.actor, request.address)
    if verdict is None:
        return request
    verdict.require()
    return replace(request, verdict=verdict)


def admit(site: Site, request: Request, route: Route, values: Mapping[str, str]) -> None:
    """Let a request go on to its view, or not.

    Raises:
        NotAuthenticated: nobody in particular asks, and it isn't for everybody.
        NotAllowed: the actor may not do it.
        NotFound: what it is about isn't there for the actor.
    """
    if isinstance(route.access, Action):
        require(request.actor, route.access, values.get("name", ALL))
    elif route.access == LISTED:
        is_anything_there = not site.deployments or site.visible(request.actor)
        if not request.actor.is_known and not is_anything_there:
            raise NotAuthenticated("this is only for those who are known", hint=LOG_IN)


def deployment_to_ask(
    site: Site, request: Request, names: Sequence[str] = (PREDICT,)
) -> Deployment | None:
    """The deployment that a request to predict names; None for every other request.

    Args:
        names: of the routes that lead to a prediction.
    """
    if request.method != "POST":
        return None
    found = find(request.method, request.path)
    if found.route is None or found.route.name not in names:
        return None
    return site.deployments.get(found.values["name"])


def failed(site: Site, request: Request, error: Exception) -> Response:
    """The response to a request that a view couldn't answer."""
    response = _told(site, request, problems.of_error(error))
    verdict = request.verdict
    if isinstance(error, RateLimited):
        verdict = Verdict(error.limit, 0, error.retry_after_s, error.retry_after_s)
        response.headers["retry-after"] = str(math.ceil(error.retry_after_s))
    return finished(response, request.method, verdict)


def refused(site: Site, request: Request, refusal: Refusal) -> Response:
    """The response to a request that didn't come through the gate."""
    response = _told(site, request, problems.of_refusal(refusal))
    if refusal.status == 405:
        allowed = find("OPTIONS", request.path).allowed or METHODS
        response.headers["allow"] = ", ".join(allowed)
    return finished(response, request.method)


def predicted(reply: Reply, verdict: Verdict | None = None) -> Response:
    """The response that a prediction is."""
    return finished(api.answered(reply), verdict=verdict)


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
    for route in _BY_LENGTH.get(len(segments), ()):
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
        admit(site, request, found.route, found.values)
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
        login = site.authority.login_url(request) if problem.status == 401 else None
        if login is not None:
            return Response.redirect(login)
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
    response.problem = problem
    if problem.status == 401:
        response.headers["www-authenticate"] = "Bearer"
    if problem.status == 503:
        response.headers["retry-after"] = str(RETRY_AFTER_S)
    return response


def _is_for_programs(request: Request, route: Route | None) -> bool:
    """Whether a token tells who asks, and not a cookie."""
    if route is None:
        return request.path.startswith("/api/")
    # The document is read by browsers and by programs.
    is_both = route.name == "openapi" and "authorization" not in request.headers
    return not route.is_page and not is_both


def _is_for_people(request: Request) -> bool:
    """Whether an error is told as a page: where pages are, and to browsers that are lost."""
    accept = request.headers.get("accept", "")
    html, json = quality(accept, "text/html"), quality(accept, "application/json")
    route = find("OPTIONS", request.path).route
    if route is not None:
        return route.is_page and html >= json
    return html >= json and "text/html" in accept and not request.path.startswith("/api/")


def finished(response: Response, method: str = "POST", verdict: Verdict | None = None) -> Response:
    """A response with the headers that every response has."""
    headers = {**SECURITY_HEADERS, "cache-control": "no-store", **response.headers}
    if verdict is not None:
        headers |= verdict.headers
    body = b"" if method == "HEAD" else response.body
    return Response(body, response.status, response.media, headers, response.problem)
