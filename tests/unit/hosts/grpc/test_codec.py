from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from podium.errors import InputError, MalformedBody
from podium.flow.format import ResponseData
from podium.hosts.grpc.codec import CONTENTS, GrpcCodec
from podium.hosts.grpc.schema import messages
from podium.outputs import Outputs
from podium.signature import Field, Signature

SIGNATURE = Signature(fields=(Field(name="age"), Field(name="plan", type="text")))


def asked(*inputs: tuple[str, str, list[int], Any], raw: Sequence[bytes] = ()) -> Any:
    message = messages()["ModelInferRequest"](model_name="trip", id="7", raw_input_contents=raw)
    for name, datatype, shape, cells in inputs:
        one = message.inputs.add(name=name, datatype=datatype, shape=shape)
        if cells is not None:
            getattr(one.contents, CONTENTS[datatype]).extend(cells)
    return message


def columns(message: Any) -> dict[str, list[object]]:
    found = GrpcCodec(message).decode(b"", "", SIGNATURE, rows_max=10)
    return {name: list(cells) for name, cells in found.columns.items()}


def test_typed_and_raw_contents_are_the_same_columns():
    typed = asked(("age", "FP64", [2, 1], [1.5, 2.0]), ("plan", "BYTES", [2], [b"a", "ü".encode()]))
    raw = asked(
        ("age", "FP64", [2, 1], None),
        ("plan", "BYTES", [2], None),
        raw=[np.array([1.5, 2.0]).tobytes(), b"\1\0\0\0a\2\0\0\0\xc3\xbc"],
    )

    assert columns(typed) == columns(raw) == {"age": [1.5, 2.0], "plan": ["a", "ü"]}


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (asked(("age", "FP64", [1], None), raw=[b"", b""]), "1 inputs, but 2 raw_input_contents"),
        (asked(("age", "FP64", [1], [1.0]), raw=[b""]), "has contents beside"),
        (asked(("age", "FP64", [1], None)), "has 0 elements, but its shape"),
        (asked(("age", "FP16", [1], None)), "0 elements"),
        (asked(("age", "COMPLEX", [1], None)), "unknown datatype 'COMPLEX'"),
        (asked(("age", "FP64", [-1], [1.0])), r"has the shape \[-1\]"),
        (asked(("age", "FP64", [2**40, 2**40], None), raw=[b""]), "mismatch"),
        (asked(("plan", "BYTES", [1], [b"\xff"])), "isn't UTF-8"),
        (asked(), "no inputs"),
        (messages()["ModelInferRequest"].FromString(b"\x2a\0" * 200_000), "columns were sent"),
        (messages()["ModelInferRequest"].FromString(b"\x32\0" * 200_000), "columns were sent"),
    ],
)
def test_a_tensor_that_is_not_what_it_says_is_refused(message, words):
    with pytest.raises(InputError, match=words):
        columns(message)


def test_contents_of_another_type_are_refused_with_where_they_belong():
    message = asked(("age", "FP64", [1], None))
    message.inputs[0].contents.fp32_contents.append(1.0)

    with pytest.raises(MalformedBody, match="its contents are in fp32_contents") as refused:
        columns(message)

    assert refused.value.hint == "send them in fp64_contents"


def test_what_is_not_done_here_is_refused_wherever_it_is_asked_for():
    region = asked(("age", "FP64", [1], None))
    region.inputs[0].parameters["shared_memory_region"].string_param = "mine"
    classes = asked(("age", "FP64", [1], [1.0]))
    classes.outputs.add(name="prediction").parameters["classification"].int64_param = 3

    with pytest.raises(MalformedBody, match="'age' has the parameter shared_memory_region"):
        columns(region)
    with pytest.raises(MalformedBody, match="'prediction' has the parameter classification"):
        columns(classes)


@pytest.mark.parametrize("is_raw", [False, True])
def test_the_answer_comes_as_the_request_did(is_raw):
    request = asked(("age", "FP64", [1], None if is_raw else [1.0]), raw=[b"\0" * 8] * is_raw)
    data = ResponseData("trip", "3", SIGNATURE, Outputs(np.array([4.5])), ["the-id"])

    body, _ = GrpcCodec(request).encode(data, "", "")

    answer = messages()["ModelInferResponse"].FromString(body)
    assert (answer.model_name, answer.model_version, answer.id) == ("trip", "3", "7")
    assert [one.name for one in answer.outputs] == ["prediction", "id"]
    assert list(answer.outputs[0].shape) == [1, 1]
    assert list(answer.outputs[0].contents.fp64_contents) == ([] if is_raw else [4.5])
    expected = [np.array([4.5]).tobytes(), b"\6\0\0\0the-id"] if is_raw else []
    assert list(answer.raw_output_contents) == expected
