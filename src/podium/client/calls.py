"""The requests of the API as plain values: what is sent, and how the response is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from podium.client.answers import (
    Explanation,
    FeedbackOutcome,
    JobInfo,
    ModelInfo,
    ModelList,
    Prediction,
    Predictions,
)
from podium.errors import JobsError, SetupError, Unreachable

T = TypeVar("T")

_MEDIA = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_MODEL, _MODELS = msgspec.json.Decoder(ModelInfo), msgspec.json.Decoder(ModelList)
_ONE, _SEVERAL = msgspec.json.Decoder(Prediction), msgspec.json.Decoder(Predictions)
_OUTCOME, _JOB = msgspec.json.Decoder(FeedbackOutcome), msgspec.json.Decoder(JobInfo)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and what its response becomes.

    Attributes:
        read: the body of a response that is no problem, as a value, and whether it is a repeated
            one.
        file: what is sent in place of `body`.
        is_repeatable: whether it may be sent twice: it changes nothing, changes the same twice, or
            has an idempotency key. Otherwise it is sent again only if it never reached the server.
    """

    method: str
    path: str
    read: Callable[[bytes, bool], T]
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None
    is_repeatable: bool = True


def models() -> Call[tuple[ModelInfo, ...]]:
    """The models that the caller may see."""
    return Call("GET", "/api/models", lambda body, _: _value(_MODELS, body).models)


def model(name: str) -> Call[ModelInfo]:
    """Everything about one model."""
    return Call("GET", _path(name), lambda body, _: _value(_MODEL, body))


def predict_one(
    name: str, row: Mapping[str, Any], key: str, business_key: str = ""
) -> Call[Prediction]:
    """The prediction for a row."""

    def read(body: bytes, is_repeated: bool) -> Prediction:
        return msgspec.structs.replace(_value(_ONE, body), is_repeated=is_repeated)

    headers = _headers(key) | _business(business_key)
    return Call("POST", f"{_path(name)}/predict", read, _json(row), headers=headers)


def predict_several(name: str, body: bytes, key: str) -> Call[Predictions]:
    """The predictions for the rows in a body of JSON."""

    def read(body: bytes, is_repeated: bool) -> Predictions:
        found = _value(_SEVERAL, body)
        found.versions, found.is_repeated = [found.version] * len(found), is_repeated
        return found

    return Call("POST", f"{_path(name)}/predict", read, body, headers=_headers(key))


def explain(
    name: str, row: Mapping[str, Any], output: str | None, label: Any | None
) -> Call[Explanation]:
    """Why the model answers as it does to a row."""
    asked = {"row": row, "output": output, "label": label}
    body = _json({key: value for key, value in asked.items() if value is not None})
    return Call("POST", f"{_path(name)}/explain", _explanation, body, headers=_headers(""))


def explain_record(record_id: str) -> Call[Explanation]:
    """The same for a recorded prediction."""
    return Call("GET", f"/api/records/{quote(record_id, safe='')}/explanation", _explanation)


def feedback_on(record_id: str, truth: Any, note: str) -> Call[None]:
    """Add what really happened to a record."""
    body = _json({"truth": truth, "note": note} if note else {"truth": truth})
    path = f"/api/records/{quote(record_id, safe='')}/feedback"
    return Call("PUT", path, lambda _body, _: None, body, headers=_headers(""))


def feedback(name: str, rows: Sequence[Mapping[str, Any]]) -> Call[FeedbackOutcome]:
    """Add what really happened to many records."""
    path = f"{_path(name)}/feedback"
    read = _OUTCOME
    return Call("POST", path, lambda body, _: _value(read, body), _json(rows), headers=_headers(""))


def start_job(name: str, file: Path, title: str | None, record: bool) -> Call[JobInfo]:
    """Score a file.

    Raises:
        SetupError: there is no such file.
    """
    if not file.is_file():
        raise SetupError(f"there is no file {file}", hint="pass the path of a file of rows")
    endings = [one for one in file.suffixes if one != ".gz"]
    media = _MEDIA.get(endings[-1].lower() if endings else "", "application/octet-stream")
    query = {"file": file.name, "record": "true" if record else "false"}
    query |= {} if title is None else {"name": title}
    headers = {"content-type": media}
    return Call(
        "POST",
        f"{_path(name)}/jobs",
        lambda body, _: _value(_JOB, body),
        query=query,
        headers=headers,
        file=file,
        is_repeatable=False,
    )


def job(name: str, job_id: str) -> Call[JobInfo]:
    """How far a job is."""
    return Call("GET", _job_path(name, job_id), lambda body, _: _value(_JOB, body))


def is_done(info: JobInfo) -> bool:
    """Whether a job is done.

    Raises:
        JobsError: it failed, or was cancelled.
    """
    if info.state in ("failed", "cancelled"):
        reason = f": {info.error}" if info.error else ""
        raise JobsError(f"the job {info.id} is {info.state}{reason}", hint=info.hint)
    return info.state == "done"


def pause_s(info: JobInfo) -> float:
    """How long to wait before asking again: a tenth of what is left, 0.1 to 10 seconds."""
    return min(max(0.1, (info.seconds_left or 2.0) / 10), 10.0)


def end_job(name: str, job_id: str) -> Call[None]:
    """Cancel a job, or delete one that has ended, with its files."""
    return Call("DELETE", _job_path(name, job_id), lambda _body, _: None)


def job_file(name: str, job_id: str, which: str) -> Call[None]:
    """A file of a job: its `results`, or the `refused` rows."""
    return Call("GET", f"{_job_path(name, job_id)}/{which}", lambda _body, _: None)


def columns_body(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Rows by columns, as a body of JSON."""
    return _json(columns)


def rows_body(n_rows: int) -> bytes:
    """So many rows without any value."""
    return _json([{}] * n_rows)


def _explanation(body: bytes, _is_repeated: bool) -> Explanation:
    found = _value(_OBJECT, body)
    return Explanation(
        model=found.get("model", ""),
        version=found.get("version", ""),
        output=found.get("output", ""),
        label=found.get("label"),
        details=found,
    )


def _value(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreachable(
            f"the response can't be read: {error}",
            hint="look at the address: another program may answer there",
        ) from error


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _headers(key: str) -> dict[str, str]:
    found = {"content-type": "application/json", "accept": "application/json"}
    return found | {"idempotency-key": key} if key else found


def _business(key: str) -> dict[str, str]:
    # As UTF-8, which the server takes it for; a header has bytes, not letters.
    return {"podium-key": key.encode().decode("latin-1")} if key else {}


def _path(name: str) -> str:
    return f"/api/models/{quote(name, safe='')}"


def _job_path(name: str, job_id: str) -> str:
    return f"{_path(name)}/jobs/{quote(job_id, safe='')}"
