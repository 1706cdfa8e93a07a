"""The methods of the Open Inference Protocol: each becomes a request to the app, as by REST.

So a call has the same rights, quotas, records and metrics as a request by HTTP, from the same code.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import unquote

from podium.errors import MalformedBody, PodiumError, TimedOut
from podium.hosts.asgi import App
from podium.hosts.grpc.codec import GRPC
from podium.hosts.grpc.quick import QuickCalls
from podium.hosts.grpc.schema import SERVICE, STREAM, messages
from podium.hosts.grpc.status import status_of, text_within_bounds
from podium.hosts.grpc.views import VIEWS, View, model_path
from podium.hosts.server.access import AccessLog
from podium.http import Request, Response
from podium.policy.addresses import client_address
from podium.web import problems, routes

# Takes a message, and gRPC's context of its call.
Answer: TypeAlias = Callable[[bytes, Any], Awaitable[Response]]

# What says how bodies are sent by HTTP, or comes from browsers: a call has neither.
_OF_HTTP = frozenset(
    {"accept", "accept-encoding", "content-type", "content-length", "cookie", "host", "origin"}
)
# A hostile message takes a tenth of a second for each MiB to be parsed, and nothing else is answered
# meanwhile: longer ones are parsed only for callers who may see something here.
LONG_BYTES = 16_384
# Headers of responses that callers get as trailing metadata.
_TRAILING = ("ratelimit-", "retry-after", "idempotency-replayed")


class Calls:
    """Answers calls.

    Args:
        app: whose models predict.
        log: gets a line for each call; or None.

    Attributes:
        n_running: the number of calls that are being answered.
    """

    def __init__(self, app: App, log: AccessLog | None = None) -> None:
        self._app = app
        self._log = log
        self._quick = QuickCalls(app)
        self._messages = messages()
        self.n_running = 0

    def handler(self) -> Any:
        """The methods by their names on the wire, for a server of gRPC.

        They take and return bytes: gRPC reports what isn't a message as a fault of the server.
        """
        import grpc

        answers: dict[str, Answer] = {
            name: partial(self._viewed, name, view) for name, view in VIEWS.items()
        }
        answers["ModelInfer"] = self._predicted
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(partial(self._call, name, answer))
            for name, answer in answers.items()
        }
        handlers[STREAM] = grpc.stream_stream_rpc_method_handler(self._stream)
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    async def _call(
        self,
        name: str,
        answer: Answer,
        body: bytes,
        context: Any,
    ) -> bytes:
        """Answer a call with the body of a response, or with the status of its problem."""
        response = await self._noted(name, answer(body, context))
        trailing = tuple(
            (key, value) for key, value in response.headers.items() if key.startswith(_TRAILING)
        )
        if response.problem is not None:
            code, text = status_of(response.problem), text_within_bounds(response.problem)
            await context.abort(code, text, trailing)
        context.set_trailing_metadata(trailing)
        assert isinstance(response.body, bytes)
        return response.body

    async def _stream(self, bodies: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        """Answer each request of a stream in its turn; an error ends only its own."""
        make = self._messages[f"{STREAM}Response"]
        async for body in bodies:
            response = await self._noted(STREAM, self._predicted(body, context))
            if response.problem is not None:
                answer = make(error_message=text_within_bounds(response.problem))
            else:
                answer = make()
                answer.infer_response.MergeFromString(response.body)
            yield answer.SerializeToString()

    async def _noted(self, name: str, answering: Awaitable[Response]) -> Response:
        """A response, once it is there; counted until then, and logged."""
        began_s = time.perf_counter()
        self.n_running += 1
        try:
            response = await answering
        except Exception as error:  # noqa: BLE001 - grpc would show the caller what it says
            response = _refused(error)
        finally:
            self.n_running -= 1
        if self._log is not None:
            took_s = time.perf_counter() - began_s
            self._log.note("GRPC", f"/{SERVICE}/{name}", response.status, took_s)
        return response

    async def _viewed(self, name: str, view: View, body: bytes, context: Any) -> Response:
        """The answer of a call about the server or a model."""
        try:
            method, path, sent = view.request(self._read(f"{name}Request", body))
        except PodiumError as error:
            response = _refused(error)
        else:
            request = replace(self._request(context), method=method, path=path, body=sent)
            response = await self._app.answered(request)
        if view.fails(response):
            return response
        answer = self._messages[f"{name}Response"]()
        view.fill(answer, response)
        return Response(answer.SerializeToString(), 200, headers=response.headers)

    async def _predicted(self, body: bytes, context: Any) -> Response:
        """The answer of a call for predictions."""
        if len(body) > LONG_BYTES:
            view = replace(self._request(context), method="GET", path="/v2")
            response = await self._app.answered(view)
            if response.problem is not None:
                return response
        try:
            message = self._read("ModelInferRequest", body)
            path = model_path(message.model_name, message.model_version, "infer")
        except PodiumError as error:
            return _refused(error)
        request = replace(self._request(context), path=path, body=body, native=message)
        left_s = context.time_remaining()
        if left_s is not None and left_s <= 0:
            late = TimedOut("the deadline of the call has passed", hint="allow it more time")
            return routes.failed(self._app.site, request, late)
        row = self._quick.prepared(request)
        if row is not None:
            return await self._quick.respond(request, *row)
        return await self._app.answered(request, GRPC)

    def _request(self, context: Any) -> Request:
        """The head of a call as that of a request by HTTP."""
        headers: dict[str, str] = {}
        for key, value in context.invocation_metadata() or ():
            if isinstance(value, str) and key not in _OF_HTTP:
                headers[key] = f"{headers[key]}, {value}" if key in headers else value
        raw = [(key.encode(), value.encode("latin-1", "replace")) for key, value in headers.items()]
        address = client_address(
            _address_of(context.peer()), raw, self._app.settings.accounts.proxies
        )
        return Request("POST", "/", headers=headers, address=address, lane="grpc")

    def _read(self, name: str, body: bytes) -> Any:
        """A message of this name.

        Raises:
            MalformedBody: the bytes aren't one.
        """
        from google.protobuf.message import DecodeError

        try:
            return self._messages[name].FromString(body)
        except DecodeError as error:
            raise MalformedBody(f"the bytes aren't a {name}") from error


def _refused(error: Exception) -> Response:
    """The response to a call that didn't become a request."""
    problem = problems.of_error(error)
    return Response(b"", problem.status, problem=problem)


def _address_of(peer: str) -> str:
    """The client's address, from `ipv4:127.0.0.1:50000` or `ipv6:%5B::1%5D:50000`."""
    kind, _, place = unquote(peer).partition(":")
    return place.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else ""
