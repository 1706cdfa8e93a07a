"""Long bodies: whether one may be sent is decided by its head, before any of it is read."""

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
    """Whether a Content-Length, which came through the gate, is more than everybody may send."""
    return bool(length) and int(length) > settings.body_max_bytes


def admitted(site: Site, request: Request) -> Request:
    """The same request, with who asks, if they may send a long body to where it goes.

    Args:
        request: without its body.

    Raises:
        TooLarge: they may not.
        PodiumError: they aren't who they say, may not predict, have asked too often, or the model
            can't answer.
    """
    request = routes.identified(site, request)
    if not site.may_send_bulk(request.actor):
        raise refusal_of_long_body(site.settings, site.authority)
    request = routes.admitted(site, request)
    found = site.router.find(request.method, request.path)
    if found.route is None:  # an address that looks like one where predictions are
        raise NotFound(f"there is nothing at {request.path[:200]}")
    site.deployment(found.values["name"], request.actor)
    return request


def respond(
    site: Site,
    request: Request,
    read: Callable[[], bytes],
    skip: Callable[[], object] = lambda: None,
) -> Response:
    """The response to a request with a long body, for hosts that answer in threads.

    Args:
        request: without its body.
        read: reads the body; called only where it may be sent.
        skip: called where it may not.
    """
    with ExitStack() as place:
        try:
            request = admitted(site, request)
            place.enter_context(site.service.bulk.taken())
        except Exception as error:  # noqa: BLE001 - answered as every other request is
            skip()
            return routes.failed(site, request, error)
        return routes.respond(site, replace(request, body=read()))
