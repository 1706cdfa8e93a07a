"""Example rows: those of the training data, or made up where it left none."""

from __future__ import annotations

import pytest

from podium.flow.formats import decode
from podium.flow.formats.csv_rows import CSV
from podium.flow.formats.forms import FORM
from podium.flow.formats.json_rows import JSON, LINES
from podium.flow.validate import validate
from podium.signature import Category, Field, Range, Signature
from podium.web.examples import example_rows, form_fields, json_bodies, text_bodies

FIELDS = [
    Field(name="a"),
    Field(name="b", bounds=Range(5, None)),
    Field(name="c", bounds=Range(None, -5)),
    Field(name="d", seen=Range(2.0, 4.0), outside="refuse"),
    Field(name="e", quantiles=(1.0, 2.0, 3.5, 4.0, 5.0)),
    Field(name="f", type="integer", bounds=Range(1, 2)),
    Field(name="g", type="integer"),
    Field(name="h", type="boolean"),
    Field(name="i", type="category", categories=(Category(3), Category(5))),
    Field(name="j", type="category", categories=(Category('a, "b"\nc'),)),
    Field(name="k", type="category", unknown="warn"),
    Field(name="l", type="text"),
    Field(name="m", type="text", max_length=2),
    Field(name="n", type="date"),
    Field(name="o", type="date", bounds=Range("2001-01-01", "2001-12-31")),
    Field(name="p", type="datetime"),
    Field(name="q", type="datetime", bounds=Range(None, "1999-01-01T00:00:00")),
    Field(name="r", missing="accept"),
]


@pytest.mark.parametrize("fields", [*[(one,) for one in FIELDS], tuple(FIELDS)])
def test_a_row_is_made_of_the_fields_that_they_take(fields):
    signature = Signature(fields=fields)

    (row,) = example_rows(signature)

    decoded = decode(b"{}", JSON, (), rows_max=1)
    table, _ = validate(
        signature,
        {name: [value] for name, value in row.items()},
        (),
        1,
        decoded.written,
        is_single=True,
        errors_max=9,
    )
    assert table.n_rows == 1


def test_rows_of_the_training_data_come_first():
    signature = Signature(
        fields=(Field(name="a"), Field(name="b", missing="accept")),
        examples=({"a": 1.0, "b": 2.0}, {"a": 3.0}, {"a": 4.0, "b": 5.0}),
    )

    bodies = json_bodies(signature)

    assert bodies["row"] == {"a": 1.0, "b": 2.0}
    assert bodies["rows"] == [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": None}]
    assert bodies["columns"] == {"a": [1.0, 3.0], "b": [2.0, None]}
    assert text_bodies(signature) == {
        CSV: "a,b\n1.0,2.0\n3.0,\n",
        LINES: '{"a":1.0,"b":2.0}\n{"a":3.0,"b":null}\n',
    }


def test_a_form_leaves_out_what_is_missing():
    signature = Signature(
        fields=(Field(name="a", missing="accept"), Field(name="b", type="boolean")),
        examples=({"a": None, "b": True},),
    )

    assert form_fields(signature) == {"b": "true"}


@pytest.mark.parametrize("media", [CSV, LINES])
def test_texts_hold_the_same_row(media):
    signature = Signature(fields=tuple(FIELDS))
    body = text_bodies(signature)[media].encode()

    decoded = decode(body, media, signature.names, rows_max=1)

    assert tuple(decoded.columns) == signature.names
    assert FORM not in text_bodies(signature)
