"""Rows of other systems' clients: objects, arrays in the fields' order, values, and columns."""

from __future__ import annotations

import pytest

from podium.errors import InvalidRows, MalformedBody, TooLarge
from podium.flow.format import DecodeLimits
from podium.protocols.instances import decoded, json_object, of_arrays, only_key
from podium.signature import Field, Signature
from podium.signature.cells import ABSENT

TWO = Signature(fields=(Field(name="a"), Field(name="b")))
ONE = Signature(fields=(Field(name="a"),))


def columns(value: object, signature: Signature = TWO):
    found = decoded(value, signature, rows_max=3)
    return {name: list(cells) for name, cells in found.columns.items()}


@pytest.mark.parametrize(
    "value",
    [
        [{"a": 1, "b": "x"}, {"b": "y", "a": 2}],
        [[1, "x"], [2, "y"]],
        {"a": [1, 2], "b": ["x", "y"]},
        [{"a ": 1, "b": "x"}, {"a ": 2, "b": "y"}],
    ],
)
def test_rows_have_several_forms(value):
    assert columns(value) == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize("value", [[3, None], [[3], [None]], {"a": [3, None]}])
def test_an_only_field_needs_no_name(value):
    assert columns(value, ONE) == {"a": [3, None]}


def test_a_value_that_is_missing_in_an_object_is_absent():
    assert columns([{"a": 1}, {"b": 2}]) == {"a": [1, ABSENT], "b": [ABSENT, 2]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([[1, 2], [1]], "row 1: has 1 values"),
        ([[1, 2], [1, 2, 3]], "accepted: 2 values: a, b"),
        ([[1, 2], {"a": 1}], "isn't an array of values"),
        ([1, 2], "isn't an array of values"),
        ([{"a": 1}, [1, 2]], "isn't a row"),
        ({"a": [1, 2], "b": [1]}, "has 1 values, while a has 2"),
        ([], "there are no rows"),
        ({"a": [], "b": []}, "there are no rows"),
        ("text", "isn't a row"),
        (None, "isn't a row"),
    ],
)
def test_what_is_no_row_is_refused_with_its_number(value, text):
    with pytest.raises(InvalidRows) as error:
        decoded(value, TWO, rows_max=3)

    assert text in "; ".join(map(str, error.value.cells))


@pytest.mark.parametrize("value", [[[1, 2]] * 4, [{"a": 1}] * 4, {"a": [1] * 4, "b": [1] * 4}])
def test_more_rows_than_may_be_sent_are_refused(value):
    with pytest.raises(TooLarge):
        decoded(value, TWO, rows_max=3)
    with pytest.raises(TooLarge):
        decoded([1] * 4, ONE, rows_max=3)


def test_arrays_have_the_names_that_are_given_with_them():
    found = decoded({"a": 1, "z": 2}, TWO, rows_max=3)
    arrays = of_arrays([[1, 2, 3]], ["z", "b", "a"], DecodeLimits(frozenset("ab"), 3))

    assert found.others == ["z"]
    assert (arrays.columns, arrays.others) == ({"a": [3], "b": [2]}, ["z"])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"1", b"\xff", b'{"a": NaN}', b"[" * 50_000 + b"]" * 50_000]
)
def test_what_is_no_object_is_refused(body):
    with pytest.raises(MalformedBody) as error:
        json_object(body, 10, hint="send an object")

    assert error.value.hint == "send an object"


def test_exactly_one_of_the_keys_is_there():
    assert only_key({"b": 1, "c": 2}, ("a", "b"), hint="") == "b"
    for value in ({}, {"c": 1}, {"a": 1, "b": 2}):
        with pytest.raises(MalformedBody, match="exactly one of a, b"):
            only_key(value, ("a", "b"), hint="")
