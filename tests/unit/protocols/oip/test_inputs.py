"""Input tensors become columns: one for each field, or one for all of them."""

from __future__ import annotations

import pytest

from podium.errors import InvalidRows, MalformedBody, TooLarge
from podium.protocols.oip.inputs import decoded
from podium.protocols.oip.tensors import of_values
from podium.signature import Field, Signature

TWO = Signature(fields=(Field(name="a"), Field(name="b")))
ONE = Signature(fields=(Field(name="a"),))


def numbers(name: str, *shape: int):
    n_cells = shape[0] * (shape[1] if len(shape) > 1 else 1)
    return of_values(name, "FP64", shape, [float(i) for i in range(n_cells)])


def columns(signature: Signature, *tensors):
    found = decoded(signature, tensors, rows_max=10)
    return {name: list(cells) for name, cells in found.columns.items()}


def test_a_tensor_for_each_field_in_any_order_and_of_both_shapes():
    found = columns(TWO, numbers("b", 2, 1), numbers("a", 2))

    assert found == {"a": [0, 1], "b": [0, 1]}


def test_one_tensor_holds_all_fields_in_their_order():
    assert columns(TWO, numbers("input-0", 3, 2)) == {"a": [0, 2, 4], "b": [1, 3, 5]}
    assert columns(TWO, numbers("a", 1, 2)) == {"a": [0], "b": [1]}


def test_the_tensor_of_an_only_field_may_have_any_name():
    assert columns(ONE, numbers("input-0", 2)) == columns(ONE, numbers("a", 2, 1))


def test_names_that_are_no_fields_are_left_to_the_validation():
    found = decoded(TWO, [numbers("a", 1), numbers("c", 1)], rows_max=10)

    assert found.others == ["c"]
    assert decoded(TWO, [numbers("c", 3)], rows_max=10).others == ["c"]


@pytest.mark.parametrize(
    ("tensors", "word"),
    [
        ([], "no inputs"),
        ([numbers("x", 2, 3)], r"has the shape \[2, 3\]"),
        ([numbers("x", 2)], r"has the shape \[2\]"),
        ([numbers("a", 2), numbers("b", 3)], "'b' has 3 rows, while 'a' has 2"),
        ([numbers("a", 2), numbers("a", 2)], "'a' was sent twice"),
        ([numbers("a", 2), numbers("x", 2, 2)], r"has the shape \[2, 2\]"),
    ],
)
def test_shapes_that_are_no_columns_are_refused(tensors, word):
    with pytest.raises(MalformedBody, match=word):
        decoded(TWO, tensors, rows_max=10)


def test_too_many_rows_and_none_are_refused():
    with pytest.raises(TooLarge):
        decoded(TWO, [numbers("a", 11)], rows_max=10)
    with pytest.raises(InvalidRows, match="no rows"):
        decoded(TWO, [numbers("a", 0, 2)], rows_max=10)
