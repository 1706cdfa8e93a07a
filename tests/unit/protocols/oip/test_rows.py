"""Single rows are read as `RestCodec` reads them, or not at all; and the responses are its bytes."""

from __future__ import annotations

import json
import re
from functools import partial
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
from podium.protocols.oip import rows
from podium.protocols.oip.rest import RestCodec
from podium.protocols.oip.rows import RestRows

ID = "0" * 32


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


GOOD: dict[str, dict[str, Any]] = {
    "offers": {
        "age": 41,
        "income": 1000.5,
        "plan": "pro",
        "is_new": True,
        "size": 2,
        "score": None,
        "note": "hello",
    },
    "line": {"x": 1.5, "z": 2.5},
    "mixed": {"x": 1.5, "n": 3},
    "counts": {"n": 3, "m": 4},
    "one": {"x": 1.5},
    "numbers": {"x": 1.5, "z": 2.5},
    "flags": {"x": 1.5, "z": 2.5},
    "odd": {"x": 1.5, "z": 2.5},
    "groups": {"x": 1.5, "z": 2.5},
    "two": {"x": 1.5, "z": 2.5},
}
KINDS = {float: "FP64", int: "INT64", str: "BYTES", bool: "BOOL", type(None): "FP64"}


def _packed() -> dict[str, podium.Bundle]:
    noise = np.random.default_rng(0)
    x, z = noise.normal(2, 1, 200), noise.normal(2, 1, 200)
    n, m = noise.integers(0, 9, 200), noise.integers(0, 9, 200)
    line, is_large = pd.DataFrame({"x": x, "z": z}), x + z > 4
    counts, mixed, one = (
        pd.DataFrame({"n": n, "m": m}),
        pd.DataFrame({"x": x, "n": n}),
        line[["x"]],
    )
    fitted = {
        "line": (LinearRegression().fit(line, x * 2), line),
        "mixed": (LinearRegression().fit(mixed, x * 2), mixed),
        "counts": (LinearRegression().fit(counts, x * 2), counts),
        "one": (LinearRegression().fit(one, x * 2), one),
        "numbers": (LogisticRegression().fit(line, np.where(is_large, 7, 3)), line),
        "flags": (LogisticRegression().fit(line, is_large), line),
        "odd": (IsolationForest(n_estimators=5, random_state=0).fit(line), line),
        "groups": (KMeans(3, n_init=1, random_state=0).fit(line), line),
        "two": (LinearRegression().fit(line, np.column_stack([x, z])), line),
    }
    packed = {
        name: podium.pack(model, rows, name=name, importance=False)
        for name, (model, rows) in fitted.items()
    }
    return packed | {"offers": podium.pack(offers, name="offers")}


@pytest.fixture(scope="module")
def versions() -> dict[str, LoadedVersion]:
    return {name: LoadedVersion(bundle) for name, bundle in _packed().items()}


@pytest.fixture(scope="module", autouse=True)
def unbounded():
    """Forms are learned however many there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "LEARNING_SHARE", 1.0)
        yield


def asked(row: dict[str, Any], **more: Any) -> bytes:
    inputs = [
        {"name": name, "shape": [1, 1], "datatype": KINDS.get(type(cell), "FP64"), "data": [cell]}
        for name, cell in row.items()
    ]
    return json.dumps({"inputs": inputs, **more}).encode()


def in_one(row: dict[str, Any], *, is_nested: bool = False) -> bytes:
    cells: list[Any] = list(row.values())
    whole = {"name": "x0", "shape": [1, len(cells)], "datatype": "FP64"}
    return json.dumps({"inputs": [whole | {"data": [cells] if is_nested else cells}]}).encode()


def slow(version: LoadedVersion, body: bytes) -> tuple[bytes, bytes]:
    """What is recorded of a row, and the response."""
    request = PredictRequest(body, "application/json", codec=RestCodec(version.name))
    prepared = prepare(version, request)
    assert not prepared.warnings
    outputs = run(version.runtime, prepared.table)
    response, _ = respond(version, request.context, prepared, outputs, [ID])
    (inputs,) = inputs_of(version, prepared)
    return inputs, response.body


def fast(version: LoadedVersion, body: bytes) -> tuple[bytes, bytes] | None:
    """The same; None where the row isn't read."""
    found = version.row_codec(RestRows).read(body)
    if found is None:
        return None
    row, write = found
    outputs = run(version.runtime, version.reader.table([row]))
    of_row = BatchOutputs(version.signature, outputs).lists().row(0)
    return msgspec.json.encode(row), write(*of_row, ID)


@pytest.mark.parametrize("name", [name for name in GOOD if name != "two"])
def test_common_rows_are_read_and_get_the_same_bytes(versions, name):
    version, row = versions[name], GOOD[name]
    bodies = [asked(row), asked(row, id="7"), asked(row, parameters={"content_type": "pd"})]
    bodies.append(asked(dict(reversed(row.items()))))
    if name not in ("offers", "one"):
        bodies += [in_one(row), in_one(row, is_nested=True), asked(row)]

    for body in bodies:
        assert fast(version, body) == slow(version, body), body


@pytest.mark.parametrize(
    "body",
    [
        asked(GOOD["line"], outputs=[{"name": "prediction"}]),
        asked(GOOD["line"], parameters={"binary_data_output": True}),
        asked(GOOD["line"] | {"x": "1.5"}),
        asked(GOOD["line"] | {"x": 1e9}),
        asked(GOOD["line"] | {"other": 1.5}),
        asked({"x": 1.5}),
        in_one(GOOD["line"] | {"other": 1.5}),
        asked(GOOD["line"]).replace(b"FP64", b"INT64"),
        asked(GOOD["line"], id=None),
        b'{"inputs": [%b, %b]}' % ((asked({"x": 1.5})[12:-2],) * 2),
        b"",
        b"{",
        b"\xff",
    ],
)
def test_what_is_unusual_is_left_to_the_codec(versions, body):
    assert fast(versions["line"], body) is None


def test_a_model_with_several_outputs_is_left_to_the_codec(versions):
    assert fast(versions["two"], asked(GOOD["two"])) is None


NUMBERS = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(0, 4)
    | st.integers(-(2**70), 2**70)
    | st.integers(0, 9)
    | st.sampled_from([0, -0.0, 1.0, 3.0, True, None])
)
CELLS = NUMBERS | st.sampled_from(["pro", "basic", "", "\x00", "é", "1"]) | st.just([1.5])
DATATYPES = st.sampled_from(["FP64", "FP32", "FP16", "INT64", "UINT8", "BOOL", "BYTES", "fp64", 1])
SHAPES = st.sampled_from([[1], [1, 1], [1, 1, 1], [1, 2], [2, 1], [0], [], [1.0], [True], None])


VALUES = {
    "datatype": DATATYPES,
    "shape": SHAPES,
    "name": st.sampled_from(["x", "z", "note", "é", ""]),
    "parameters": st.sampled_from(
        [{}, None, {"content_type": "np"}, {"classification": 1}, {"x": 1}, []]
    ),
    "data": CELLS.map(lambda cell: [cell]) | st.lists(CELLS, max_size=2) | st.just([[1.5]]),
}
PARTS = st.sampled_from(sorted(VALUES)).flatmap(
    lambda key: st.fixed_dictionaries({key: VALUES[key]})
)


@st.composite
def bodies(draw: st.DrawFn, name: str) -> bytes:
    """Good requests with some parts changed, left out or repeated."""
    row = GOOD[name]
    forms = [asked, asked, in_one, partial(in_one, is_nested=True)]
    form = draw(st.sampled_from(forms[:2] if name in ("offers", "one") else forms))
    inputs = draw(st.permutations(json.loads(form(row))["inputs"]))
    if draw(st.booleans()):
        one = draw(st.sampled_from(inputs))
        one |= draw(PARTS)
    extra = draw(st.sampled_from([0] * 9 + [-1, 1]))
    inputs = [*inputs, inputs[0]][: len(inputs) + extra]
    more = draw(st.fixed_dictionaries({}, optional={"id": st.text(max_size=3)}))
    text = json.dumps({"inputs": inputs, **more})
    n_letters = draw(st.integers(0, 20 * len(text)))
    return text[: n_letters or None].encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("name", GOOD)
@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_read_gets_the_bytes_of_the_codec(versions, name, data):
    body = data.draw(bodies(name))

    found = fast(versions[name], body)

    event("read" if found else "left")
    if found is not None:
        assert found == slow(versions[name], body)


# What may stand where a cell does, in JSON or not.
TOKENS = """
1 | 1.0 | -0 | 01 | 1e3 | 1e999 | NaN | null | true | {} | [1] | [ | ] | } | 1] | 1} | 1, 2 | 1, | ,1 | | 1 1 | %
"pro" | "pro | "\\u0000" | "\\n" | "\\x" | "é" | "a]" | "a", "b" | 1, "z": 2 | 1, "x": 2 | "a", "note": "b"
1], "data": [2 | "a"], "id": "b | 1], "data": [2], "shape": [1, 1], "x": [3 | \x00 | %s | %b | "%s" | "" | " | '1'
"""


@pytest.mark.parametrize("name", ["offers", "line", "mixed", "counts", "numbers"])
@pytest.mark.parametrize("form", ["by field", "with an id", "flat", "nested"])
def test_a_known_form_takes_no_other_values_than_the_codec(versions, name, form):
    version, row = versions[name], GOOD[name]
    if form in ("flat", "nested"):
        body = in_one(row, is_nested=form == "nested").decode()
    else:
        body = asked(row, **({"id": "me"} if form == "with an id" else {})).decode()
    fast(version, body.encode())
    n_read = 0
    for place in re.finditer(r'(?<=[\[ ])([\d.]+|true|null|"\w+")(?=[,\]])|"me"', body):
        for token in re.split(r"[|\n]", TOKENS):
            for one in (token, token.strip()):
                other = f"{body[: place.start()]}{one}{body[place.end() :]}".encode()
                found = fast(version, other)
                n_read += found is not None
                assert found is None or found == slow(version, other)
    assert n_read or (name, form) in {("offers", "flat"), ("offers", "nested")}
