"""Single rows of KServe's and MLflow's clients: read as their codecs read them, or not at all."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression

import podium
from podium.flow.job import BatchOutputs
from podium.flow.prepare import prepare
from podium.flow.record import inputs_of
from podium.flow.request import PredictRequest
from podium.flow.response import respond
from podium.flow.run import run
from podium.flow.version import LoadedVersion
from podium.protocols.instance_rows import kserve_rows, mlflow_rows
from podium.protocols.kserve.protocol import V1Codec
from podium.protocols.mlflow.codec import ScoringCodec

ID = "0" * 32
CODECS = {"kserve": (kserve_rows, V1Codec()), "mlflow": (mlflow_rows, ScoringCodec())}


@podium.model
def offers(
    age: Annotated[int, podium.Range(0, 120)],
    plan: Literal["basic", "pro"],
    is_new: bool,
    score: float | None = None,
    note: str | None = None,
) -> float:
    """What is offered."""
    return age + len(note or "") + (score or 0) + is_new + (plan == "pro")


GOOD: dict[str, dict[str, Any]] = {
    "offers": {"age": 41, "plan": "pro", "is_new": True, "score": None, "note": "hello"},
    "line": {"x": 1.5, "z": 2.5},
    "one": {"x": 1.5},
    "flags": {"x": 1.5, "z": 2.5},
    "odd": {"x": 1.5, "z": 2.5},
    "groups": {"x": 1.5, "z": 2.5},
    "two": {"x": 1.5, "z": 2.5},
}


@pytest.fixture(scope="module")
def versions() -> dict[str, LoadedVersion]:
    x, z = np.random.default_rng(0).normal(2, 1, (2, 200))
    line = pd.DataFrame({"x": x, "z": z})
    fitted = {
        "line": (LinearRegression().fit(line, x * 2), line),
        "one": (LinearRegression().fit(line[["x"]], x * 2), line[["x"]]),
        "flags": (LogisticRegression().fit(line, x + z > 4), line),
        "odd": (IsolationForest(n_estimators=5, random_state=0).fit(line), line),
        "groups": (KMeans(3, n_init=1, random_state=0).fit(line), line),
        "two": (LinearRegression().fit(line, np.column_stack([x, z])), line),
    }
    packed = {
        name: podium.pack(model, rows, name=name, importance=False)
        for name, (model, rows) in fitted.items()
    }
    packed["offers"] = podium.pack(offers, name="offers")
    return {name: LoadedVersion(bundle) for name, bundle in packed.items()}


def slow(version: LoadedVersion, body: bytes, codec: Any) -> tuple[bytes, bytes]:
    """What is recorded of a row, and the response."""
    request = PredictRequest(body, "application/json", codec=codec)
    prepared = prepare(version, request)
    outputs = run(version.runtime, prepared.table)
    response, _ = respond(version, request.context, prepared, outputs, [ID])
    (inputs,) = inputs_of(version, prepared)
    return inputs, response.body


def fast(version: LoadedVersion, body: bytes, make: Any) -> tuple[bytes, bytes] | None:
    """The same; None where the row isn't read."""
    found = version.row_codec(make).read(body)
    if found is None:
        return None
    row, write = found
    outputs = run(version.runtime, version.reader.table([row]))
    of_row = BatchOutputs(version.signature, outputs).lists().row(0)
    return msgspec.json.encode(row), write(*of_row, ID)


def requests(row: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Common requests for a row, by the protocol that has them."""
    cells = list(row.values())
    arrays = [{"instances": [cells]}] if len(row) > 1 else []
    split = {"columns": list(row), "data": [cells]}
    return {
        "kserve": [{"instances": [row]}, *arrays],
        "mlflow": [
            *({key: [row]} for key in ("instances", "inputs", "dataframe_records")),
            *arrays,
            {"dataframe_split": split},
            {"dataframe_split": split | {"index": [0]}},
        ],
    }


@pytest.mark.parametrize("protocol", CODECS)
@pytest.mark.parametrize("name", GOOD)
def test_common_rows_are_read_and_get_the_same_bytes(versions, name, protocol):
    make, codec = CODECS[protocol]

    for value in requests(GOOD[name])[protocol]:
        body = json.dumps(value).encode()
        assert fast(versions[name], body, make) == slow(versions[name], body, codec), body


@pytest.mark.parametrize("protocol", CODECS)
@pytest.mark.parametrize(
    "body",
    [
        b'{"instances": [{"x": 1.5, "z": 2.5}, {"x": 1.5, "z": 2.5}]}',
        b'{"instances": [{"x": 1.5, "z": 2.5}], "parameters": {}}',
        b'{"instances": [{"x": 1.5, "z": 2.5, "other": 1}]}',
        b'{"instances": [{"x": 1.5, "z": NaN}]}',
        b'{"instances": [{"x": 1.5, "z": 1e9}]}',
        b'{"instances": [[1.5]]}',
        b'{"instances": []}',
        b'{"dataframe_split": {"columns": ["z", "x"], "data": [[1.5, 2.5]]}}',
        b"[",
        b"\xff",
    ],
)
def test_what_is_unusual_is_left_to_the_codec(versions, body, protocol):
    assert fast(versions["line"], body, CODECS[protocol][0]) is None


CELLS = (
    st.floats(0, 4)
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([0, -0.0, 3.0, True, None, "pro", "", "\x00", "é", "1", [1.5], 1e9])
)


@pytest.mark.parametrize("protocol", CODECS)
@pytest.mark.parametrize("name", ["offers", "flags"])
@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_read_gets_the_bytes_of_the_codec(versions, name, protocol, data):
    make, codec = CODECS[protocol]
    row = GOOD[name] | data.draw(st.dictionaries(st.sampled_from([*GOOD[name], "y"]), CELLS))
    for gone in data.draw(st.lists(st.sampled_from(list(row)), max_size=1)):
        row.pop(gone, None)
    body = json.dumps(data.draw(st.sampled_from(requests(row)[protocol]))).encode()

    found = fast(versions[name], body, make)

    event("read" if found else "left")
    if found is not None:
        assert found == slow(versions[name], body, codec)
