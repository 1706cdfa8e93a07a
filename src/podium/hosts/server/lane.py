"""The fast lane: plain requests to predict, answered without a task, a scope or a coroutine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Protocol

import msgspec

from podium.access import ANYONE, Action, Actor
from podium.errors import StoreError
from podium.flow.batch import Batcher
from podium.flow.decode import JSON
from podium.flow.deployment import Deployment
from podium.flow.encode import RowEncoder
from podium.flow.job import Answers, Job, job_digest
from podium.flow.predict import Ask, Prepared, prepare, told
from podium.flow.record import outcome_of
from podium.hosts.asgi import App, request_of
from podium.hosts.server.access import AccessLog
from podium.hosts.server.head import Head, Heads, predict_path
from podium.records.outboxed import OutboxedStore
from podium.records.record import Record
from podium.table import Outputs
from podium.web import routes
from podium.web.authority import OpenAuthority, require
from podium.web.http import Response
from podium.web.quota import Verdict, client_address

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_NO_WARNINGS = b"[]"
ACTORS_MAX = 4_096


class Asker(Protocol):
    """A connection that waits for an answer."""

    @property
    def address(self) -> str:
        """Of the client."""

    def answer(self, data: bytes, *, is_last: bool) -> None:
        """Send the bytes of a response."""


class LaneJob(Job):
    """A request on a connection of ours."""

    __slots__ = (
        "actor",
        "answers",
        "asker",
        "at",
        "body",
        "deployment",
        "error",
        "head",
        "lane",
        "prepared",
        "verdict",
    )

    def __init__(
        self,
        lane: Lane,
        asker: Asker,
        head: Head,
        body: bytes,
        prepared: Prepared,
        *,
        digest: bytes,
        actor: str | None,
    ) -> None:
        rows = prepared.rows
        super().__init__(
            prepared.table.n_rows if rows is None else len(rows),
            rows=rows,
            table=None if rows is not None else prepared.table,
            digest=digest,
        )
        self.lane = lane
        self.asker = asker
        self.head = head
        self.body = body
        self.deployment = head.deployment
        self.prepared = prepared
        self.actor = actor
        self.verdict: Verdict | None = None
        self.answers: Answers | None = None
        self.error: Exception | None = None
        self.at = 0

    def settle(self, answers: Answers, at: int) -> None:
        """Note the answer; it leaves with those of the whole batch."""
        self.answers = answers
        self.at = at
        self.lane.settled.append(self)

    def fail(self, error: Exception) -> None:
        """Note the error; it leaves with the answers of the batch."""
        self.error = error
        self.lane.settled.append(self)


class Lane:
    """What all connections of a process share: heads that are known, and answers that leave.

    Args:
        app: whose models answer.
        default_headers: those that uvicorn adds to every response, the date among them.
        access_log: where every request is noted, or None.
    """

    def __init__(
        self,
        app: App,
        default_headers: Callable[[], list[tuple[bytes, bytes]]],
        access_log: AccessLog | None = None,
    ) -> None:
        self.app = app
        self._access_log = access_log
        self.heads = Heads(app.site)
        authority = app.site.authority
        self._is_open = isinstance(authority, OpenAuthority)
        self._authority: Any = authority
        self._quota = app.site.quota
        # Who only the whole request tells is asked in the other lane.
        self.is_used = getattr(authority, "of_token", None) is not None
        self._actors: dict[bytes, Actor] = {}
        self._actors_version: object = None
        self.settled: list[LaneJob] = []
        self._default_headers = default_headers
        self._loop = asyncio.get_running_loop()
        self._ready_headers: list[tuple[bytes, bytes]] | None = None
        self._ready = b""
        self._batchers: dict[str, Batcher] = {}
        self._encoders = {
            name: RowEncoder(one.name, one.version, one.signature)
            for name, one in app.deployments.items()
        }
        self._metrics = {
            name: app.site.metrics.of(one.name, one.version)
            for name, one in app.deployments.items()
        }
        app.settled = self.commit

    def batcher(self, deployment: Deployment) -> Batcher | None:
        """What runs a deployment's jobs; None while its model isn't loaded."""
        found = self._batchers.get(deployment.name)
        if found is None:
            found = self.app.batcher(deployment)
            if found is not None:
                # Kept here, since the app asks the system each time on which loop it is.
                self._batchers[deployment.name] = found
        return found

    def ask(self, asker: Asker, head: Head, body: bytes, batcher: Batcher) -> LaneJob | None:
        """Take a request; None when it is answered already, with an error."""
        deployment = head.deployment
        verdict = None
        try:
            actor, verdict = self._admitted(head, asker)
            row = deployment.reader.one(body)
            if row is not None:
                prepared = Prepared(
                    deployment.reader,
                    (row,),
                    None,
                    (),
                    "object",
                    time.perf_counter_ns(),
                    time.time_ns() // 1_000,
                )
            else:
                prepared = prepare(deployment, Ask(body, JSON, actor=actor))
            digest = job_digest(body) if batcher.is_guarded else b""
            job = LaneJob(self, asker, head, body, prepared, digest=digest, actor=actor)
            job.verdict = verdict
            batcher.submit(job)
        except Exception as error:  # noqa: BLE001 - answered as the other lane answers it
            data = self.failure(head, body, error, verdict)
            asker.answer(data, is_last=head.is_last)
            self._metrics[deployment.name].refused(int(data[9:12]))
            if self._access_log is not None:
                self._access_log.note("POST", predict_path(deployment.name), int(data[9:12]), 0.0)
            return None
        return job

    def _admitted(self, head: Head, asker: Asker) -> tuple[str | None, Verdict | None]:
        """The name of who asks, if they may predict, and what is left of their quota.

        Raises:
            PodiumError: they may not.
        """
        if self._is_open and self._quota is None:
            return None, None
        actor = ANYONE if self._is_open else self._actor(head)
        verdict = None
        if self._quota is not None:
            address = "" if actor.is_known else self._address(head, asker)
            verdict = self._quota.take(actor, address)
            if verdict is not None:
                verdict.require()
        require(actor, Action.PREDICT, head.deployment.name)
        return actor.name or None, verdict

    def _address(self, head: Head, asker: Asker) -> str:
        headers = {b"x-forwarded-for": b"", **dict(head.headers)}
        return client_address(
            asker.address,
            {"x-forwarded-for": headers[b"x-forwarded-for"].decode("latin-1")},
            self.app.settings.accounts.proxies,
        )

    def _actor(self, head: Head) -> Actor:
        """Who asks, as long as their token counts.

        Raises:
            NotAuthenticated: it doesn't.
        """
        authority = self._authority
        if self._actors_version != authority.version:
            self._actors_version = authority.version
            self._actors.clear()
        actor = self._actors.get(head.authorization)
        if actor is None:
            actor = authority.of_token(head.authorization)
            if len(self._actors) >= ACTORS_MAX:
                self._actors.clear()
            self._actors[head.authorization] = actor
        return actor

    def commit(self) -> None:
        """Record what was settled since, then let the answers leave."""
        jobs, self.settled = self.settled, []
        if not jobs:
            return
        told_: list[tuple[LaneJob, bytes]] = []
        records: list[Record] = []
        # For all of them at once; which gets which is of no consequence.
        ids = iter(jobs[0].deployment.ids.some(time.time_ns() // 1_000, len(jobs)))
        for job in jobs:
            if job.answers is None:
                assert job.error is not None
                told_.append((job, self.failure(job.head, job.body, job.error, job.verdict)))
                continue
            body, some = self._told(job, job.answers, next(ids))
            told_.append((job, self._success(body, job)))
            records += some
        self._keep(records, told_)

    def failure(
        self, head: Head, body: bytes, error: Exception, verdict: Verdict | None = None
    ) -> bytes:
        """The response to a request that can't be answered, as bytes."""
        scope = {
            "type": "http",
            "method": "POST",
            "path": predict_path(head.deployment.name),
            "query_string": b"",
            "headers": head.headers,
        }
        request = replace(request_of(scope, body), verdict=verdict)
        return self._bytes(routes.failed(self.app.site, request, error), head.is_last)

    def _keep(self, records: Sequence[Record], told_: Sequence[tuple[LaneJob, bytes]]) -> None:
        """Let the answers leave as soon as their records are kept."""
        store = self.app.site.store
        if store is None or not records:
            self._kept(told_, None)
        elif isinstance(store, OutboxedStore) and not store.is_inline:
            store.outbox.append_later(
                records,
                lambda error: self._loop.call_soon_threadsafe(self._kept, told_, error),
            )
        else:
            try:
                if isinstance(store, OutboxedStore):
                    store.outbox.append(records)
                else:
                    store.insert(records)
            except StoreError as error:
                self._kept(told_, error)
            else:
                self._kept(told_, None)

    def _kept(self, told_: Sequence[tuple[LaneJob, bytes]], error: StoreError | None) -> None:
        """Send the answers; where nothing was recorded nobody gets one."""
        for job, data in told_:
            is_refused = error is not None and job.answers is not None
            sent = (
                self.failure(job.head, job.body, error, job.verdict)
                if is_refused and error
                else data
            )
            job.asker.answer(sent, is_last=job.head.is_last)
        self._count(told_, error)
        if self._access_log is not None:
            self._note(told_, error)

    def _count(self, told_: Sequence[tuple[LaneJob, bytes]], error: StoreError | None) -> None:
        """Count a batch once, and not each request."""
        now_ns = time.perf_counter_ns()
        good: dict[str, list[int]] = {}
        n_rows: dict[str, int] = {}
        for job, data in told_:
            name = job.deployment.name
            if job.answers is None or error is not None:
                self._metrics[name].refused(_status_of(job, data, error))
                continue
            good.setdefault(name, []).append((now_ns - job.prepared.began_ns) // 1_000)
            n_rows[name] = n_rows.get(name, 0) + job.n_rows
        for name, latencies_us in good.items():
            self._metrics[name].answered(len(latencies_us), n_rows[name], latencies_us)

    def _note(self, told_: Sequence[tuple[LaneJob, bytes]], error: StoreError | None) -> None:
        assert self._access_log is not None
        now_ns = time.perf_counter_ns()
        for job, data in told_:
            seconds = (now_ns - job.prepared.began_ns) / 1e9
            path = predict_path(job.deployment.name)
            self._access_log.note("POST", path, _status_of(job, data, error), seconds)

    def _told(self, job: LaneJob, answers: Answers, id_: str) -> tuple[bytes, list[Record]]:
        """The body of an answer, and its records: of a single row under this id."""
        deployment, prepared = job.deployment, job.prepared
        if prepared.layout != "object" or prepared.rows is None:
            outputs: Outputs = answers.outputs.rows(slice(job.at, job.at + job.n_rows))
            answer, records = told(deployment, Ask(b"", JSON, actor=job.actor), prepared, outputs)
            return answer.body, records
        encoder = self._encoders[deployment.name]
        prediction = answers.predictions[job.at]
        probabilities = answers.probabilities
        core = encoder.core(prediction, None if probabilities is None else probabilities[job.at])
        if deployment.store is None:
            return encoder.body(core, "", _NO_WARNINGS), []
        outcome, number = outcome_of(prediction)
        record = Record(
            id=id_,
            time_us=prepared.time_us,
            model=deployment.name,
            version=deployment.version,
            inputs=msgspec.json.encode(prepared.rows[0]),
            outputs=encoder.kept(core, _NO_WARNINGS),
            outcome=outcome,
            outcome_number=number,
            latency_us=(time.perf_counter_ns() - prepared.began_ns) // 1_000,
            source="api",
            actor=job.actor,
        )
        return encoder.body(core, id_, _NO_WARNINGS), [record]

    def _success(self, body: bytes, job: LaneJob) -> bytes:
        headers = self._default_headers()
        if headers is not self._ready_headers:  # the date is another one
            self._ready_headers = headers
            self._ready = _head_of(routes.finished(Response(media=JSON)), headers)
        end = b"connection: close\r\n\r\n" if job.head.is_last else b"\r\n"
        if job.verdict is not None:
            told_ = [f"{name}: {value}\r\n" for name, value in job.verdict.headers.items()]
            end = "".join(told_).encode() + end
        return b"%bcontent-length: %d\r\n%b%b" % (self._ready, len(body), end, body)

    def _bytes(self, response: Response, is_last: bool) -> bytes:
        body = response.body
        assert isinstance(body, bytes)
        end = b"connection: close\r\n\r\n" if is_last else b"\r\n"
        head = _head_of(response, self._default_headers())
        return b"%bcontent-length: %d\r\n%b%b" % (head, len(body), end, body)


def _status_of(job: LaneJob, data: bytes, error: StoreError | None) -> int:
    """The status that was sent."""
    return 503 if error is not None and job.answers is not None else int(data[9:12])


def _head_of(response: Response, default: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Status line and headers, but for the length."""
    lines = [f"HTTP/1.1 {response.status} {_PHRASES[response.status]}".encode()]
    lines += [name + b": " + value for name, value in default]
    lines.append(b"content-type: " + response.media.encode("latin-1"))
    lines += [f"{name}: {value}".encode("latin-1") for name, value in response.headers.items()]
    return b"\r\n".join(lines) + b"\r\n"
