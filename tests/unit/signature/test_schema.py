"""Signatures as JSON Schema: what it accepts, and what it tells."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from podium.signature import Category, Field, Output, Range, Signature
from podium.signature.schema import (
    columns_schema,
    field_schema,
    output_schema,
    prediction_schema,
    row_schema,
)

PLANS = (Category("basic", 0.7), Category("pro", 0.3))


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (Field(name="x"), [1, 1.5, -1e300], ["1", True, None]),
        (Field(name="x", bounds=Range(0, 9.5)), [0, 9.5], [-0.1, 9.6]),
        (Field(name="x", seen=Range(0, 9)), [-1, 10], []),
        (Field(name="x", seen=Range(0, 9), outside="refuse"), [0, 9], [-1, 10]),
        (Field(name="x", missing="accept"), [1, None], ["1"]),
        (Field(name="x", missing="warn"), [1, None], ["1"]),
        (Field(name="x", type="integer"), [1, 1.0, 2**53], [1.5, 2**53 + 1, -(2**53) - 1]),
        (Field(name="x", type="integer", bounds=Range(0, 9)), [0, 9], [-1, 10]),
        (Field(name="x", type="boolean"), [True, False], [1, "true", None]),
        (Field(name="x", type="category", categories=PLANS), ["basic"], ["Basic", None]),
        (
            Field(name="x", type="category", categories=PLANS, missing="accept"),
            ["basic", None],
            ["Basic"],
        ),
        (
            Field(name="x", type="category", categories=PLANS, unknown="warn"),
            ["basic", "Basic"],
            [1, None, [], {}],
        ),
        (Field(name="x", type="text", max_length=3), ["", "abc"], ["abcd", 1]),
        (Field(name="x", type="date"), ["2024-03-01"], [20240301]),
    ],
)
def test_a_field_describes_what_it_accepts(field: Field, good: list[Any], bad: list[Any]):
    schema = field_schema(field)
    Draft202012Validator.check_schema(schema)

    takes = Draft202012Validator(schema).is_valid

    assert [value for value in good if not takes(value)] == []
    assert [value for value in bad if takes(value)] == []


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field(name="x"), None),
        (Field(name="x", unit="mm"), "In mm."),
        (
            Field(name="x", unit="mm", seen=Range(172.0, 230.5)),
            "Seen in training: 172 to 230.5 mm.",
        ),
        (Field(name="x", description=" Of it. ", unit="mm"), "Of it. In mm."),
        (
            Field(
                name="x", type="category", categories=(Category("b"), Category("a")), unknown="warn"
            ),
            "Seen in training: b, a.",
        ),
        (
            Field(name="x", type="category", categories=(Category("a"),), unknown="refuse"),
            None,
        ),
        (
            Field(name="x", type="date", bounds=Range("2001-01-01", "2001-12-31")),
            "Not before 2001-01-01. Not after 2001-12-31.",
        ),
        (
            Field(name="x", type="date", seen=Range("2001-01-01", "2001-12-31"), outside="refuse"),
            (
                "Seen in training: 2001-01-01 to 2001-12-31. "
                "Not before 2001-01-01. Not after 2001-12-31."
            ),
        ),
    ],
)
def test_a_field_describes_its_unit_and_its_range(field: Field, expected: str | None):
    assert field_schema(field).get("description") == expected


@pytest.mark.parametrize(("type_", "format_"), [("date", "date"), ("datetime", "date-time")])
def test_dates_and_times_name_their_format(type_: Any, format_: str):
    assert field_schema(Field(name="x", type=type_))["format"] == format_


def test_a_row_needs_what_may_not_be_missing_and_nothing_else():
    signature = Signature(fields=(Field(name="a"), Field(name="b", missing="accept")))

    takes = Draft202012Validator(row_schema(signature)).is_valid

    assert takes({"a": 1})
    assert takes({"a": 1, "b": None})
    assert not takes({"b": 1})
    assert not takes({"a": 1, "c": 1})


def test_examples_of_a_field_are_different_and_few():
    given = [True, True, 1, 2, None, 3, 4]
    signature = Signature(
        fields=(Field(name="a"),), examples=tuple({"a": value} for value in given)
    )

    assert row_schema(signature)["properties"]["a"]["examples"] == [True, 1, 2]


def test_nothing_at_all_is_a_row_and_no_columns():
    signature = Signature(fields=(Field(name="a", missing="accept"),))

    assert Draft202012Validator(row_schema(signature)).is_valid({})
    assert not Draft202012Validator(columns_schema(signature)).is_valid({})
    assert not Draft202012Validator(columns_schema(signature)).is_valid({"a": []})
    assert Draft202012Validator(columns_schema(signature)).is_valid({"a": [1, None]})


@pytest.mark.parametrize(
    ("output", "good", "bad"),
    [
        (Output(), [1, 1.5], ["1", None]),
        (Output(task="classification", classes=(0, 1)), [0, 1], [2, "0"]),
        (Output(task="classification", classes=("no", "yes")), ["no"], ["maybe"]),
        (Output(task="clustering"), [3, "a"], [None, []]),
        (Output(task="value"), [None, {"a": []}], []),
    ],
)
def test_an_output_describes_its_predictions(output: Output, good: list[Any], bad: list[Any]):
    signature = Signature(fields=(Field(name="a"),), outputs=(output,))

    gives = Draft202012Validator(prediction_schema(signature)).is_valid

    assert [value for value in good if not gives(value)] == []
    assert [value for value in bad if gives(value)] == []


def test_several_outputs_are_an_object():
    outputs = (Output(name="x"), Output(name="y", task="classification", classes=("a",)))
    signature = Signature(fields=(Field(name="a"),), outputs=outputs)

    gives = Draft202012Validator(output_schema(signature)).is_valid

    assert gives({"prediction": {"x": 1, "y": "a"}})
    assert not gives({"prediction": {"x": 1}})


def test_probabilities_are_shares_by_label():
    output = Output(task="classification", classes=(True, False), has_probabilities=True)
    signature = Signature(fields=(Field(name="a"),), outputs=(output,))

    gives = Draft202012Validator(output_schema(signature)).is_valid

    assert gives({"prediction": True, "probabilities": {"true": 0.9, "false": 0.1}})
    assert not gives({"prediction": True, "probabilities": {"true": 1.1, "false": 0.1}})
    assert not gives({"prediction": True, "probabilities": {"true": 0.9}})
    assert not gives({"prediction": True})
