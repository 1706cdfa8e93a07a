"""How a record writes a row: its inputs and its outcome."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis.strategies import (
    booleans,
    dictionaries,
    floats,
    integers,
    lists,
    none,
    one_of,
    sampled_from,
    text,
)

from podium.records.row import outcome_of, rows_json

NAMES = one_of(text(max_size=5), sampled_from(["__class__", "c0", 'a"', "b\\", "\n", "\u2028"]))
CELLS = one_of(none(), booleans(), integers(-(2**53), 2**53), floats(), text(max_size=5))


@given(floats())
@example(9.999999999999999e-05)
@example(1e-4)
@example(9999999999999998.0)
@example(1e16)
@example(-0.0)
def test_the_outcome_of_a_number_is_written_as_python_does(value: float) -> None:
    assert outcome_of(value)[0] == str(value)


@given(dictionaries(NAMES, lists(CELLS, min_size=3, max_size=3), max_size=5))
@example({f"x{place}": [1, None, "a"] for place in range(300)})
def test_rows_are_written_as_objects_are(columns: dict[str, list[Any]]) -> None:
    found = rows_json(list(columns), list(columns.values()), 3)

    rows = [{name: cells[at] for name, cells in columns.items()} for at in range(3)]
    assert found == [msgspec.json.encode(row) for row in rows]


@pytest.mark.parametrize("names", [["a", "b"], ['"', "b"]])
def test_columns_of_different_lengths_are_an_error(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"differ|shorter|longer"):
        rows_json(names, [[1, 2], [3]], 2)
    with pytest.raises(ValueError, match=r"differ|shorter|longer"):
        rows_json(names, [[1, 2]], 2)
