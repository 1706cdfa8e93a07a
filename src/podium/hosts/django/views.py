"""One view for every route: the gate, the project's CSRF protection, and then the shared core."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.request import RawPostDataException
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from podium.hosts.django.assets import static_url
from podium.hosts.django.host import Host, current_host
from podium.hosts.django.transactions import outside_transactions
from podium.http import HANDSHAKE, Request, Response
from podium.policy import gate
from podium.web import bodies, routes
from podium.web.router import Route

CSRF_FIELD = "csrfmiddlewaretoken"
# Where an ASGI server that put the bundle of a form into a file leaves it; no client can set it.
UPLOAD = "podium.upload"


def view_of(route: Route | None) -> Callable[..., HttpResponseBase]:
    """The view of a route; with None that of all other paths.

    The gate comes before the project's CSRF protection, which only guards the pages: the API
    ignores cookies, so another site could make no use of them.
    """
    answer = csrf_protect(_page) if route is not None and route.is_page else _respond

    @csrf_exempt
    @outside_transactions
    def view(request: HttpRequest, **values: str) -> HttpResponseBase:
        tail = values["path"] if route is None else route.pattern.format(**values)
        host, incoming = current_host(), _Incoming(request, tail)
        refusal = incoming.refusal(host)
        if refusal is not None:
            return _native_response(incoming, _refused(host, incoming.read(), refusal))
        if bodies.is_long(host.options.settings, request.META.get("CONTENT_LENGTH") or ""):
            host.app.start_in_background()
            if route is not None and route.upload:
                return _uploaded(request, host, incoming, answer)
            read = partial(_body, request)
            return _native_response(incoming, bodies.respond(host.app.site, incoming.read(), read))
        # Before anything else searches the body for a token: a stream can be read only once.
        incoming.body = _body(request)
        return answer(request, host, incoming)

    return view


def _uploaded(
    native: HttpRequest, host: Host, incoming: _Incoming, answer: Callable[..., HttpResponseBase]
) -> HttpResponseBase:
    """The response to a request with a bundle, which goes to a file before anybody else reads it.

    The token of the form is in what was read then: Django finds it where scripts send theirs.
    """

    def respond(whole: Request) -> HttpResponseBase:
        incoming.whole = whole
        token = dict(parse_qsl(whole.body.decode())).get(CSRF_FIELD, "")
        native.META[settings.CSRF_HEADER_NAME] = token
        return answer(native, host, incoming)

    def failed(response: Response) -> HttpResponseBase:
        return _native_response(incoming, response)

    return bodies.respond_to_upload(host.app.site, incoming.read(), native.read, respond, failed)


class _Incoming:
    """Converts Django's request to ours.

    Args:
        tail: the path below our prefix.
    """

    def __init__(self, request: HttpRequest, tail: str) -> None:
        self.native = request
        self.body = b""
        self.whole: Request | None = None  # once a long body was read
        self.path = tail if tail.startswith("/") else f"/{tail}"
        self.root_path = request.path.removesuffix(self.path)
        self.is_async = hasattr(request, "scope")
        try:
            self.host, self.is_host_allowed = request.get_host(), True
        except DisallowedHost:
            self.host, self.is_host_allowed = request.META.get("HTTP_HOST", ""), False
        self.headers = [*_headers(request), (b"host", self.host.encode("latin-1", "replace"))]

    def refusal(self, host: Host) -> gate.Refusal | None:
        """Why the request is refused: the gate and the project must both accept the host name."""
        settings = host.options.settings
        if not settings.allowed_hosts:
            names = (gate.host_name(self.host),)
            settings = msgspec.structs.replace(settings, allowed_hosts=names)
        method, target = self.native.method or "", _target(self.native)
        router = host.app.site.router
        refusal = gate.check(
            settings, method, target, self.headers, router.predictions, router.uploads
        )
        if refusal is None and not self.is_host_allowed:
            return gate.Refusal(
                421,
                "host_not_allowed",
                f"this server doesn't accept the host name {self.host[:100]}",
                "its operator can allow it: ALLOWED_HOSTS",
            )
        return refusal

    def read(self, form_token: tuple[str, str] | None = None) -> Request:
        """The request for our views."""
        if self.whole is not None:
            return replace(self.whole, form_token=form_token)
        headers: dict[str, str] = {}
        for name, value in self.headers:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        return Request(
            method=self.native.method or "",
            path=self.path,
            query_string=self.native.META.get("QUERY_STRING", ""),
            headers=headers,
            body=self.body,
            root_path=self.root_path,
            origin=f"{self.native.scheme}://{self.host or '127.0.0.1'}",
            address=self.native.META.get("REMOTE_ADDR", ""),
            native=self.native,
            upload=getattr(self.native, "scope", {}).get(UPLOAD),
            handshake=getattr(self.native, "scope", {}).get(HANDSHAKE),
            form_token=form_token,
            static_url=partial(static_url, self.root_path),
        )


def _body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RawPostDataException:  # only for forms with files
        return b""


def _page(request: HttpRequest, host: Host, incoming: _Incoming) -> HttpResponseBase:
    if not routes.is_page(host.app.site, incoming.read()):
        return _respond(request, host, incoming)  # JSON needs no cookie
    token = (CSRF_FIELD, get_token(request))
    return _responded(host, incoming, incoming.read(token))


def _respond(_: HttpRequest, host: Host, incoming: _Incoming) -> HttpResponseBase:
    return _responded(host, incoming, incoming.read())


def _responded(host: Host, incoming: _Incoming, request: Request) -> HttpResponseBase:
    app = host.app
    app.start_in_background()
    return _native_response(incoming, routes.respond(app.site, request))


def _refused(host: Host, request: Request, refusal: gate.Refusal) -> Response:
    return routes.refused(host.app.site, request, refusal)


def _native_response(incoming: _Incoming, response: Response) -> HttpResponseBase:
    """Our response as Django's."""
    headers: Any = {"content-type": response.media, **response.headers}
    body = response.body
    if isinstance(body, bytes):
        return HttpResponse(body, status=response.status, headers=headers)
    pieces: Any = _awaited(body) if incoming.is_async else body
    return StreamingHttpResponse(pieces, status=response.status, headers=headers)


async def _awaited(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    def following() -> bytes | None:
        return next(pieces, None)

    # In a thread: each piece may be read from a database.
    while (piece := await sync_to_async(following)()) is not None:
        yield piece


def _headers(request: HttpRequest) -> Sequence[tuple[bytes, bytes]]:
    """All headers except Host, with names in lower case."""
    scope = getattr(request, "scope", None)
    if scope is not None:
        return [(name, value) for name, value in scope["headers"] if name != b"host"]
    found: list[tuple[bytes, bytes]] = []
    for key, value in request.META.items():
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value != "":
            name = key
        elif key.startswith("HTTP_") and key != "HTTP_HOST":
            name = key.removeprefix("HTTP_")
        else:
            continue
        text = name.replace("_", "-").lower()
        found.append((text.encode("latin-1"), str(value).encode("latin-1", "replace")))
    return found


def _target(request: HttpRequest) -> bytes:
    """Path and query as they were sent, as far as the server passes them on."""
    query: bytes
    scope = getattr(request, "scope", None)
    if scope is not None:
        query = scope["query_string"]
        raw: bytes = scope.get("raw_path") or quote(request.path, safe="/%").encode()
        raw = raw.partition(b"?")[0]
    else:
        sent = request.META.get("RAW_URI") or request.META.get("REQUEST_URI")
        if sent:
            return str(sent).encode("latin-1", "replace")
        raw = quote(request.path, errors="replace").encode()
        query = str(request.META.get("QUERY_STRING", "")).encode("latin-1", "replace")
    return raw + b"?" + query if query else raw
