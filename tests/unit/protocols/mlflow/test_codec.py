"""Bodies of MLflow's scoring protocol: four forms of JSON, CSV, and the bare token NaN."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import InputError, InvalidRows, MalformedBody, UnsupportedMedia
from podium.protocols.mlflow.codec import ScoringCodec, without_nan
from podium.signature import Field, Signature

TWO = Signature(fields=(Field(name="a"), Field(name="b")))
CODEC = ScoringCodec()


def decoded(value: object, media: str = "application/json"):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return CODEC.decode(body, media, TWO, rows_max=5)


def columns(value: object, media: str = "application/json"):
    return {name: list(cells) for name, cells in decoded(value, media).columns.items()}


@pytest.mark.parametrize(
    "value",
    [
        {"dataframe_split": {"index": [7, 8], "columns": ["b", "a"], "data": [[2, 1], [4, 3]]}},
        {"dataframe_split": {"data": [[1, 2], [3, 4]]}},
        {"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]},
        {"instances": [{"a": 1, "b": 2}, {"a": 3, "b": 4}], "params": {"x": 1}},
        {"inputs": [[1, 2], [3, 4]]},
        {"inputs": {"a": [1, 3], "b": [2, 4]}},
    ],
)
def test_each_form_of_json_is_read(value):
    assert columns(value) == {"a": [1, 3], "b": [2, 4]}


def test_csv_has_a_header():
    found = columns(b"b,a,Unnamed: 0\n2,1,0\n", "text/csv")

    assert found == {"b": ["2"], "a": ["1"]}


def test_columns_that_are_no_fields_are_ignored_unless_a_field_is_missing():
    split = {"columns": ["a", "b", "target"], "data": [[1, 2, 3]]}

    assert decoded({"dataframe_split": split}).others == ()
    missing = split | {"columns": ["a", "B", "target"]}
    assert decoded({"dataframe_split": missing}).others == ["B", "target"]


def test_a_bare_nan_is_a_missing_value_and_nothing_within_a_text():
    body = b'{"dataframe_split": {"columns": ["a", "b"], "data": [[NaN, "NaN \\" NaN"], [NaN,"\\\\"]]}}'

    assert columns(body) == {"a": [None, None], "b": ['NaN " NaN', "\\"]}


VALUES = st.recursive(
    st.none()
    | st.floats(allow_infinity=False)
    | st.text(alphabet='aN"\\é', max_size=6)
    | st.just("NaN"),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(value=VALUES)
def test_what_python_writes_is_read_with_nulls_in_place_of_nan(value):
    def as_null(one):
        if isinstance(one, float):
            return None if math.isnan(one) else one
        if isinstance(one, list):
            return [as_null(each) for each in one]
        if isinstance(one, dict):
            return {name: as_null(each) for name, each in one.items()}
        return one

    text = json.dumps(value)

    assert json.loads(without_nan(text.encode()), parse_constant=pytest.fail) == as_null(value)


@pytest.mark.parametrize("body", [b'"\\"' * 200_000 + b"NaN", b'NaN"' + b'\\"' * 200_000 + b"\\"])
@pytest.mark.timeout(30)
def test_texts_without_an_end_take_no_longer(body):
    assert len(without_nan(body)) >= len(body)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", "isn't JSON"),
        (b'{"instances": [[Infinity, 1]]}', "isn't JSON"),
        (b"\xffNaN", "isn't JSON"),
        ([], "isn't a JSON object"),
        ({}, "it has no keys"),
        ({"messages": []}, "exactly one of dataframe_split"),
        ({"instances": [], "inputs": []}, "it has instances, inputs"),
        ({"dataframe_split": []}, "dataframe_split isn't a data frame"),
        ({"dataframe_split": {"columns": ["a", "b"]}}, "missing required field `data`"),
        ({"dataframe_split": {"columns": [0, 1], "data": [[1, 2]]}}, "Expected `str`, got `int`"),
        (
            {"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}},
            "two columns are called 'a'",
        ),
        ({"dataframe_split": {"columns": ["a", "b"], "data": [[1]]}}, "row 0: has 1 values"),
        ({"dataframe_split": {"columns": [], "data": []}}, "there are no rows"),
        ({"dataframe_records": {"a": 1}}, "isn't an array of objects"),
        ({"dataframe_records": [1]}, "isn't a row"),
        ({"inputs": 3}, "isn't a row"),
    ],
)
def test_what_is_no_request_is_refused(value, text):
    with pytest.raises((MalformedBody, InvalidRows)) as error:
        decoded(value)

    cells = getattr(error.value, "cells", ())
    assert text in "; ".join([error.value.message, *map(str, cells)])


def test_other_content_types_are_refused():
    with pytest.raises(UnsupportedMedia, match=r"vnd\.apache\.parquet"):
        decoded(b"", "application/vnd.apache.parquet")
    with pytest.raises(InputError):
        decoded(b"", "text/csv")
