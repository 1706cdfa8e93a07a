"""Outputs become tensors, of the datatypes and shapes that the metadata announces."""

from __future__ import annotations

import numpy as np
import pytest

from podium.errors import MalformedBody
from podium.flow.format import ResponseData
from podium.outputs import Outputs
from podium.protocols.oip.outputs import check_wanted, input_specs, output_specs, output_tensors
from podium.signature import Category, Field, Output, Signature

FIELDS = (
    Field(name="weight"),
    Field(name="age", type="integer"),
    Field(name="member", type="boolean"),
    Field(name="since", type="date"),
    Field(name="plan", type="category", categories=(Category("a"), Category("b"))),
    Field(name="floor", type="category", categories=(Category(1), Category(2))),
)
SPECIES = Output(task="classification", classes=("x", "y"), has_probabilities=True)
CASES = {
    "regression": (Output(), Outputs(np.array([1.5, 2]))),
    "labels": (SPECIES, Outputs(np.array(["x", "y"], object), np.eye(2))),
    "numbers": (
        Output(task="anomaly", classes=(-1, 1), words=("outlier", "normal"), score="distance"),
        Outputs(np.array([-1, 1]), scores=np.array([0.5, 1])),
    ),
    "booleans": (
        Output(task="classification", classes=(False, True)),
        Outputs(np.array([True, False])),
    ),
    "mixed": (
        Output(task="classification", classes=("x", 1)),
        Outputs(np.array(["x", 1], object)),
    ),
    "values": (Output(task="value"), Outputs(np.array([{"a": 1}, [2]], object))),
}


def response(outputs: tuple[Output, ...], predicted: Outputs, *, ids=("i1", "i2")) -> ResponseData:
    signature = Signature(fields=FIELDS, outputs=outputs)
    return ResponseData("model", "1", signature, predicted, ids)


@pytest.mark.parametrize("case", CASES)
def test_tensors_are_what_the_metadata_announces(case: str):
    output, predicted = CASES[case]
    data = response((output,), predicted)

    specs = output_specs(data.signature, has_ids=True)

    found = output_tensors(data)
    announced = [(one.name, one.datatype, one.width) for one in specs]
    assert [(one.name, one.datatype, one.width) for one in found] == announced
    assert {one.n_rows for one in found} == {2}
    assert all(len(one.values()) == 2 * one.width for one in found)
    assert all(one.raw() for one in found)


def test_values_are_those_of_the_model():
    found = {
        one.name: one.values() for one in output_tensors(response((SPECIES,), CASES["labels"][1]))
    }
    texts = output_tensors(response((CASES["values"][0],), CASES["values"][1]))

    assert found["prediction"] == ["x", "y"]
    assert found["probabilities"] == [1, 0, 0, 1]
    assert found["id"] == ["i1", "i2"]
    assert texts[0].values() == ['{"a":1}', "[2]"]


def test_several_outputs_are_several_tensors():
    both = (Output(name="low"), Output(name="high"))
    data = response(both, Outputs(np.array([[1.0, 2], [3, 4]])), ids=())

    found = {one.name: one.values() for one in output_tensors(data)}

    assert found == {"prediction_low": [1, 3], "prediction_high": [2, 4]}


def test_only_the_wanted_outputs_are_returned_in_the_order_of_the_request():
    data = response((SPECIES,), CASES["labels"][1], ids=())

    found = output_tensors(data, ["id", "prediction", "id"])

    assert [(one.name, one.values()) for one in found] == [
        ("id", ["", ""]),
        ("prediction", ["x", "y"]),
    ]


def test_an_output_that_the_model_doesnt_have_is_refused():
    signature = Signature(fields=FIELDS)

    with pytest.raises(MalformedBody, match="unexpected inference output 'nope' for model 'm'"):
        check_wanted(signature, "m", ["prediction", "nope"])


def test_every_type_of_field_has_a_datatype():
    specs = input_specs(Signature(fields=FIELDS))

    assert [one.datatype for one in specs] == ["FP64", "INT64", "BOOL", "BYTES", "BYTES", "INT64"]
    assert specs[0].shape == [-1, 1]
