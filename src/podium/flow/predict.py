"""The path of a prediction: the order of its steps, for every way in.

    request -> prepare (decode, validate) -> batch -> run -> respond (encode, record) -> deliver

`predict` runs it in the caller's thread. On an event loop `submit` passes the rows to a
`Batcher`, and rows that are predicted together are recorded together. However a request comes in,
its records are created by `respond` or `_respond_to_row` and stored by `_keep` or `_finish`, and
it is counted and observed by `_close`, after its response was sent.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial

import msgspec

from podium.errors import ModelError, StoreError
from podium.flow.batch import Batcher, nothing_around
from podium.flow.call import Guard
from podium.flow.counting import count
from podium.flow.formats.json_rows import JSON
from podium.flow.job import BatchOutputs, job_digest
from podium.flow.limits import Bounds, BulkPlaces
from podium.flow.observer import FailedRequests, Observer, RefusedRows
from podium.flow.pool import Pool
from podium.flow.prepare import prepare, prepare_quickly
from podium.flow.record import record_of
from podium.flow.repeat import claimed, scope_of
from podium.flow.request import PredictRequest, Prepared, RequestContext
from podium.flow.response import EncodedResponse, PredictResponse, respond
from podium.flow.route import Prepare, Route, routed
from podium.flow.run import run
from podium.flow.submission import AwaitedSubmission, Submission
from podium.flow.version import LoadedVersion
from podium.outbox.keys import Keys
from podium.outbox.recorder import Recorder
from podium.records.block import Recordable
from podium.records.record import Ids, Record
from podium.records.row import outcome_of

N_THREADS = 8
_NO_WARNINGS = b"[]"
_log = logging.getLogger("podium")


class PredictionService:
    """Makes predictions, and records them before they are returned.

    Args:
        recorder: stores the records; None: nothing is recorded.
        keys: the idempotency keys that are known.
        observers: notified of predictions after the responses were sent.
        bounds: how much may wait for a model, and for how long.
        guard: records which rows end the process.

    Attributes:
        around: what surrounds the calls of a model, which `traces` sets.
    """

    def __init__(
        self,
        *,
        recorder: Recorder | None = None,
        keys: Keys | None = None,
        observers: Iterable[Observer] = (),
        bounds: Bounds | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.recorder = recorder
        self.observers = list(observers)
        self.refused_rows, self.failed_requests = RefusedRows(), FailedRequests()
        self.pool = Pool("podium-predict", N_THREADS)
        self.bulk = BulkPlaces()
        # Decoding and encoding a bulk request takes several times its memory: one at a time.
        self._bulk_pool = Pool("podium-bulk", 1)
        self._bulk_lock = threading.Lock()
        self._keys = keys
        self._ids = Ids()  # one generator for all models: the order of ids is the order of records
        self._bounds = bounds or Bounds()
        self._guard, self.around = guard, nothing_around

    def prepare(
        self, route: Route, request: PredictRequest
    ) -> tuple[LoadedVersion, Prepared] | EncodedResponse:
        """The steps before the model; the stored response, if the idempotency key is known.

        Raises:
            InputError: the request is invalid, or its key was used for a different one.
            StoreError: its key can't be looked up.
        """
        read = partial(prepare, request=request)
        anew = partial(self._routed, route, request.context, read)
        if not request.context.key or self._keys is None:
            return anew()
        return claimed(self._keys, route, request, anew, self.new_ids)

    def predict(self, route: Route, request: PredictRequest) -> PredictResponse:
        """The response to a request without an idempotency key, recorded before it is returned.

        Raises:
            InputError: the request is invalid; nothing is recorded.
            ModelError: the model failed.
            StoreError: the prediction couldn't be recorded, so it isn't returned.
        """
        return self.predict_rows(route, request.context, partial(prepare, request=request))

    def predict_rows(
        self, route: Route, context: RequestContext, prepare: Prepare
    ) -> PredictResponse:
        """The same for rows that `prepare` makes ready for a version.

        Raises:
            PodiumError: as `predict`.
        """
        version, prepared = self._routed(route, context, prepare)
        return self.complete(version, context, prepared)

    def respond(self, route: Route, request: PredictRequest) -> EncodedResponse:
        """The encoded response: the stored one, if its idempotency key is known.

        Raises:
            PodiumError: as `predict`; also if its key was used for a different request.
        """
        with self._bulk_turn(is_bulk=_has_long_body(route.champion, request)):
            found = self.prepare(route, request)
        if isinstance(found, EncodedResponse):
            return found
        version, prepared = found
        with self._place(version, request, prepared):
            return self.complete(version, request.context, prepared)

    def complete(
        self, version: LoadedVersion, context: RequestContext, prepared: Prepared
    ) -> PredictResponse:
        """The steps from the model on, in this thread.

        Raises:
            ModelError: the model failed.
            StoreError: the prediction couldn't be recorded, so it isn't returned.
        """
        submission = Submission(version, context, prepared)
        began_ns = time.perf_counter_ns()
        try:
            outputs = run(version.runtime, prepared.table)
        except ModelError as error:
            error.digest = version.digest
            raise
        submission.batch_outputs = BatchOutputs(version.signature, outputs, began_ns)
        with self._bulk_turn(is_bulk=_is_bulk(version, prepared)):
            response = self._finish(submission)
        self._close([submission])
        return response

    async def respond_async(self, route: Route, request: PredictRequest) -> EncodedResponse:
        """As `respond`, on an event loop, batched with other requests for the same model.

        Raises:
            PodiumError: as `respond`; also if too much waits already, or it took too long.
        """
        version, prepared = routed(
            route, request.context, partial(prepare_quickly, request=request), self.new_id
        )
        if prepared is None:
            pool = self._bulk_pool if _has_long_body(version, request) else self.pool
            found = await pool.run(self.prepare, route, request)
            if isinstance(found, EncodedResponse):
                return found
            version, prepared = found
        batcher = self.batcher(version)
        if batcher is None:
            await self.pool.run(version.load)
            batcher = self.batcher(version)
            assert batcher is not None
        digest = b""
        if batcher.is_guarded and _has_long_body(version, request):
            digest = await self._bulk_pool.run(job_digest, request.body)
        elif batcher.is_guarded:
            digest = job_digest(request.body)
        submission = AwaitedSubmission(version, request.context, prepared, digest=digest)
        with self._place(version, request, prepared):
            batcher.submit(submission)
            try:
                return await submission.future
            finally:
                del submission  # as in `Pool.run`

    def _bulk_turn(self, *, is_bulk: bool) -> AbstractContextManager[object]:
        """The context in which a thread decodes or encodes; bulk requests take turns."""
        return self._bulk_lock if is_bulk else nullcontext()

    def _place(
        self, version: LoadedVersion, request: PredictRequest, prepared: Prepared
    ) -> AbstractContextManager[None]:
        """A bulk request's place; if its body is long, whoever reads it already holds one."""
        if not _is_bulk(version, prepared) or _has_long_body(version, request):
            return nullcontext()
        return self.bulk.place()

    def batcher(self, version: LoadedVersion) -> Batcher | None:
        """The batcher of a version on this loop; None while its model isn't loaded."""
        found = version.batcher
        if found is not None and found.loop is asyncio.get_running_loop():
            return found  # otherwise the app moved to another loop, as in a test
        if version.cost is None:
            return None
        version.batcher = Batcher(
            version.runtime,
            version.reader,
            version.cost,
            policy=version.policy,
            bounds=self._bounds,
            settled=self._settled,
            batched=version.metrics.batched,
            guard=self._guard,
            around=self.around,
        )
        return version.batcher

    def _settled(self, submissions: list[Submission]) -> None:
        """Encode and record what one version predicted together, then send the responses."""
        version = submissions[0].version
        ids = iter(self.new_ids(len(submissions)))
        records: list[Recordable] = []
        ready: list[Submission] = []
        for one in submissions:
            if one.error is not None:
                if isinstance(one.error, ModelError):
                    one.error.digest = version.digest
                ready.append(one)
            elif one.is_plain:
                ready.append(one)
                id_ = next(ids, "")
                record = self._respond_to_row(one, id_ and (one.prepared.request_id or id_))
                if record is not None:
                    records.append(record)
            elif one.is_quick:
                ready.append(one)
                try:
                    records += self._respond(one)[1]
                except StoreError as error:
                    one.error = error
            else:
                self._finish_in_thread(one)
        self._record(version, records, ready)

    def _record(
        self, version: LoadedVersion, records: Sequence[Recordable], ready: Sequence[Submission]
    ) -> None:
        """Store records, and send the responses as soon as they are stored."""
        recorder = self.recorder
        if recorder is None or not records:
            self._close(ready)
        elif recorder.is_inline:
            try:
                recorder.record(records)
            except StoreError as error:
                _fail(ready, error)
            self._close(ready)
        else:
            assert version.batcher is not None
            loop = version.batcher.loop
            recorder.record_later(
                records,
                lambda error: loop.call_soon_threadsafe(self._recorded, ready, error),
            )

    def _recorded(self, ready: Sequence[Submission], error: StoreError | None) -> None:
        if error is not None:
            _fail(ready, error)
        self._close(ready)

    def _finish_in_thread(self, one: Submission) -> None:
        """Encode and record a long response, or one with a key, in a thread."""
        assert one.version.batcher is not None
        loop = one.version.batcher.loop

        def finish() -> None:
            try:
                self._finish(one)
            except Exception as error:  # noqa: BLE001 - raised again in the caller
                one.error = error
            loop.call_soon_threadsafe(self._close, [one])

        pool = self._bulk_pool if _is_bulk(one.version, one.prepared) else self.pool
        pool.start(finish)

    def _finish(self, one: Submission) -> PredictResponse:
        """Encode and record a response, and store it with its key.

        Raises:
            StoreError: it couldn't be recorded.
        """
        response, records = self._respond(one)
        if self.recorder is not None and records:
            self.recorder.record(records, n_patient=one.n_rows)
        context = one.context
        if one.prepared.claim is not None and self._keys is not None:
            scope = scope_of(one.version, context)
            media, body = self._keys.store_response(
                scope, context.key, response.media, response.body
            )
            one.media, one.body = media, body
            response = replace(response, media=media, body=body)
        return response

    def _respond(self, one: Submission) -> tuple[PredictResponse, Iterable[Recordable]]:
        claim, first = one.prepared.claim, one.prepared.request_id
        ids = claim.ids if claim is not None else self.new_ids(one.n_rows)
        if first and ids:
            ids = (first, *ids[1:])
        response, records = respond(one.version, one.context, one.prepared, one.outputs, ids)
        one.body, one.media, one.ids = response.body, response.media, response.ids
        return response, records

    def _respond_to_row(self, one: Submission, id_: str) -> Record | None:
        """The same bytes and the same record as `respond` creates, from prepared parts."""
        version, prepared, batch_outputs = one.version, one.prepared, one.batch_outputs
        assert batch_outputs is not None
        assert prepared.rows is not None
        encoder = version.encoder
        prediction, probabilities, score, distances = batch_outputs.lists().row(one.at)
        write, one.media = prepared.write_row, JSON
        if write is not None:
            one.body = write(prediction, probabilities, score, distances, id_)
            if not id_:
                return None
        core = encoder.core(prediction, probabilities, score, distances)
        if write is None:
            one.body = encoder.body(core, id_, _NO_WARNINGS)
            if not id_:
                return None
        one.ids = (id_,)
        inputs = msgspec.json.encode(prepared.rows[0])
        outputs = encoder.recorded(core, _NO_WARNINGS)
        label = encoder.label_of(prediction) if encoder.words else ""
        outcome = outcome_of(label or prediction)
        return record_of(
            version, one.context, prepared, id_, inputs, outputs, outcome, request_id=id_
        )

    def _close(self, done: Sequence[Submission]) -> None:
        """Deliver the results of some requests, count them, and notify the observers."""
        for one in done:
            one.deliver()
        answered = [one for one in done if one.error is None]
        if not answered:
            return
        count(answered, time.perf_counter_ns())
        if self.observers:
            self._observe(answered)

    def _observe(self, answered: Sequence[Submission]) -> None:
        some = [one for one in answered if one.batch_outputs is not None]
        for observer in self.observers:
            try:
                observer.observe(some)
            except Exception:  # noqa: BLE001 - an observer must not fail the requests
                _log.exception("observer_failed")

    def _routed(
        self, route: Route, context: RequestContext, prepare: Prepare
    ) -> tuple[LoadedVersion, Prepared]:
        version, prepared = routed(route, context, prepare, self.new_id)
        assert prepared is not None  # there is time
        return version, prepared

    def new_id(self) -> str:
        """An id for the first record of a request."""
        return self._ids.new(time.time_ns() // 1_000)

    def new_ids(self, n_rows: int) -> tuple[str, ...]:
        """One new record id for each row, in order of time; none if nothing is recorded."""
        if self.recorder is None:
            return ()
        return self._ids.some(time.time_ns() // 1_000, n_rows)


def _fail(some: Sequence[Submission], error: StoreError) -> None:
    """If recording failed, no caller gets a prediction."""
    for one in some:
        if one.error is None:
            one.error = error


def _is_bulk(version: LoadedVersion, prepared: Prepared) -> bool:
    return prepared.n_rows > version.limits.rows_max


def _has_long_body(version: LoadedVersion, request: PredictRequest) -> bool:
    return len(request.body) > version.limits.body_max_bytes
