"""The client of a server, for programs with an event loop."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, overload

from podium.client import calls
from podium.client.answers import (
    Explanation,
    FeedbackOutcome,
    JobInfo,
    ModelInfo,
    Prediction,
    Predictions,
    joined,
)
from podium.client.batches import PARALLEL, Batch, batches, new_key
from podium.client.calls import Call, T
from podium.client.client import TIMEOUT_S, DataclassRow, Table
from podium.client.connection import Attempts, connection_to, request_of, value_of
from podium.client.failures import moved
from podium.client.feedback import FeedbackRows
from podium.client.retries import Retries
from podium.client.rows import Rows, check, rows_of
from podium.errors import InputError, InvalidRows, TimedOut
from podium.plugins import needs


class AsyncClient:
    """A client of a Podium server.

    Requests that fail for a moment are sent again: when no connection comes about or one breaks, and
    on the statuses 429, 502, 503 and 504. Predictions have an idempotency key then, so that a
    repeated request gets the same response and adds no second record.

    A client belongs to one event loop. Use it in an `async with` block, or close it.

    Args:
        address: of the server, `https://models.example.org`, with the prefix that Podium is mounted
            under, if there is one.
        token: an API token; by default that in the environment variable `PODIUM_TOKEN`.
        timeout_s: for connecting, and for each wait for bytes.
        retries: how often a request is sent again, or how exactly; with 0, predictions have no
            idempotency key unless you pass one, which is faster.
        parallel: how many requests of a long input are under way at once.
        verify: whether the server's certificate is checked, or the context that checks it.

    Raises:
        SetupError: an argument can't be used.
        MissingExtra: httpx isn't installed.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | int = Retries(),  # noqa: B008 - frozen
        parallel: int = PARALLEL,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._connection = connection_to(address, token, timeout_s, retries, verify, parallel)
        self._parallel = parallel
        with needs("client"):
            import httpx
        self._http = httpx.AsyncClient(**self._connection.options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<podium.AsyncClient of {self._connection.address}>"

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models that the caller may see, without their fields."""
        return await self.call(calls.models())

    async def model(self, name: str) -> AsyncModel:
        """A model, whose fields are read from the server.

        Raises:
            NotFound: there is none.
        """
        return AsyncModel(self, await self.call(calls.model(name)))

    async def explanation(self, record_id: str) -> Explanation:
        """Why a recorded prediction is as it is, on the version that made it."""
        return await self.call(calls.explain_record(record_id))

    async def give_feedback(self, record_id: str, truth: Any, *, note: str = "") -> None:
        """Add what really happened to a record.

        Raises:
            InvalidRows: the truth is none that the model could have predicted.
        """
        await self.call(calls.feedback_on(record_id, truth, note))

    async def call(self, call: Call[T]) -> T:
        """The result of a request, which is sent as often as needed.

        Raises:
            PodiumError: the server refuses it, or doesn't answer.
        """
        import httpx

        attempts = Attempts(self._connection.retries, call)
        while True:
            try:
                response = await self._http.request(**request_of(call, is_async=True))
            except httpx.TransportError as error:
                wait_s = attempts.after_error(error)
            else:
                if response.is_success:
                    return value_of(call, response)
                wait_s = attempts.after(response)
            await asyncio.sleep(wait_s)

    async def download(self, call: Call[Any], path: Path) -> Path:
        """Write the body of a response to a file, which appears when it is complete.

        Raises:
            PodiumError: as `call`.
        """
        import httpx

        attempts, part = (
            Attempts(self._connection.retries, call),
            path.with_name(path.name + ".part"),
        )
        while True:
            try:
                async with self._http.stream(**request_of(call, is_async=True)) as response:
                    if response.is_success:
                        with await asyncio.to_thread(part.open, "wb") as file:
                            async for piece in response.aiter_bytes():
                                await asyncio.to_thread(file.write, piece)
                        return part.replace(path)
                    await response.aread()
                    wait_s = attempts.after(response)
            except httpx.TransportError as error:
                wait_s = attempts.after_error(error)
            await asyncio.sleep(wait_s)

    async def predict_batches(self, name: str, found: Iterator[Batch]) -> list[Predictions]:
        """The predictions of batches, in their order; several are under way at a time.

        Raises:
            PodiumError: one of them failed; those that weren't sent yet aren't.
        """
        pending: deque[asyncio.Task[Predictions]] = deque()
        parts: list[Predictions] = []
        try:
            for batch in found:
                if len(pending) >= self._parallel:
                    parts.append(await pending.popleft())
                pending.append(asyncio.create_task(self._predict_batch(name, batch)))
            while pending:
                parts.append(await pending.popleft())
        finally:
            for one in pending:
                one.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        return parts

    async def _predict_batch(self, name: str, batch: Batch) -> Predictions:
        try:
            return await self.call(calls.predict_several(name, batch.body, batch.key))
        except InvalidRows as error:
            raise moved(error, batch.start) from None

    @property
    def sends_keys(self) -> bool:
        """Whether predictions have an idempotency key of their own."""
        return self._connection.retries.n_max > 0


class AsyncModel:
    """A model of a server. Created by `AsyncClient.model`.

    Attributes:
        info: what the server says about it; read again when rows don't fit its fields.
    """

    def __init__(self, client: AsyncClient, info: ModelInfo) -> None:
        self._client = client
        self.info = info

    def __repr__(self) -> str:
        return f"<model {self.info.name} of {self._client!r}>"

    @property
    def name(self) -> str:
        """Its name."""
        return self.info.name

    @overload
    async def predict(
        self, rows: Mapping[str, Any] | DataclassRow, *, key: str = "", business_key: str = ""
    ) -> Prediction: ...

    @overload
    async def predict(
        self,
        rows: Sequence[Mapping[str, Any] | DataclassRow] | Table,
        *,
        key: str = "",
        batch_rows: int | None = None,
    ) -> Predictions: ...

    async def predict(
        self,
        rows: object,
        *,
        key: str = "",
        business_key: str = "",
        batch_rows: int | None = None,
    ) -> Prediction | Predictions:
        """The prediction for a row, or those for several.

        Args:
            rows: one row: a dict, a dataclass, a named tuple, an object of pydantic or msgspec; or
                several: a list of these, or a table of pandas, polars or pyarrow. A value that is
                None, NaN, NaT or NA is missing.
            key: an idempotency key: the same rows with the same key get the same predictions, and
                are recorded once, also by another process. By default a new one.
            business_key: your own name for what is predicted, by which feedback can be given; for
                one row.
            batch_rows: the most rows of one request; by default as many as the server takes of
                everybody. More than that needs a token.

        Raises:
            InvalidRows: some cells don't fit the fields of the model, or the server refuses them;
                `cells` lists them. Of a long input, other rows may have been recorded.
            PodiumError: what else the server refuses; or it doesn't answer.
        """
        found = await self._checked(rows)
        if not key and self._client.sends_keys:
            key = new_key()
        if found.is_single:
            return await self._client.call(
                calls.predict_one(self.name, found.row(0), key, business_key)
            )
        if business_key:
            raise InputError(
                "a business key belongs to one row",
                hint="name the field that holds it in [feedback.MODEL] of the server's settings",
            )
        cut = batches(found, self.info.limits, batch_rows, key)
        return joined(await self._client.predict_batches(self.name, cut))

    async def explain(
        self, row: Mapping[str, Any] | DataclassRow, *, output: str | None = None, label: Any = None
    ) -> Explanation:
        """Why the model answers as it does to a row.

        Args:
            output: the name of the output, where there are several.
            label: the class whose probability is explained; the one that is predicted by default.
        """
        found = await self._checked(row)
        if found.n_rows != 1:
            raise InputError(f"{found.n_rows} rows can't be explained at once", hint="pass one row")
        return await self._client.call(calls.explain(self.name, found.row(0), output, label))

    async def give_feedback(self, rows: object) -> FeedbackOutcome:
        """Add what really happened to many records.

        Args:
            rows: of `id`, or `key`, the business key; `truth`, and perhaps `note`: a list of dicts,
                or a table.
        """
        left = FeedbackRows(rows)
        while left.next:
            left.sent(await self._client.call(calls.feedback(self.name, left.next)))
        return left.outcome

    async def score_file(
        self, path: str | Path, *, name: str | None = None, record: bool = True
    ) -> AsyncJob:
        """Send a file of rows, which the server scores in the background.

        Args:
            path: CSV, NDJSON, Parquet or Excel, by its ending.
            name: of the job.
            record: whether each row is recorded.

        Raises:
            SetupError: there is no such file.
        """
        return AsyncJob(
            self._client,
            await self._client.call(calls.start_job(self.name, Path(path), name, record)),
        )

    async def job(self, job_id: str) -> AsyncJob:
        """A job that was started before.

        Raises:
            NotFound: there is none.
        """
        return AsyncJob(self._client, await self._client.call(calls.job(self.name, job_id)))

    async def _checked(self, given: object) -> Rows:
        """Rows that fit the fields; read again if they don't, as the version may have changed."""
        is_one = isinstance(given, Mapping)
        rows = rows_of(given) if is_one else await asyncio.to_thread(rows_of, given)
        try:
            check(rows, self.info.signature.fields)
        except InvalidRows:
            earlier, self.info = self.info, await self._client.call(calls.model(self.name))
            if self.info.signature == earlier.signature:
                raise
            check(rows, self.info.signature.fields)
        return rows


class AsyncJob:
    """A file that the server scores. Created by `AsyncModel.score_file`.

    Attributes:
        info: how far it was when the server was asked last.
    """

    def __init__(self, client: AsyncClient, info: JobInfo) -> None:
        self._client = client
        self.info = info

    def __repr__(self) -> str:
        return f"<job {self.info.id}: {self.info.state}>"

    async def refresh(self) -> JobInfo:
        """How far it is now."""
        self.info = await self._client.call(calls.job(self.info.model, self.info.id))
        return self.info

    async def wait(self, *, timeout_s: float | None = None) -> Self:
        """Wait until it is done.

        Raises:
            TimedOut: it isn't, after that time; it goes on.
            JobsError: it failed, or was cancelled.
        """
        until_s = time.monotonic() + (float("inf") if timeout_s is None else timeout_s)
        while not calls.is_done(self.info):
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise TimedOut(f"the job is {self.info.state}", hint="wait again: it goes on")
            await asyncio.sleep(min(calls.pause_s(self.info), left_s))
            await self.refresh()
        return self

    async def download(self, path: str | Path) -> Path:
        """Write the scored file, once the job is done."""
        return await self._file("results", path)

    async def download_refused(self, path: str | Path) -> Path:
        """Write the rows without a prediction, and why, as CSV."""
        return await self._file("refused", path)

    async def end(self) -> None:
        """Cancel it; or delete it with its files, if it has ended."""
        await self._client.call(calls.end_job(self.info.model, self.info.id))

    async def _file(self, which: str, path: str | Path) -> Path:
        return await self._client.download(
            calls.job_file(self.info.model, self.info.id, which), Path(path)
        )
