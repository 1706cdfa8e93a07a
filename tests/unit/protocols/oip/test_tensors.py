"""Tensors: datatypes, shapes, binary data and plain values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import MalformedBody
from podium.protocols.oip.tensors import BYTES, DTYPES, Tensor, of_raw, of_values


@pytest.mark.parametrize("datatype", DTYPES)
def test_binary_data_of_every_datatype_is_read_as_numpy_wrote_it(datatype: str):
    sent = np.array([0, 1, 1], DTYPES[datatype])

    tensor = of_raw("x", datatype, [3, 1], sent.tobytes())

    assert tensor.values() == sent.tolist()
    assert tensor.raw() == sent.tobytes()


def test_an_integer_beyond_int64_stays_what_it_is():
    most = np.array([2**64 - 1], "<u8")

    assert of_raw("x", "UINT64", [1], most.tobytes()).values() == [2**64 - 1]


def test_a_nan_in_binary_data_is_a_missing_value_of_the_table():
    sent = np.array([1.5, math.nan], "<f4")

    cells = of_raw("x", "FP32", [2], sent.tobytes()).cells

    assert isinstance(cells, np.ndarray)
    assert cells.dtype == np.float64
    assert math.isnan(cells[1])


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_texts_survive_binary_data(texts: list[str]):
    tensor = Tensor("x", BYTES, (len(texts), 1), texts)

    assert of_raw("x", BYTES, tensor.shape, tensor.raw()).values() == texts


@given(st.binary(max_size=40), st.integers(0, 9))
def test_any_bytes_are_texts_or_are_refused(data: bytes, n_cells: int):
    try:
        tensor = of_raw("x", BYTES, [n_cells], data)
    except MalformedBody:
        return
    assert len(tensor.cells) == n_cells
    assert tensor.raw() == data


def test_columns_of_a_tensor_are_read_row_by_row():
    tensor = of_values("x", "INT64", [2, 3], [1, 2, 3, 4, 5, 6])

    assert [list(tensor.column(place)) for place in range(3)] == [[1, 4], [2, 5], [3, 6]]


@pytest.mark.parametrize(
    ("datatype", "shape", "values", "word"),
    [
        ("FP128", [1], [1.0], "unknown datatype 'FP128'"),
        ("FP64", [2], [1.0], "1 elements, but its shape [2] has 2"),
        ("FP64", [], [1.0], "the shape []"),
        ("FP64", [1, 1, 1], [1.0], "the shape [1, 1, 1]"),
        ("FP64", [-1, -1], [1.0], "the shape [-1, -1]"),
        ("INT64", [1], [1.5], "contains float"),
        ("INT64", [1], [True], "contains bool"),
        ("FP32", [1], ["1"], "contains str"),
        ("BOOL", [1], [1], "contains int"),
        ("BYTES", [1], [{}], "contains dict"),
        ("BYTES", [1], [b"\xff"], "isn't UTF-8"),
    ],
)
def test_values_that_dont_fit_are_refused(datatype, shape, values, word):
    with pytest.raises(MalformedBody) as error:
        of_values("x", datatype, shape, values)

    assert word in error.value.message
    assert "'x'" in error.value.message


@pytest.mark.parametrize(
    ("datatype", "data", "word"),
    [
        ("FP32", b"\0" * 7, "Expected 8, got 7"),
        ("BYTES", b"\0\0\0", "ends within an element"),
        ("BYTES", b"\x02\0\0\0a", "ends within an element"),
        ("BYTES", b"\0\0\0\0", "doesn't have the 2 elements"),
        ("BYTES", b"\0\0\0\0" * 3, "doesn't have the 2 elements"),
    ],
)
def test_binary_data_that_doesnt_fit_is_refused(datatype: str, data: bytes, word: str):
    with pytest.raises(MalformedBody, match=word):
        of_raw("x", datatype, [2], data)


def test_null_is_a_missing_value():
    assert of_values("x", "INT64", [2], [None, 1]).values() == [None, 1]
    assert math.isnan(of_values("x", "FP64", [1], [None]).values()[0])
