"""Long bodies: the head decides whether one may be sent, before any of it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TypeVar

from podium.errors import NotFound
from podium.http import Request, Response
from podium.policy.bulk import refusal_of_long_body
from podium.settings import Settings
from podium.web import incoming, routes
from podium.web.site import Site

PIECE_BYTES = 2**20
T = TypeVar("T")


def is_long(settings: Settings, length: str | bytes) -> bool:
    """Whether a Content-Length that passed the gate is more than every client may send."""
    return bool(length) and int(length) > settings.body_max_bytes


def is_upload(site: Site, request: Request) -> bool:
    """Whether the body goes to a file while it arrives."""
    route = site.router.of(request).route
    return route is not None and bool(route.upload)


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
    goes_to_file = is_upload(site, request)
    if not goes_to_file and not site.may_send_bulk(request.actor):
        raise refusal_of_long_body(site.settings, site.authority)
    request = routes.admitted(site, request)
    found = site.router.of(request)
    if found.route is None:  # a URL that looks like that of a prediction
        raise NotFound(f"there is nothing at {request.path[:200]}")
    site.require_model(found.values["name"], request.actor)
    if goes_to_file:
        incoming.require_allowed(site, request)
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
            place.enter_context(site.service.bulk.place())
        except Exception as error:  # noqa: BLE001 - becomes a problem, as in every request
            skip()
            return routes.failed(site, request, error)
        return routes.respond(site, replace(request, body=read()))


def respond_to_upload(
    site: Site,
    request: Request,
    read: Callable[[int], bytes],
    respond_to: Callable[[Request], T],
    failed: Callable[[Response], T],
    skip: Callable[[], object] = lambda: None,
) -> T:
    """The response to a request with a bundle as its body, for hosts that answer in threads.

    Args:
        request: without its body.
        read: reads so many bytes of the body at most; called only where it may be sent.
        respond_to: answers the request, whose body is in a file that is gone afterwards.
        failed: makes the response of the host to a request whose body isn't taken.
        skip: called in that case.
    """
    with ExitStack() as place:
        try:
            whole = place.enter_context(_received(site, request, read))
        except Exception as error:  # noqa: BLE001 - answered as every other request is
            skip()
            return failed(routes.failed(site, request, error))
        return respond_to(whole)


@contextmanager
def _received(site: Site, request: Request, read: Callable[[int], bytes]) -> Iterator[Request]:
    request = admitted(site, request)
    with incoming.begun(site, request) as arriving:
        while piece := read(PIECE_BYTES):
            arriving.feed(piece)
        yield arriving.received()
