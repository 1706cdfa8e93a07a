"""The client of a server, for programs without an event loop."""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self, overload

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
from podium.client.connection import Attempts, connection_to, request_of, value_of
from podium.client.failures import moved
from podium.client.feedback import FeedbackRows
from podium.client.retries import Retries
from podium.client.rows import Rows, check, rows_of
from podium.errors import InputError, InvalidRows, TimedOut
from podium.plugins import needs

TIMEOUT_S = 30.0


class Table(Protocol):
    """A table of pandas, polars or pyarrow."""

    @property
    def columns(self) -> Any:
        """The columns, or their names."""


class DataclassRow(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class Client:
    """A client of a Podium server.

    Requests that fail for a moment are sent again: when no connection comes about or one breaks, and
    on the statuses 429, 502, 503 and 504. Predictions have an idempotency key then, so that a
    repeated request gets the same response and adds no second record.

    A client may be used by several threads. Use it in a `with` block, or close it.

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
        self._http = httpx.Client(**self._connection.options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<podium.Client of {self._connection.address}>"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def models(self) -> tuple[ModelInfo, ...]:
        """The models that the caller may see, without their fields."""
        return self.call(calls.models())

    def model(self, name: str) -> Model:
        """A model, whose fields are read from the server.

        Raises:
            NotFound: there is none.
        """
        return Model(self, self.call(calls.model(name)))

    def explanation(self, record_id: str) -> Explanation:
        """Why a recorded prediction is as it is, on the version that made it."""
        return self.call(calls.explain_record(record_id))

    def give_feedback(self, record_id: str, truth: Any, *, note: str = "") -> None:
        """Add what really happened to a record.

        Raises:
            InvalidRows: the truth is none that the model could have predicted.
        """
        self.call(calls.feedback_on(record_id, truth, note))

    def call(self, call: Call[T]) -> T:
        """The result of a request, which is sent as often as needed.

        Raises:
            PodiumError: the server refuses it, or doesn't answer.
        """
        import httpx

        attempts = Attempts(self._connection.retries, call)
        while True:
            try:
                response = self._http.request(**request_of(call))
            except httpx.TransportError as error:
                wait_s = attempts.after_error(error)
            else:
                if response.is_success:
                    return value_of(call, response)
                wait_s = attempts.after(response)
            time.sleep(wait_s)

    def download(self, call: Call[Any], path: Path) -> Path:
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
                with self._http.stream(**request_of(call)) as response:
                    if response.is_success:
                        with part.open("wb") as file:
                            for piece in response.iter_bytes():
                                file.write(piece)
                        return part.replace(path)
                    response.read()
                    wait_s = attempts.after(response)
            except httpx.TransportError as error:
                wait_s = attempts.after_error(error)
            time.sleep(wait_s)

    def predict_batches(self, name: str, found: Iterator[Batch]) -> list[Predictions]:
        """The predictions of batches, in their order; several are under way at a time.

        Raises:
            PodiumError: one of them failed; those that weren't sent yet aren't.
        """
        pending: deque[Future[Predictions]] = deque()
        parts: list[Predictions] = []
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="podium-client") as threads:
            try:
                for batch in found:
                    if len(pending) >= self._parallel:
                        parts.append(pending.popleft().result())
                    pending.append(threads.submit(self._predict_batch, name, batch))
                parts += [one.result() for one in pending]
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        return parts

    def _predict_batch(self, name: str, batch: Batch) -> Predictions:
        try:
            return self.call(calls.predict_several(name, batch.body, batch.key))
        except InvalidRows as error:
            raise moved(error, batch.start) from None

    @property
    def sends_keys(self) -> bool:
        """Whether predictions have an idempotency key of their own."""
        return self._connection.retries.n_max > 0


class Model:
    """A model of a server. Created by `Client.model`.

    Attributes:
        info: what the server says about it; read again when rows don't fit its fields.
    """

    def __init__(self, client: Client, info: ModelInfo) -> None:
        self._client = client
        self.info = info

    def __repr__(self) -> str:
        return f"<model {self.info.name} of {self._client!r}>"

    @property
    def name(self) -> str:
        """Its name."""
        return self.info.name

    @overload
    def predict(
        self, rows: Mapping[str, Any] | DataclassRow, *, key: str = "", business_key: str = ""
    ) -> Prediction: ...

    @overload
    def predict(
        self,
        rows: Sequence[Mapping[str, Any] | DataclassRow] | Table,
        *,
        key: str = "",
        batch_rows: int | None = None,
    ) -> Predictions: ...

    def predict(
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
        found = self._checked(rows)
        if not key and self._client.sends_keys:
            key = new_key()
        if found.is_single:
            return self._client.call(calls.predict_one(self.name, found.row(0), key, business_key))
        if business_key:
            raise InputError(
                "a business key belongs to one row",
                hint="name the field that holds it in [feedback.MODEL] of the server's settings",
            )
        cut = batches(found, self.info.limits, batch_rows, key)
        return joined(self._client.predict_batches(self.name, cut))

    def explain(
        self, row: Mapping[str, Any] | DataclassRow, *, output: str | None = None, label: Any = None
    ) -> Explanation:
        """Why the model answers as it does to a row.

        Args:
            output: the name of the output, where there are several.
            label: the class whose probability is explained; the one that is predicted by default.
        """
        found = self._checked(row)
        if found.n_rows != 1:
            raise InputError(f"{found.n_rows} rows can't be explained at once", hint="pass one row")
        return self._client.call(calls.explain(self.name, found.row(0), output, label))

    def give_feedback(self, rows: object) -> FeedbackOutcome:
        """Add what really happened to many records.

        Args:
            rows: of `id`, or `key`, the business key; `truth`, and perhaps `note`: a list of dicts,
                or a table.
        """
        left = FeedbackRows(rows)
        while left.next:
            left.sent(self._client.call(calls.feedback(self.name, left.next)))
        return left.outcome

    def score_file(self, path: str | Path, *, name: str | None = None, record: bool = True) -> Job:
        """Send a file of rows, which the server scores in the background.

        Args:
            path: CSV, NDJSON, Parquet or Excel, by its ending.
            name: of the job.
            record: whether each row is recorded.

        Raises:
            SetupError: there is no such file.
        """
        return Job(
            self._client, self._client.call(calls.start_job(self.name, Path(path), name, record))
        )

    def job(self, job_id: str) -> Job:
        """A job that was started before.

        Raises:
            NotFound: there is none.
        """
        return Job(self._client, self._client.call(calls.job(self.name, job_id)))

    def _checked(self, given: object) -> Rows:
        """Rows that fit the fields; read again if they don't, as the version may have changed."""
        rows = rows_of(given)
        try:
            check(rows, self.info.signature.fields)
        except InvalidRows:
            earlier, self.info = self.info, self._client.call(calls.model(self.name))
            if self.info.signature == earlier.signature:
                raise
            check(rows, self.info.signature.fields)
        return rows


class Job:
    """A file that the server scores. Created by `Model.score_file`.

    Attributes:
        info: how far it was when the server was asked last.
    """

    def __init__(self, client: Client, info: JobInfo) -> None:
        self._client = client
        self.info = info

    def __repr__(self) -> str:
        return f"<job {self.info.id}: {self.info.state}>"

    def refresh(self) -> JobInfo:
        """How far it is now."""
        self.info = self._client.call(calls.job(self.info.model, self.info.id))
        return self.info

    def wait(self, *, timeout_s: float | None = None) -> Self:
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
            time.sleep(min(calls.pause_s(self.info), left_s))
            self.refresh()
        return self

    def download(self, path: str | Path) -> Path:
        """Write the scored file, once the job is done."""
        return self._file("results", path)

    def download_refused(self, path: str | Path) -> Path:
        """Write the rows without a prediction, and why, as CSV."""
        return self._file("refused", path)

    def end(self) -> None:
        """Cancel it; or delete it with its files, if it has ended."""
        self._client.call(calls.end_job(self.info.model, self.info.id))

    def _file(self, which: str, path: str | Path) -> Path:
        return self._client.download(
            calls.job_file(self.info.model, self.info.id, which), Path(path)
        )
