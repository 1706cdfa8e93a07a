"""Arrow streams: the same rows, the same answers, and no way to break the reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import podium
from podium.flow.formats.arrow import ARROW, stream_of
from podium.testing import Client

PREDICT = "/api/models/offers/predict"


@podium.model
def offers(age: int, income: float | None, plan: Literal["basic", "pro"]) -> float:
    """What is offered."""
    return (income or 0.0) / (1 + age) + (100 if plan == "pro" else 0)


ROWS: list[dict[str, Any]] = [
    {"age": 41, "income": 1000.5, "plan": "pro"},
    {"age": 7, "income": None, "plan": "basic"},
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home: Path = tmp_path_factory.mktemp("home")
    app = podium.App(offers, home=str(home))
    yield Client(app)
    app.close()


def post(client: Client, body: bytes, **headers: str) -> Any:
    return client.request("POST", PREDICT, body=body, headers={"content_type": ARROW} | headers)


def stream(rows: list[dict[str, Any]], schema: pa.Schema | None = None) -> bytes:
    table = pa.Table.from_pylist(rows, schema)
    return stream_of({name: table.column(name) for name in table.column_names})


def test_a_stream_gets_the_same_predictions_as_its_rows_in_json(client):
    told = post(client, stream(ROWS), accept="application/json").json()

    assert told["predictions"] == client.post(PREDICT, ROWS).json()["predictions"]


def test_a_stream_gets_a_stream_back(client):
    reply = post(client, stream(ROWS))

    table = pa.ipc.open_stream(reply.body).read_all()
    assert reply.media == ARROW
    assert table.column_names == ["prediction", "id"]
    assert table.column("prediction").to_pylist() == pytest.approx([1000.5 / 42 + 100, 0.0])


@pytest.mark.parametrize(
    "plan", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())]
)
@pytest.mark.parametrize("income", [pa.float64(), pa.float32(), pa.float16(), pa.int32()])
def test_narrower_types_are_read_too(client, plan, income):
    schema = pa.schema({"age": pa.int16(), "income": income, "plan": plan})
    rows = [{"age": 1, "income": 20, "plan": "basic"}]
    if pa.types.is_float16(income):
        import numpy as np

        rows = [{"age": 1, "income": np.float16(20), "plan": "basic"}]

    told = post(client, stream(rows, schema), accept="application/json").json()

    assert told["predictions"] == [10.0]


def test_bad_cells_are_named_as_in_json(client):
    bad = [{"age": None, "income": 1.0, "plan": "gold"}, {"age": 3, "income": 2.0, "plan": "pro"}]

    reply = post(client, stream(bad))

    assert reply.status == 422
    assert {(cell["row"], cell["field"]) for cell in reply.json()["cells"]} == {
        (0, "age"),
        (0, "plan"),
    }


def test_no_rows_and_too_many_are_refused(client):
    schema = pa.schema({"age": pa.int64(), "income": pa.float64(), "plan": pa.string()})

    assert post(client, stream([], schema)).status == 422
    assert post(client, stream(ROWS[:1] * 1_001)).status == 413


@pytest.mark.slow
@given(at=st.integers(0, 2_000), byte=st.integers(0, 255), end=st.integers(0, 2_000))
@settings(max_examples=400, deadline=None)
def test_a_damaged_stream_is_refused_or_read(client, at, byte, end):
    body = bytearray(stream(ROWS))
    body[at % len(body)] = byte

    for damaged in (bytes(body), bytes(body)[: end % len(body)]):
        assert post(client, damaged).status in (200, 400, 413, 422)
