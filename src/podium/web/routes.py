"""How a request becomes a response, whichever host it came to."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from podium.access import ALL, NOBODY, Action, Actor
from podium.deployments.traffic import Traffic
from podium.errors import InvalidRows, ModelError, NotAuthenticated, NotFound, RateLimited
from podium.flow.accept import prefers_page, quality
from podium.flow.request import PredictRequest
from podium.flow.response import EncodedResponse
from podium.http import Problem, Request, Response, Verdict
from podium.policy.authority import LOG_IN, require
from podium.policy.gate import METHODS, Refusal
from podium.web import problems, render
from podium.web.headers import finished
from podium.web.router import FILTERED, LISTED, OPEN, Found, Route, ServingProtocol
from podium.web.site import Site

RETRY_AFTER_S = 1
PROBES = ("alive", "livez", "readyz", "v2_live", "v2_ready", "ping", "health")


def respond(site: Site, request: Request) -> Response:
    """The response to a request that passed the gate."""
    # The last resort, and the one place where everything is caught: whatever goes wrong in a view
    # or a model, a caller gets a response with an id, and the log gets the cause.
    try:
        request = counted(site, identified(site, request))
        response = finished(_viewed(site, request), site, request, request.verdict)
        return _counted(site, request, response)
    except Exception as error:  # noqa: BLE001 - see above
        return failed(site, request, error)


def identified(site: Site, request: Request) -> Request:
    """The request with its actor.

    Raises:
        NotAuthenticated: its token is invalid.
    """
    if request.is_identified:
        return request
    found = site.router.of(request)
    route = found.route
    if route is not None and route.access == OPEN:
        return replace(request, actor=NOBODY, is_identified=True)
    request = with_token(found, request)
    authority = site.authority
    ask = authority.of_api if is_for_programs(found, request.headers) else authority.of_page
    try:
        actor = ask(request)
    except Exception as error:
        # Whatever a host's own authentication raises: a probe gets a response all the same.
        if route is None or route.access != FILTERED or isinstance(error, NotAuthenticated):
            raise
        actor = NOBODY
    return with_actor(site, request, actor)


def with_token(found: Found, request: Request) -> Request:
    """The request with its token where authorities look for it, wherever its protocol has it."""
    protocol = found.protocol
    if protocol is None or protocol.with_token is None:
        return request
    return protocol.with_token(request)


def with_actor(site: Site, request: Request, actor: Actor) -> Request:
    """The request with this actor."""
    is_bulk = site.may_send_bulk(actor)
    return replace(request, actor=actor, is_identified=True, is_bulk=is_bulk)


def admitted(site: Site, request: Request) -> Request:
    """The request with its actor, if they may use its route.

    Raises:
        PodiumError: as `identified` and `admit` do.
    """
    request = counted(site, identified(site, request))
    found = site.router.of(request)
    if found.route is not None:
        admit(site, request, found.route, found.values)
    return request


def counted(site: Site, request: Request) -> Request:
    """The request with what is left of the actor's quota.

    Raises:
        RateLimited: nothing is left.
    """
    if site.quota is None or request.verdict is not None or request.method == "OPTIONS":
        return request
    route = site.router.of(request).route
    if route is not None and route.access in (OPEN, FILTERED):
        return request
    is_prediction = route is not None and route.is_prediction
    verdict = site.quota.take(request.actor, request.address, is_prediction=is_prediction)
    if verdict is None:
        return request
    verdict.require()
    return replace(request, verdict=verdict)


def admit(site: Site, request: Request, route: Route, values: Mapping[str, str]) -> None:
    """Check that a request may go on to its view.

    Raises:
        NotAuthenticated: the actor is anonymous, and the route isn't public.
        NotAllowed: the actor may not perform its action.
        NotFound: the model doesn't exist for the actor.
    """
    if isinstance(route.access, Action):
        require(request.actor, route.access, values.get("name", ALL))
    elif route.access == LISTED:
        is_any = site.deployments or site.failures
        is_any_there = site.visible(request.actor) or site.failed(request.actor)
        if not request.actor.is_known and is_any and not is_any_there:
            raise NotAuthenticated("this requires a login or a token", hint=LOG_IN)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The route of a request for predictions.

    Attributes:
        values: the named segments of the path.
    """

    traffic: Traffic
    protocol: ServingProtocol
    values: Mapping[str, str]

    def request(self, request: Request) -> PredictRequest:
        """The request for the prediction service, once the actor is known."""
        return self.protocol.read(request, self.values)

    def response(self, response: EncodedResponse) -> Response:
        """The service's response as an HTTP response."""
        return self.protocol.write(response)


def prediction_of(site: Site, request: Request) -> Prediction | None:
    """The prediction route of a request; None for every other request.

    The form isn't one: its page predicts by itself.
    """
    if request.method != "POST":
        return None
    found = site.router.of(request)
    if found.route is None or found.route.view is not None or found.protocol is None:
        return None
    name = found.values["name"]
    if name in site.failures or name not in site.deployments:
        return None
    traffic = site.deployments[name].traffic
    if "version" in found.values:
        pinned = traffic.pinned(found.values["version"])
        return None if pinned is None else Prediction(pinned, found.protocol, found.values)
    return Prediction(traffic, found.protocol, found.values)


def reads_store(site: Site, request: Request) -> bool:
    """Whether the response waits for the store."""
    route = site.router.of(request).route
    if route is None or request.method == "OPTIONS":
        return False
    return route.reads in request.query if isinstance(route.reads, str) else route.reads


def is_open(site: Site, request: Request) -> bool:
    """Whether it is public, so that the actor needn't be known."""
    route = site.router.of(request).route
    return route is not None and route.access == OPEN


def is_page(site: Site, request: Request) -> bool:
    """Whether it is for a page, and the client wants that."""
    route = site.router.of(request).route
    return route is None or route.is_page


def is_probe(site: Site, request: Request) -> bool:
    """Whether it is a health check, which is answered from memory."""
    route = site.router.of(request).route
    return route is not None and route.name in PROBES


def failed(site: Site, request: Request, error: Exception) -> Response:
    """The response to a request whose view failed."""
    response = _problem_response(
        site, request, problems.of_error(error, is_reading=reads_store(site, request))
    )
    verdict = request.verdict
    if isinstance(error, RateLimited):
        verdict = Verdict(error.limit, 0, error.retry_after_s, error.retry_after_s)
        response.headers["retry-after"] = str(math.ceil(error.retry_after_s))
    return _counted(site, request, finished(response, site, request, verdict), error)


def refused(site: Site, request: Request, refusal: Refusal) -> Response:
    """The response to a request that the gate refused."""
    response = _problem_response(site, request, problems.of_refusal(refusal))
    if refusal.status == 405:
        allowed = site.router.find("OPTIONS", request.path).allowed or METHODS
        response.headers["allow"] = ", ".join(allowed)
    return _counted(site, request, finished(response, site, request))


def predicted(
    site: Site, request: Request, prediction: Prediction, response: EncodedResponse
) -> Response:
    """The response with a prediction."""
    return finished(prediction.response(response), site, request, request.verdict)


def _counted(
    site: Site, request: Request, response: Response, error: Exception | None = None
) -> Response:
    """The response; counted if it refuses a prediction.

    Args:
        error: why; that of a model names the version that failed, which may not be the champion.
    """
    # Protocols have statuses of their own: that of the problem is the same in all.
    status = response.status if response.problem is None else response.problem.status
    if status < 400 or request.method != "POST":
        return response
    found = site.router.of(request)
    if found.route is not None and found.route.is_prediction:
        deployment = site.deployments.get(found.values["name"])
        if deployment is not None and deployment.name not in site.failures:
            digest = error.digest if isinstance(error, ModelError) else ""
            version = deployment.traffic.find(digest) or deployment.choose()
            version.metrics.refused(status, request.lane)
            context = request.headers.get("traceparent", "")
            site.service.failed_requests.notify(version, response.status, context, request.began_ns)
            if isinstance(error, InvalidRows):
                site.service.refused_rows.notify(version, error)
    return response


def _viewed(site: Site, request: Request) -> Response:
    found = site.router.of(request)
    if found.route is not None and request.method != "OPTIONS":
        admit(site, request, found.route, found.values)
        return _route_response(site, request, found.route, found)
    if not found.allowed:
        raise NotFound(
            f"there is nothing at {request.path[:200]}", hint=f"see {request.url('/docs')}"
        )
    allow = ", ".join(found.allowed)
    if request.method == "OPTIONS":
        return Response(status=204, headers={"allow": allow})
    refusal = Refusal(
        405, "method_not_allowed", f"{request.method} isn't supported here", f"use {allow}"
    )
    response = _problem_response(site, request, problems.of_refusal(refusal))
    response.headers["allow"] = allow
    return response


def _route_response(site: Site, request: Request, route: Route, found: Found) -> Response:
    if route.view is not None:
        return route.view(site, request, **found.values)
    assert found.protocol is not None  # pages have views
    traffic = site.traffic(found.values["name"], request.actor, found.values.get("version", ""))
    prediction = Prediction(traffic, found.protocol, found.values)
    return prediction.response(site.service.respond(traffic, prediction.request(request)))


def _problem_response(site: Site, request: Request, problem: Problem) -> Response:
    """A problem as a page for people, or as problem+json for programs."""
    if _is_for_people(site, request):
        login = site.authority.login_url(request) if problem.status == 401 else None
        if login is not None:
            return Response.redirect(login)
        response = render.error_page(
            site,
            request,
            status=problem.status,
            title=problems.heading(problem),
            detail=problem.detail,
            hint=problem.hint,
        )
    else:
        protocol = site.router.of(request).protocol
        response = problems.respond(problem) if protocol is None else protocol.problem(problem)
    response.problem = problem
    if problem.status == 401:
        response.headers["www-authenticate"] = "Bearer"
    if problem.status == 503:
        response.headers["retry-after"] = str(RETRY_AFTER_S)
    return response


def is_for_programs(found: Found, headers: Container[str]) -> bool:
    """Whether a token identifies the actor, and not a cookie.

    Args:
        headers: the names of the request's headers, in lower case.
    """
    if found.route is None:
        return found.protocol is not None
    if found.route.is_for_both:
        return "authorization" in headers
    return not found.route.is_page


def _is_for_people(site: Site, request: Request) -> bool:
    """Whether an error is shown as a page: on pages, and to browsers at unknown URLs."""
    accept = request.headers.get("accept", "")
    found = site.router.find("OPTIONS", request.path, accept)
    if found.route is not None:
        html, json = quality(accept, "text/html"), quality(accept, "application/json")
        return found.route.is_page and html >= json
    return prefers_page(accept) and found.protocol is None
