"""Long bodies: the head decides whether one may be sent, before any of it is read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from podium.errors import NotFound
from podium.http import Request, Response
from podium.policy.bulk import refusal_of_long_body
from podium.settings import Settings
from podium.web import routes
from podium.web.site import Site


def is_long(settings: Settings, length: str | bytes) -> bool:
    """Whether a Content-Length that passed the gate is more than every client may send."""
    return bool(length) and int(length) > settings.body_max_bytes


def admitted(site: Site, request: Request) -> Request:
    """The request with its actor, if they may send a long body to its route.

    Args:
        request: without its body.

    Raises:
        TooLarge: they may not.
        PodiumError: authentication or permission fails, the quota is used up, or the model isn't
            available.
    """
    request = routes.identified(site, request)
    if not site.may_send_bulk(request.actor):
        raise refusal_of_long_body(site.settings, site.authority)
    request = routes.admitted(site, request)
    found = site.router.find(request.method, request.path)
    if found.route is None:  # a URL that looks like that of a prediction
        raise NotFound(f"there is nothing at {request.path[:200]}")
    site.deployment(found.values["name"], request.actor)
    return request


def respond(
    site: Site,
    request: Request,
    read: Callable[[], bytes],
    skip: Callable[[], object] = lambda: None,
) -> Response:
    """The response to a request with a long body, for hosts that process requests in threads.

    Args:
        request: without its body.
        read: reads the body; called only if it may be sent.
        skip: called if it may not.
    """
    with ExitStack() as place:
        try:
            request = admitted(site, request)
            place.enter_context(site.service.bulk.taken())
        except Exception as error:  # noqa: BLE001 - becomes a problem, as in every request
            skip()
            return routes.failed(site, request, error)
        return routes.respond(site, replace(request, body=read()))
