"""Whatever is read quickly is read as the codec reads it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import podium
from podium.flow.prepare import prepare, read_row
from podium.flow.record import inputs_of
from podium.flow.request import PredictRequest
from podium.flow.version import LoadedVersion
from podium.hosts.grpc.codec import CONTENTS, GrpcCodec
from podium.hosts.grpc.quick import json_of
from podium.hosts.grpc.schema import messages

CODES = {
    "FP64": "d",
    "FP32": "f",
    "FP16": "e",
    "INT64": "q",
    "UINT64": "Q",
    "INT8": "b",
    "BOOL": "?",
}


@podium.model
def offers(
    age: Annotated[int, podium.Range(0, 120)],
    income: float,
    plan: Literal["basic", "pro"],
    is_new: bool,
    size: Literal[1, 2, 3],
    score: float | None = None,
    note: str | None = None,
) -> float:
    """What is offered."""
    return income + age + len(note or "") + (score or 0) + size + is_new + (plan == "pro")


@podium.model
def line(x: float, z: Annotated[float, podium.Range(0, 9)]) -> float:
    """A line."""
    return x + z


OFFER = {
    "age": ("INT64", 41),
    "income": ("FP64", 1000.5),
    "plan": ("BYTES", b"pro"),
    "is_new": ("BOOL", True),
    "size": ("INT64", 2),
    "note": ("BYTES", "grüß".encode()),
}
LINE = {"x": ("FP64", 1.5), "z": ("FP32", 2.5)}


@pytest.fixture(scope="module")
def versions() -> dict[str, LoadedVersion]:
    return {
        one.__name__: LoadedVersion(podium.pack(one, name=one.__name__)) for one in (offers, line)
    }


def raw_of(datatype: str, *cells: Any) -> bytes:
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(cell)) + cell for cell in cells)
    return struct.pack(f"<{len(cells)}{CODES[datatype]}", *cells)


def asked(
    row: Mapping[str, tuple[str, Any]], *, is_raw: bool, shape: tuple[int, ...] = (1, 1)
) -> Any:
    message = messages()["ModelInferRequest"](model_name="any")
    for name, (datatype, cell) in row.items():
        one = message.inputs.add(name=name, datatype=datatype, shape=shape)
        if is_raw:
            message.raw_input_contents.append(raw_of(datatype, cell))
        else:
            getattr(one.contents, CONTENTS[datatype]).append(cell)
    return message


def in_one(*cells: float, is_raw: bool) -> Any:
    message = messages()["ModelInferRequest"](model_name="any")
    one = message.inputs.add(name="all", datatype="FP64", shape=[1, len(cells)])
    if is_raw:
        message.raw_input_contents.append(raw_of("FP64", *cells))
    else:
        one.contents.fp64_contents.extend(cells)
    return message


def quickly(version: LoadedVersion, message: Any) -> bytes | None:
    """What is recorded of a row; None where it isn't read."""
    body = json_of(message, version.signature)
    found = None if body is None else read_row(version, body)
    return None if found is None else inputs_of(version, found)[0]


def slowly(version: LoadedVersion, message: Any) -> bytes:
    """The same, of the codec's row."""
    prepared = prepare(version, PredictRequest(b"", "", codec=GrpcCodec(message)))
    assert prepared.n_rows == 1
    assert not prepared.warnings
    (inputs,) = inputs_of(version, prepared)
    return inputs


@pytest.mark.parametrize("is_raw", [False, True])
def test_common_rows_are_read(versions, is_raw):
    row = asked(OFFER, is_raw=is_raw)
    wanted = asked(LINE, is_raw=is_raw, shape=(1,))
    wanted.outputs.add(name="prediction")

    found = quickly(versions["offers"], row)

    assert found == slowly(versions["offers"], row)
    assert msgspec.json.decode(found) == {
        "age": 41,
        "income": 1000.5,
        "plan": "pro",
        "is_new": True,
        "size": 2,
        "score": None,
        "note": "grüß",
    }
    assert quickly(versions["line"], wanted) == slowly(versions["line"], wanted)
    assert quickly(versions["line"], in_one(1.5, 2.5, is_raw=is_raw)) == b'{"x":1.5,"z":2.5}'


def changed(**parts: Any) -> Any:
    message = asked(LINE, is_raw=False)
    message.MergeFrom(messages()["ModelInferRequest"](**parts))
    return message


@pytest.mark.parametrize(
    "message",
    [
        asked(LINE | {"x": ("FP64", float("nan"))}, is_raw=True),
        asked(LINE | {"z": ("FP64", float("inf"))}, is_raw=False),
        asked(LINE | {"z": ("FP64", 10.0)}, is_raw=False),
        asked(LINE | {"x": ("BYTES", b"1.5")}, is_raw=False),
        asked(LINE | {"x": ("BYTES", b"\xff")}, is_raw=True),
        asked(LINE | {"other": ("FP64", 1.0)}, is_raw=False),
        asked({"x": ("FP64", 1.5)}, is_raw=False),
        asked(LINE, is_raw=False, shape=(1, 1, 1)),
        in_one(1.0, 2.0, 3.0, is_raw=True),
        changed(raw_input_contents=[b"\0" * 8] * 2),
        changed(raw_input_contents=[b"\0" * 8]),
        changed(inputs=[{"name": "x", "shape": [1], "datatype": "FP64"}]),
        changed(outputs=[{"name": "nothing"}]),
        changed(
            outputs=[{"name": "prediction", "parameters": {"classification": {"int64_param": 1}}}]
        ),
        messages()["ModelInferRequest"](),
    ],
)
def test_what_is_unusual_is_left_to_the_codec(versions, message):
    assert quickly(versions["line"], message) is None


NUMBERS = st.integers(-2, 4) | st.sampled_from([120, 2**31 - 1, 2**62])
CELLS = {
    "FP64": st.floats() | NUMBERS.map(float),
    "FP32": st.floats(width=32),
    "INT64": NUMBERS,
    "UINT64": st.integers(0, 2**64 - 1) | st.integers(0, 9),
    "INT8": st.integers(-128, 127),
    "BOOL": st.booleans(),
    "BYTES": st.sampled_from(
        [b"pro", b"basic", b"", b"\0", b"1", b"2024-02-30", b"\xff", "é".encode()]
    ),
}
SHAPES = st.sampled_from([(1, 1)] * 6 + [(1,), (), (0,), (2,), (1, 2), (2, 1), (-1,)])


@st.composite
def requests(draw: st.DrawFn, name: str) -> Any:
    """Good requests with one cell changed, and some of their parts."""
    row: dict[str, tuple[str, Any]] = dict(
        draw(st.permutations(list((OFFER if name == "offers" else LINE).items())))
    )
    field = draw(st.sampled_from([*row, "score"]))
    datatype = draw(st.sampled_from(sorted(CELLS)))
    row[field] = (datatype, draw(CELLS[datatype]))
    message = asked(row, is_raw=draw(st.booleans()))
    one = message.inputs[draw(st.integers(0, len(message.inputs) - 1))]
    shape = draw(SHAPES)
    del one.shape[:]
    one.shape.extend(shape)
    if draw(st.integers(0, 5)) == 0:
        one.contents.int_contents.append(1)
    if draw(st.integers(0, 5)) == 0:
        one.datatype = draw(st.sampled_from(["", "FP16", "UINT32", "FP64"]))
    return message


@pytest.mark.parametrize("name", ["offers", "line"])
@given(data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_read_is_read_as_the_codec_reads_it(versions, name, data):
    message = data.draw(requests(name))

    found = quickly(versions[name], message)

    event("read" if found else "left")
    if found is not None:
        assert found == slowly(versions[name], message)
