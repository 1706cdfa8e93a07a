"""Predictions as texts of a CSV, which Arrow writes as Python does."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from podium.scoring.arrow import coded, texts_of
from podium.scoring.rows import Predicted

EDGES = [0.0, -0.0, 1e-4, 9.999e-5, 1e10, 9999999999.5, 1e16, -1e-5, 5e-324, 1e308, 0.1, 1 / 3]


@given(st.lists(st.floats(allow_nan=False) | st.floats(-1e12, 1e12), max_size=30))
@example(EDGES)
@example([float("inf"), -12345678.9, 100.0])
def test_numbers_are_written_as_python_writes_them(numbers: list[float]):
    written = texts_of(Predicted("p", float, np.array(numbers, np.float64)))

    assert written.to_pylist() == [repr(number) for number in numbers]


def test_refused_rows_are_empty_and_what_isnt_plain_is_left_to_the_csv_module():
    assert texts_of(Predicted("p", float, [1.0, None])).to_pylist() == ["1.0", ""]
    assert texts_of(Predicted("p", str, ["a", None, ""])).to_pylist() == ["a", "", ""]
    assert texts_of(Predicted("p", int, np.array([7, -1]))).to_pylist() == ["7", "-1"]
    assert texts_of(Predicted("p", float, [1, 2.5])) is None
    assert texts_of(Predicted("p", str, ["a", 'b"'])) is None
    assert texts_of(Predicted("p", str, ["a", 1])) is None
    assert texts_of(Predicted("p", object, [{}])) is None


def test_a_dictionary_keeps_those_words_alone_that_some_row_has():
    import pyarrow as pa

    words = [f"w{n}" for n in range(3_000)]
    array = pa.DictionaryArray.from_arrays(pa.array([2, None, 2_999, 2]), words)

    found = coded(array)

    assert found.cells == ["w2", "w2999", None]
    assert [found[row] for row in range(4)] == ["w2", None, "w2999", "w2"]
    assert len(found[1:3]) == 2
