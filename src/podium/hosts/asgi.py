"""Podium as an ASGI app: for uvicorn, and to mount in any other."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeAlias

from podium import app
from podium.flow.batch import Batcher, Bounds
from podium.flow.call import Guard
from podium.flow.deployment import Deployment
from podium.flow.job import AwaitedJob, job_digest
from podium.flow.predict import Ask, Reply, finish, prepare
from podium.monitor.families import QUEUE_ROWS
from podium.sources import Source
from podium.web import api, gate, routes
from podium.web.authority import actor_of
from podium.web.http import Request, Response

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = logging.getLogger("podium")
_END = object()
# Reading a longer body takes longer than going to a thread and back.
INLINE_BODY_MAX = 16_384


class App(app.App):
    """Models as an ASGI app.

    `podium.App("churn.podium")` can be served by any ASGI server, and mounted in FastAPI, Starlette,
    Litestar, Quart or Django under any prefix. Models are loaded at the lifespan's start; where the
    outer app doesn't pass it on (most don't: give them `lifespan`), at the first request.
    """

    def __init__(self, *models: Source, **settings: Any) -> None:
        super().__init__(*models, **settings)
        self._batchers: dict[str, Batcher] = {}
        # Set by our own server: what is done after some jobs were settled, and who knows which rows
        # end the process.
        self.settled: Callable[[], object] | None = None
        self.guard: Guard | None = None
        authority = self.site.authority
        # Where tokens are known from memory, nobody has to wait for a thread.
        self._knows_at_once = getattr(authority, "of_token", None) is not None
        identify = getattr(authority, "identify", None)
        self._identify = identify if inspect.iscoroutinefunction(identify) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI 3 has it."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            self.start_in_background()
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start_in_background()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._end()
                await send({"type": "lifespan.shutdown.complete"})
                return

    @asynccontextmanager
    async def lifespan(self, _outer: object = None) -> AsyncIterator[None]:
        """Load the models; at the end let go of them, once their records are in the store.

        For the lifespan of an app that this one is mounted in: `FastAPI(lifespan=ml.lifespan)`.
        """
        self.start_in_background()
        try:
            yield
        finally:
            await self._end()

    async def _end(self) -> None:
        for batcher in self._batchers.values():
            batcher.close()
        await asyncio.to_thread(self.close)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = gate.check(self.settings, scope["method"], _raw_path(scope), scope["headers"])
        if refusal is not None:
            request = request_of(scope, b"")
            await _send(send, self._refused(request, refusal), request.method)
            return
        body = await _read(receive, self.settings.body_max_bytes)
        if body is None:
            return  # the client left
        if len(body) > self.settings.body_max_bytes:
            too_large = gate.too_large(self.settings)
            request = request_of(scope, b"")
            await _send(send, self._refused(request, too_large), request.method)
            return
        request = request_of(scope, body)
        deployment = routes.deployment_to_ask(self.site, request)
        if deployment is None:
            response = await self._viewed(request)
        else:
            response = await self._predict(deployment, request)
        await _send(send, response, request.method)

    def _refused(self, request: Request, refusal: gate.Refusal) -> Response:
        """What the gate answers; counted where it kept a prediction from being made."""
        response = routes.refused(self.site, request, refusal)
        asked = routes.deployment_to_ask(self.site, request, (routes.PREDICT, routes.FORM))
        if asked is not None:
            self.site.metrics.of(asked.name, asked.version).refused(response.status, "asgi")
        return response

    async def _viewed(self, request: Request) -> Response:
        """What a view answers, in a thread. A form that is sent is a prediction, too."""
        began_ns = time.perf_counter_ns()
        try:
            request = await self._awaited_actor(request)
        except Exception as error:  # noqa: BLE001 - answered as the threads' lane answers it
            return routes.failed(self.site, request, error)
        response = await asyncio.to_thread(routes.respond, self.site, request)
        asked = routes.deployment_to_ask(self.site, request, (routes.FORM,))
        if asked is not None:
            metrics = self.site.metrics.of(asked.name, asked.version)
            if response.status == 200:
                metrics.answered(1, 1, [(time.perf_counter_ns() - began_ns) // 1_000], "asgi")
            else:
                metrics.refused(response.status, "asgi")
        return response

    async def _predict(self, deployment: Deployment, request: Request) -> Response:
        """The answer of the predict route, run together with what waits for the same model."""
        metrics = self.site.metrics.of(deployment.name, deployment.version)
        began_ns = time.perf_counter_ns()
        try:
            request = await self._awaited_actor(request)
            if self._knows_at_once or request.is_identified:
                request = routes.admitted(self.site, request)
            else:
                request = await asyncio.to_thread(routes.admitted, self.site, request)
            reply, n_rows = await self._asked(deployment, api.ask_of(request))
        except Exception as error:  # noqa: BLE001 - answered as the threads' lane answers it
            response = routes.failed(self.site, request, error)
            metrics.refused(response.status, "asgi")
            return response
        latency_us = (time.perf_counter_ns() - began_ns) // 1_000
        metrics.answered(1, n_rows, [latency_us], "asgi")
        return routes.predicted(reply, request.verdict)

    async def _awaited_actor(self, request: Request) -> Request:
        """The same request, with who asks, where that is told by a coroutine."""
        if self._identify is None:
            return request
        actor = actor_of(await self._identify(request))
        return replace(request, actor=actor, is_identified=True)

    async def _asked(self, deployment: Deployment, ask: Ask) -> tuple[Reply, int]:
        """The answer, and of how many rows it is."""
        # Keys are looked up in a file that other processes write to.
        is_small = len(ask.body) <= INLINE_BODY_MAX and not ask.key
        if is_small:
            prepared = prepare(deployment, ask)
        else:
            prepared = await asyncio.to_thread(prepare, deployment, ask)
        if prepared.repeated is not None:
            return prepared.repeated, prepared.n_rows
        job = AwaitedJob(prepared.table, digest=job_digest(ask.body))
        (await self.started_batcher(deployment)).submit(job)
        outputs = await job.future
        if is_small and deployment.is_kept_at_once:
            return finish(deployment, ask, prepared, outputs), prepared.n_rows
        reply = await asyncio.to_thread(finish, deployment, ask, prepared, outputs)
        return reply, prepared.n_rows

    async def started_batcher(self, deployment: Deployment) -> Batcher:
        """What runs a deployment's jobs on this loop; waits until its model is loaded."""
        found = self.batcher(deployment)
        if found is None:
            await asyncio.to_thread(self.load, deployment)
            found = self.batcher(deployment)
        assert found is not None
        return found

    def batcher(self, deployment: Deployment) -> Batcher | None:
        """What runs a deployment's jobs on this loop, or None while its model isn't loaded."""
        found = self._batchers.get(deployment.name)
        if found is not None and found.loop is not asyncio.get_running_loop():
            found = None  # the app went on to another loop, as in a test
        if found is None and deployment.name in self.costs:
            found = self._batchers[deployment.name] = Batcher(
                deployment.bundle.runtime,
                deployment.reader,
                self.costs[deployment.name],
                bounds=Bounds(self.settings.queue_rows_max, self.settings.deadline_s),
                settled=self.settled,
                batched=self.site.metrics.of(deployment.name, deployment.version).batched,
                guard=self.guard,
            )
            name, version, queue = deployment.name, deployment.version, found
            self.site.metrics.watch(QUEUE_ROWS, lambda: queue.n_rows_waiting, name, version)
        return found


def request_of(scope: Scope, body: bytes) -> Request:
    """An ASGI request as ours."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    root_path = scope.get("root_path", "").rstrip("/")
    path = scope["path"]
    # Servers differ in whether the path still holds the prefix that the app is mounted under.
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
        address=client[0] if client else "",
        native=scope,
    )


def _raw_path(scope: Scope) -> bytes:
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    query = scope["query_string"]
    return raw + b"?" + query if query and b"?" not in raw else raw


async def _read(receive: Receive, most: int) -> bytes | None:
    """The body, or a little more than `most` bytes of it; None when the client left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False) or len(body) > most:
            return bytes(body)


async def _send(send: Send, response: Response, method: str) -> None:
    headers = [(b"content-type", response.media.encode("latin-1"))]
    headers += [(n.encode("latin-1"), v.encode("latin-1")) for n, v in response.headers.items()]
    start = {"type": "http.response.start", "status": response.status, "headers": headers}
    body = response.body
    if isinstance(body, bytes):
        if method != "HEAD":
            headers.append((b"content-length", str(len(body)).encode()))
        await send(start)
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
        return
    await send(start)
    while (piece := await asyncio.to_thread(_next, body)) is not _END:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _next(pieces: Iterator[bytes]) -> object:
    return next(pieces, _END)
