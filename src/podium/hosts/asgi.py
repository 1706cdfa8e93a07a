"""Podium as an ASGI app: for uvicorn, and to mount in any other."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    MutableMapping,
)
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, TypeAlias

from podium import app
from podium.access import NOBODY
from podium.errors import NotAuthenticated
from podium.flow.pool import Pool
from podium.hosts.watchers import Watchers
from podium.http import HANDSHAKE, Request, Response
from podium.policy import gate
from podium.policy.addresses import client_address
from podium.policy.authority import actor_of
from podium.sources import Source
from podium.web import bodies, incoming, routes
from podium.web.router import ServingProtocol
from podium.web.site import Site

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = logging.getLogger("podium")
_END = object()
N_THREADS = 8
# A database that is down keeps this many threads busy and this many pages waiting, and no more.
N_READING, READING_MAX, READING_S = 8, 32, 5.0
PIECE_BYTES = 2**18
# How long authentication may take for a readiness probe; after that the caller is anonymous.
KNOWN_S = 1.0


class App(app.App):
    """Models as an ASGI app.

    `podium.App("churn.podium")` can be served by any ASGI server, and mounted in FastAPI,
    Starlette, Litestar, Quart or Django under any prefix. Models are loaded when the lifespan
    starts; if the outer app doesn't forward it (most don't: pass them `lifespan`), at the first
    request.
    """

    has_streams = True

    def __init__(self, *models: Source, **settings: Any) -> None:
        super().__init__(*models, **settings)
        self._viewing = Pool("podium-view", N_THREADS)
        self._reading = Pool("podium-read", N_READING, waiting_max=READING_MAX, wait_s=READING_S)
        self._watchers = Watchers(self.site, self._viewing)
        authority = self.site.authority
        # If tokens are verified in memory, nobody has to wait for a thread.
        self._knows_at_once = getattr(authority, "of_token", None) is not None
        identify = getattr(authority, "identify", None)
        self._identify = identify if inspect.iscoroutinefunction(identify) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, as ASGI 3 defines it."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            self.start_in_background()
            self._watchers.start()
            await self._respond(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._watchers.attend(self, scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start_in_background()
                self._watchers.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._end()
                await send({"type": "lifespan.shutdown.complete"})
                return

    @asynccontextmanager
    async def lifespan(self, _outer: object = None) -> AsyncIterator[None]:
        """Load the models; at the end release them, once their records are in the store.

        For the lifespan of an app in which this one is mounted: `FastAPI(lifespan=ml.lifespan)`.
        """
        self.start_in_background()
        try:
            yield
        finally:
            await self._end()

    async def _end(self) -> None:
        await self._watchers.stop()
        for version in list(self._versions):  # including versions that were replaced
            if version.batcher is not None:
                version.batcher.close()
        await asyncio.to_thread(self.close)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = gate.check(
            self.settings,
            scope["method"],
            _raw_path(scope),
            scope["headers"],
            self.site.router.predictions,
            self.site.router.uploads,
        )
        if refusal is not None:
            request = request_of(scope, b"")
            response = routes.refused(self.site, request, refusal)
            await send_response(send, response, request.method)
            return
        n_proxies = self.settings.accounts.proxies
        if bodies.is_long(self.settings, _length(scope)):
            request = request_of(scope, b"", n_proxies)
            if bodies.is_upload(self.site, request):
                await self._answer_upload(request, receive, send)
            else:
                await self._answer_bulk(request, scope, receive, send)
            return
        body = await self._body(scope, receive, send, self.settings.body_max_bytes)
        if body is None:
            return
        request = request_of(scope, body, n_proxies)
        prediction = routes.prediction_of(self.site, request)
        if prediction is not None:
            await send_response(send, await self._predict(prediction, request), request.method)
        elif routes.reads_store(self.site, request):
            await _unless_left(receive, self._read_and_send(request, send))
        else:
            await send_response(send, await self._viewed(request, self._viewing), request.method)

    async def _answer_bulk(
        self, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Handle a request with a long body, which is read only if the actor may send it."""
        site = self.site
        try:
            request = await self._admitted(request, bodies.admitted)
            place = ExitStack()
            place.enter_context(self.service.bulk.place())
        except Exception as error:  # noqa: BLE001 - becomes a problem, as in `respond`
            await send_response(send, routes.failed(site, request, error), request.method)
            return
        with place:  # until the client has received the response
            body = await self._body(scope, receive, send, self.settings.bulk_body_max_bytes)
            prediction = routes.prediction_of(site, request)
            if body is not None and prediction is not None:
                response = await self._predict(prediction, replace(request, body=body))
                await send_response(send, response, request.method)

    async def _answer_upload(self, request: Request, receive: Receive, send: Send) -> None:
        """Answer a request with a bundle, which goes to a file while it arrives."""
        with ExitStack() as place:
            try:
                request = await self._admitted(request, bodies.admitted)
                whole = await self.arrived(request, receive, place)
            except Exception as error:  # noqa: BLE001 - answered as the threads' lane answers it
                await send_response(send, routes.failed(self.site, request, error), request.method)
                return
            if whole is not None:
                response = await self._viewed(whole, self._viewing)
                await send_response(send, response, request.method)

    async def arrived(self, request: Request, receive: Receive, place: ExitStack) -> Request | None:
        """The request with its body in a file, as long as `place` is open; None: the client left.

        Args:
            request: of somebody who may send it.

        Raises:
            PodiumError: it can't be taken.
        """
        begun = incoming.begun(self.site, request)
        arriving: incoming.Incoming = await self._viewing.run(place.enter_context, begun)
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            await self._viewing.run(arriving.feed, message.get("body", b""))
            if not message.get("more_body", False):
                return arriving.received()

    async def _body(self, scope: Scope, receive: Receive, send: Send, most: int) -> bytes | None:
        """The body; None if it is incomplete, and there is nobody left to respond to."""
        body = await _read(receive, most)
        if body is None:
            return None  # the client disconnected
        if len(body) > most:
            request = request_of(scope, b"")
            response = routes.refused(self.site, request, gate.too_large(most))
            await send_response(send, response, request.method)
            return None
        return body

    async def _read_and_send(self, request: Request, send: Send) -> None:
        """Respond with a page that reads the store, or with a file of its records."""
        response = await self._viewed(request, self._reading)
        await send_response(send, response, request.method, self._reading)

    async def _viewed(self, request: Request, pool: Pool) -> Response:
        """The response of a view, from a thread."""
        try:
            if routes.is_probe(self.site, request):  # from memory, however busy the threads are
                return routes.respond(self.site, await self._soon_identified(request))
            if not routes.is_open(self.site, request):
                request = await self._awaited_actor(request)
            return await pool.run(routes.respond, self.site, request)
        except Exception as error:  # noqa: BLE001 - becomes a problem, as in `respond`
            return routes.failed(self.site, request, error)

    async def _predict(self, prediction: routes.Prediction, request: Request) -> Response:
        """The response of a prediction route, batched with other requests for the same model."""
        try:
            request = await self._admitted(request, routes.admitted)
            asked = prediction.request(request)
            response = await self.service.respond_async(prediction.traffic, asked)
        except Exception as error:  # noqa: BLE001 - answered as the threads' lane answers it
            return routes.failed(self.site, request, error)
        return routes.predicted(self.site, request, prediction, response)

    async def answered(self, request: Request, protocol: ServingProtocol | None = None) -> Response:
        """The response to a whole request that didn't come as one of ASGI's.

        Args:
            protocol: reads a request for predictions, and writes its response; by default that of its
                path.
        """
        prediction = routes.prediction_of(self.site, request)
        if prediction is None:
            return await self._viewed(request, self._viewing)
        if protocol is not None:
            prediction = replace(prediction, protocol=protocol)
        return await self._predict(prediction, request)

    async def _admitted(
        self, request: Request, admit: Callable[[Site, Request], Request]
    ) -> Request:
        """The request with its actor, once it is admitted.

        Raises:
            PodiumError: as `admit` does.
        """
        request = await self._awaited_actor(request)
        if self._knows_at_once or request.is_identified:
            return admit(self.site, request)
        return await self.service.pool.run(admit, self.site, request)

    async def _soon_identified(self, request: Request) -> Request:
        """The request with its actor; anonymous if authentication takes too long."""
        if routes.is_open(self.site, request):
            return request
        try:
            async with asyncio.timeout(KNOWN_S):
                request = await self._awaited_actor(request)
                if self._knows_at_once:
                    return routes.identified(self.site, request)
                return await self._viewing.run(routes.identified, self.site, request)
        except NotAuthenticated:
            raise
        except Exception:  # noqa: BLE001 - a host's own authentication may raise anything
            return replace(request, actor=NOBODY, is_identified=True)

    async def _awaited_actor(self, request: Request) -> Request:
        """The request with its actor, if a coroutine identifies them."""
        if self._identify is None or request.is_identified:
            return request
        found = self.site.router.of(request)
        actor = actor_of(await self._identify(routes.with_token(found, request)))
        return routes.with_actor(self.site, request, actor)

    @property
    def is_stuck(self) -> bool:
        """Whether a call of a model continues although nobody waits for its result any more."""
        most_s = self.settings.deadline_s
        batchers = [version.batcher for version in list(self._versions)]
        return any(one.call_s > most_s for one in batchers if one is not None)


def request_of(scope: Scope, body: bytes, n_proxies: int = 0) -> Request:
    """Convert an ASGI request to ours.

    Args:
        n_proxies: the number of trusted proxies before the server.
    """
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    root_path = scope.get("root_path", "").rstrip("/")
    path = scope["path"]
    # Servers differ in whether the path includes the prefix that the app is mounted under.
    if root_path and (path == root_path or path.startswith(root_path + "/")):
        path = path[len(root_path) :]
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=path or "/",
        query_string=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        root_path=root_path,
        origin=f"{scope.get('scheme', 'http')}://{headers.get('host', '127.0.0.1')}",
        address=client_address(client[0] if client else "", scope["headers"], n_proxies),
        native=scope,
        handshake=scope.get(HANDSHAKE),
    )


def _raw_path(scope: Scope) -> bytes:
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    query = scope["query_string"]
    return raw + b"?" + query if query and b"?" not in raw else raw


def _length(scope: Scope) -> bytes:
    """The Content-Length; the gate accepts at most one."""
    for name, value in scope["headers"]:
        if name.lower() == b"content-length":
            length: bytes = value.strip(b" \t")
            return length
    return b""


async def _read(receive: Receive, most: int) -> bytes | None:
    """The body, or a little more than `most` bytes of it; None if the client disconnected."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False) or len(body) > most:
            return bytes(body)


async def _unless_left(receive: Receive, answering: Coroutine[Any, Any, None]) -> None:
    """Respond, and give up when the client disconnects."""
    tasks = [asyncio.ensure_future(answering), asyncio.ensure_future(_left(receive))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            await tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_response(
    send: Send, response: Response, method: str, pool: Pool | None = None
) -> None:
    """Send a response; one that is created piece by piece is created in a pool."""
    headers = [(b"content-type", response.media.encode("latin-1"))]
    headers += [(n.encode("latin-1"), v.encode("latin-1")) for n, v in response.headers.items()]
    start = {"type": "http.response.start", "status": response.status, "headers": headers}
    body = response.body
    if isinstance(body, bytes):
        if method != "HEAD":
            headers.append((b"content-length", str(len(body)).encode()))
        await send(start)
        # Some servers buffer whatever the client doesn't accept yet: a long body is sent in pieces.
        whole, at = b"" if method == "HEAD" else body, 0
        while len(whole) - at > PIECE_BYTES:
            part = whole[at : at + PIECE_BYTES]
            await send({"type": "http.response.body", "body": part, "more_body": True})
            at += PIECE_BYTES
        await send({"type": "http.response.body", "body": whole[at:]})
        return
    assert pool is not None  # only what reads the store is created in pieces
    await send(start)
    while (piece := await pool.run(_next, body)) is not _END:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _next(pieces: Iterator[bytes]) -> object:
    return next(pieces, _END)
