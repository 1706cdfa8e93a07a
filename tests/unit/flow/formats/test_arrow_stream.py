"""Streams that would become more than they are, or that no calendar and no field can hold."""

from __future__ import annotations

import datetime as dt
import decimal
import re
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import podium
from podium.flow.formats.arrow import ARROW
from podium.flow.formats.flatbuffer import FlatTable
from podium.testing import Client

N_BOMB_ROWS = 40_000_000


@podium.model
def offers(
    age: int,
    income: float | None = None,
    plan: Literal["basic", "pro"] = "pro",
    note: str | None = None,
    day: dt.date | None = None,
    at: dt.datetime | None = None,
) -> str:
    """What came."""
    return f"{age} {income} {plan} {len(note or '')} {day} {at}"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home: Path = tmp_path_factory.mktemp("home")
    app = podium.App(offers, home=str(home))
    yield Client(app)
    app.close()


def stream(table: pa.Table, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def post(client: Client, body: bytes) -> Any:
    headers = {"content_type": ARROW, "accept": "application/json"}
    return client.request("POST", "/api/models/offers/predict", body=body, headers=headers)


def table(**columns: Any) -> pa.Table:
    n_rows = max((len(cells) for cells in columns.values()), default=1)
    return pa.table({"age": list(range(n_rows)), "plan": ["pro"] * n_rows} | columns)


def viewed(text: str, n_rows: int) -> pa.Array:
    """A column of views that all show the same text."""
    (_, views, characters) = pa.array([text], pa.string_view()).buffers()
    many = pa.py_buffer(views.to_pybytes()[:16] * n_rows)
    return pa.Array.from_buffers(pa.string_view(), n_rows, [None, many, characters])


def with_shared_metadata() -> bytes:
    """A schema a thousand entries of which are one and the same, of half a megabyte."""
    entries = {"long": "x" * 500_000} | {f"k{i}": "" for i in range(1_000)}
    body = bytearray(stream(table(income=[1.0]).replace_schema_metadata(entries)))
    metadata = bytes(body[8 : 8 + int.from_bytes(body[4:8], "little")])
    schema = FlatTable.root(metadata).table(2)
    start = schema._follow(schema._position(2)) + 4
    longest = max(range(1_001), key=lambda i: pair_length(metadata, start + 4 * i))
    target = start + 4 * longest + int.from_bytes(metadata[start + 4 * longest :][:4], "little")
    for i in range(1_001):
        at = start + 4 * i
        if target > at:
            body[8 + at : 12 + at] = (target - at).to_bytes(4, "little")
    return bytes(body)


def pair_length(metadata: bytes, at: int) -> int:
    return len(FlatTable(metadata, at + int.from_bytes(metadata[at : at + 4], "little")).text(1))


BOMBS = {
    "nulls": lambda: stream(pa.table({"age": pa.nulls(N_BOMB_ROWS)})),
    "runs": lambda: stream(
        pa.table({"age": pa.RunEndEncodedArray.from_arrays(pa.array([N_BOMB_ROWS]), pa.array([1]))})
    ),
    "zstd": lambda: stream(pa.table({"age": np.zeros(N_BOMB_ROWS // 4)}), "zstd"),
    "lz4": lambda: stream(pa.table({"age": np.zeros(N_BOMB_ROWS // 4)}), "lz4"),
    "a long text": lambda: stream(table(note=["x" * 2**27]), "zstd"),
    "lists": lambda: stream(
        pa.table({"age": pa.FixedSizeListArray.from_arrays(pa.nulls(N_BOMB_ROWS), N_BOMB_ROWS)})
    ),
    "views": lambda: stream(table(note=viewed("x" * 500_000, 1_000))),
    "a dictionary": lambda: stream(
        table(note=pa.DictionaryArray.from_arrays([0] * 1_000, pa.array(["x" * 500_000])))
    ),
    "long dictionary": lambda: stream(
        table(note=pa.DictionaryArray.from_arrays(pa.array([0]), pa.nulls(N_BOMB_ROWS)))
    ),
    "columns": lambda: stream(pa.table({f"c{i}": [1] for i in range(5_000)})),
    "shared metadata": with_shared_metadata,
}


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
def test_nothing_is_expanded_before_it_is_counted(client, bomb):
    body = BOMBS[bomb]()
    post(client, stream(table()))  # what is made once isn't counted
    usual = pa.default_memory_pool()
    watched = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(watched)
    tracemalloc.start()

    status = post(client, body).status

    python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    pa.set_memory_pool(usual)
    assert len(body) < 2**20
    assert status in (413, 422)
    assert python + watched.max_memory() < 2**24


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (pa.array([[1]]), "is of the Arrow type 'list'"),
        (pa.array([{"a": 1}]), "is of the Arrow type 'struct'"),
        (pa.array([b"x"]), "is of the Arrow type 'binary'"),
        (pa.array([dt.time(1)]), "is of the Arrow type 'time'"),
        (pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([[1]])), "'list'"),
        (pa.array([{}], pa.map_(pa.string(), pa.int8())), "is of the Arrow type 'map'"),
        (pa.RunEndEncodedArray.from_arrays(pa.array([1]), pa.array([1])), "'run-end encoded'"),
    ],
    ids=str,
)
def test_a_column_of_a_type_that_no_field_takes_is_named(client, cells, problem):
    reply = post(client, stream(table(note=cells)))

    (cell,) = reply.json()["cells"]
    assert (reply.status, cell["field"]) == (422, "note")
    assert problem in cell["problem"]
    assert "dictionaries" in cell["accepted"]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("zone", [None, "Mars/Olympus"])
@pytest.mark.parametrize("moment", [2**62, -(2**62)])
def test_a_moment_beyond_the_calendar_is_named_with_its_row(client, unit, zone, moment):
    moments = pa.array([0, moment, None], pa.timestamp(unit, zone))

    reply = post(client, stream(table(at=moments)))

    (cell,) = reply.json()["cells"]
    assert (reply.status, cell["row"], cell["field"]) == (422, 1, "at")
    assert "outside the years 1 to 9999" in cell["problem"]


def test_a_day_beyond_the_calendar_is_named_with_its_row(client):
    reply = post(client, stream(table(day=pa.array([0, 2**31 - 1], pa.date32()))))

    (cell,) = reply.json()["cells"]
    assert (reply.status, cell["row"], cell["field"]) == (422, 1, "day")
    assert cell["value"] == "5881580-07-11"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"at": pa.array([1_700_000_000], pa.timestamp("s"))}, "2023-11-14 22:13:20"),
        ({"at": pa.array([1], pa.timestamp("ns"))}, "1970-01-01 00:00:00"),
        ({"at": pa.array([0], pa.timestamp("us", "Mars/Olympus"))}, "1970-01-01 00:00:00"),
        ({"at": pa.array([dt.date(2024, 2, 29)])}, "2024-02-29 00:00:00"),
        ({"day": pa.array([dt.date(2024, 2, 29)])}, "2024-02-29"),
        ({"day": pa.array([dt.date(2024, 2, 29)], pa.date64())}, "2024-02-29"),
        ({"income": pa.array([decimal.Decimal("1.50")])}, "1.5"),
        ({"income": pa.array([decimal.Decimal(15)], pa.decimal256(76, 1))}, "15.0"),
        ({"income": pa.nulls(1)}, "None"),
        ({"note": viewed("x" * 100, 1)}, "100"),
        ({"note": pa.DictionaryArray.from_arrays(pa.array([0]), pa.nulls(1))}, "0"),
        ({"note": pa.DictionaryArray.from_arrays(pa.array([None], pa.int8()), ["x"])}, "0"),
        (
            {"at": pa.DictionaryArray.from_arrays([0], pa.array([0], pa.timestamp("s")))},
            "1970-01-01 00:00:00",
        ),
    ],
    ids=lambda one: re.sub(r" at 0x\w+", "", str(one)),
)
def test_what_has_a_meaning_is_read(client, cells, told):
    reply = post(client, stream(table(**cells)))

    assert reply.status == 200, reply.body
    assert told in reply.json()["predictions"][0]


def test_unknown_columns_are_named_and_not_read(client):
    reply = post(client, stream(table(extra=["x"], more=[1.0])))

    assert [cell["field"] for cell in reply.json()["cells"]] == ["extra", "more"]


def samples() -> list[bytes]:
    whole = table(
        income=[1.0, None],
        note=pa.array(["x", "y"]).dictionary_encode(),
        at=pa.array([0, 1], pa.timestamp("us")),
    )
    seen = table(note=viewed("x" * 20, 3))
    return [stream(whole), stream(whole, "zstd"), stream(whole, "lz4"), stream(seen)]


SAMPLES = samples()
LIES = [struct.pack("<q", n) for n in (-1, -(2**63), 2**63 - 1, 2**40, 2**31 - 1, 0, 1, 1_001)]


@pytest.mark.slow
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(LIES)), min_size=1, max_size=3),
)
@settings(max_examples=1_000, deadline=None)
def test_a_stream_that_lies_about_its_lengths_is_refused_or_read(client, body, lies):
    lying = bytearray(body)
    for at, lie in lies:
        place = 4 * at % (len(lying) - 8)
        lying[place : place + 8] = lie

    assert post(client, bytes(lying)).status in (200, 400, 413, 422)


@pytest.mark.slow
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 4_000),
)
@settings(max_examples=1_000, deadline=None)
def test_a_stream_with_flipped_bytes_is_refused_or_read(client, body, flips, end):
    damaged = bytearray(body)
    for at, byte in flips:
        damaged[at % len(damaged)] = byte

    for some in (bytes(damaged), bytes(damaged)[: end % len(damaged)]):
        assert post(client, some).status in (200, 400, 413, 422)
