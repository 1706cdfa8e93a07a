"""The fast lane: plain prediction requests, handled without a task, a scope or a coroutine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from podium.access import ANYONE, Action, Actor
from podium.deployments.traffic import Traffic
from podium.errors import PodiumError
from podium.flow.formats.json_rows import JSON
from podium.flow.job import job_digest
from podium.flow.prepare import is_quick, prepare, read_coded, read_row, read_typed
from podium.flow.request import PredictRequest, Prepared, RequestContext
from podium.flow.route import routed
from podium.flow.submission import QUICK_ROWS_MAX
from podium.flow.version import LoadedVersion
from podium.hosts.asgi import App, request_of
from podium.hosts.server.access import AccessLog
from podium.hosts.server.exchange import scope_of
from podium.hosts.server.head import Head, PredictHead, Rejected
from podium.hosts.server.heads import Heads
from podium.hosts.server.lane_job import LaneSubmission, Requester
from podium.http import Response, Verdict
from podium.policy.addresses import client_address
from podium.policy.authority import OpenAuthority, require
from podium.web import routes
from podium.web.headers import finished

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
ACTORS_MAX = 4_096


class NotQuick(Exception):
    """A step of a request may take longer than a millisecond: the other lane takes it."""


class Lane:
    """Shared by all connections of a process: known heads, and pending responses.

    Args:
        app: whose models predict.
        default_headers: those that uvicorn adds to every response, including the date.
        access_log: logs every request; or None.

    Attributes:
        is_stopping: whether each response is the last one on its connection.
    """

    def __init__(
        self,
        app: App,
        default_headers: Callable[[], list[tuple[bytes, bytes]]],
        access_log: AccessLog | None = None,
    ) -> None:
        self.app = app
        self._access_log = access_log
        authority = app.site.authority
        self._is_open = isinstance(authority, OpenAuthority)
        self._authority: Any = authority
        self._quota = app.site.quota
        # If authentication needs the whole request, the other lane handles it.
        has_fast_lane = getattr(authority, "of_token", None) is not None
        self.heads = Heads(app.site, has_fast_lane=has_fast_lane)
        self._contexts: dict[bytes, RequestContext] = {}
        self._contexts_version: object = None
        self._default_headers = default_headers
        self._ready_headers: list[tuple[bytes, bytes]] | None = None
        self._ready = b""
        self.is_stopping = False

    def submit(self, requester: Requester, head: PredictHead, body: bytes) -> LaneSubmission | None:
        """Submit a request; None if an error was already sent.

        Raises:
            NotQuick: one of its steps may take longer than a millisecond: it isn't for this lane.
        """
        traffic = head.deployment.traffic
        version = traffic.champion
        prepared = _row(version, head, body) if traffic.canary is None else None
        if prepared is None:
            version, prepared = self._read(traffic, head, body)
        # The service would look up the running loop each time; here there is only one.
        batcher = version.batcher or self.app.service.batcher(version)
        if batcher is None:
            raise NotQuick
        verdict = None
        try:
            context, verdict = self._admitted(head, requester)
            if prepared is None:
                prepared = prepare(version, PredictRequest(body, JSON, context))
            digest = job_digest(body) if batcher.is_guarded else b""
            submission = LaneSubmission(version, context, prepared, digest=digest)
            submission.lane, submission.requester, submission.head = self, requester, head
            submission.request_body, submission.verdict = body, verdict
            batcher.submit(submission)
        except Exception as error:  # noqa: BLE001 - becomes a problem, as in the other lane
            response = self._failed(head, body, error, verdict, prepared)
            is_last = head.is_last or self.is_stopping
            requester.answer(self._bytes(response, is_last), is_last=is_last)
            self._note(head, response.status, 0.0)
            return None
        return submission

    def send(self, done: LaneSubmission) -> None:
        """Send the result of a request."""
        head = done.head
        is_last = head.is_last or self.is_stopping
        if done.error is None:
            status, data = 200, self._success(done, is_last)
        else:
            body, prepared = done.request_body, done.prepared
            response = self._failed(head, body, done.error, done.verdict, prepared)
            status, data = response.status, self._bytes(response, is_last)
        done.requester.answer(data, is_last=is_last)
        if self._access_log is not None:
            self._note(head, status, (time.perf_counter_ns() - done.prepared.began_ns) / 1e9)

    def refusal(self, rejected: Rejected) -> bytes:
        """The last response on a connection, for a refused request, as bytes."""
        head = rejected.head
        request = request_of(scope_of(head), b"")
        response = routes.refused(self.app.site, request, rejected.refusal)
        self._note(head, response.status, 0.0)
        return self._bytes(response, is_last=True)

    def _read(
        self, traffic: Traffic, head: PredictHead, body: bytes
    ) -> tuple[LoadedVersion, Prepared | None]:
        """The version that answers, and the rows; None if they need validation cell by cell.

        Raises:
            NotQuick: as `submit`.
        """
        if traffic.canary is None:
            version = traffic.champion
            if head.codec is not None:
                raise NotQuick
            prepared = read_typed(version, body)
            takes = prepared is not None or is_quick(version, body)
        else:
            version, prepared = self._routed(traffic, head, body)
            takes = prepared is not None
        if not takes or (prepared is not None and prepared.n_rows > QUICK_ROWS_MAX):
            raise NotQuick
        return version, prepared

    def _routed(
        self, traffic: Traffic, head: PredictHead, body: bytes
    ) -> tuple[LoadedVersion, Prepared | None]:
        """The version that answers a request, and the rows, if that version's types accept them."""
        try:
            context = _OPEN if self._is_open else self._context(head)
        except PodiumError:
            context = _OPEN  # it is refused when it is submitted

        def read(version: LoadedVersion) -> Prepared | None:
            prepared = _row(version, head, body)
            is_own = prepared is None and head.codec is None
            return read_typed(version, body) if is_own else prepared

        return routed(traffic, context, read, self.app.service.new_id)

    def _admitted(
        self, head: PredictHead, requester: Requester
    ) -> tuple[RequestContext, Verdict | None]:
        """The actor, if they may predict, and what is left of their quota.

        Raises:
            PodiumError: they may not.
        """
        if self._is_open and self._quota is None:
            return _OPEN, None
        context = _OPEN if self._is_open else self._context(head)
        actor = context.actor
        verdict = None
        if self._quota is not None:
            address = "" if actor.is_known else self._address(head, requester)
            verdict = self._quota.take(actor, address)
            if verdict is not None:
                verdict.require()
        require(actor, Action.PREDICT, head.deployment.name)
        return context, verdict

    def _address(self, head: PredictHead, requester: Requester) -> str:
        return client_address(requester.address, head.headers, self.app.settings.accounts.proxies)

    def _context(self, head: PredictHead) -> RequestContext:
        """The context with the actor, as long as their token is valid.

        Raises:
            NotAuthenticated: it isn't.
        """
        authority = self._authority
        if self._contexts_version != authority.version:
            self._contexts_version = authority.version
            self._contexts.clear()
        context = self._contexts.get(head.authorization)
        if context is None:
            context = _context_of(authority.of_token(head.authorization))
            if len(self._contexts) >= ACTORS_MAX:
                self._contexts.clear()
            self._contexts[head.authorization] = context
        return context

    def _failed(
        self,
        head: PredictHead,
        body: bytes,
        error: Exception,
        verdict: Verdict | None,
        prepared: Prepared | None,
    ) -> Response:
        request = replace(request_of(scope_of(head), body), verdict=verdict, lane="fast")
        if prepared is not None:
            request = replace(request, began_ns=prepared.began_ns)
        return routes.failed(self.app.site, request, error)

    def _note(self, head: Head, status: int, seconds: float) -> None:
        if self._access_log is not None:
            path = head.target.partition(b"?")[0].decode("latin-1")
            self._access_log.note(head.method, path, status, seconds)

    def _success(self, done: LaneSubmission, is_last: bool) -> bytes:
        headers = self._default_headers()
        if headers is not self._ready_headers:  # the date has changed
            self._ready_headers = headers
            self._ready = _head_of(finished(Response(media=JSON)), headers)
        end = b"connection: close\r\n\r\n" if is_last else b"\r\n"
        if done.verdict is not None:
            quota = [f"{name}: {value}\r\n" for name, value in done.verdict.headers.items()]
            end = "".join(quota).encode() + end
        body = done.body
        return b"%bcontent-length: %d\r\n%b%b" % (self._ready, len(body), end, body)

    def _bytes(self, response: Response, is_last: bool) -> bytes:
        body = response.body
        assert isinstance(body, bytes)
        end = b"connection: close\r\n\r\n" if is_last else b"\r\n"
        head = _head_of(response, self._default_headers())
        return b"%bcontent-length: %d\r\n%b%b" % (head, len(body), end, body)


def _row(version: LoadedVersion, head: PredictHead, body: bytes) -> Prepared | None:
    """A single row that is valid as it is, in the form of the request's protocol."""
    if head.codec is None:
        return read_row(version, body)
    return read_coded(version, head.codec, body)


def _context_of(actor: Actor) -> RequestContext:
    return RequestContext(source="api", actor=actor, lane="fast")


_OPEN = _context_of(ANYONE)


def _head_of(response: Response, default: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The status line and headers, without the length."""
    lines = [f"HTTP/1.1 {response.status} {_PHRASES[response.status]}".encode()]
    lines += [name + b": " + value for name, value in default]
    lines.append(b"content-type: " + response.media.encode("latin-1"))
    lines += [f"{name}: {value}".encode("latin-1") for name, value in response.headers.items()]
    return b"\r\n".join(lines) + b"\r\n"
