"""What an encoder makes of each cell is found by transforming cells of all columns together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from podium.compile.exporters.probed import Probe, probed
from podium.compile.features import NotCompiled

CODES = {"a": 1.0, "b": 2.0, None: np.nan}


class Encoder:
    """Codes of each column, and one column that never changes."""

    def __init__(self, *, refuses: Sequence[Any] = (), together: bool = False) -> None:
        self.refuses, self.together, self.calls = refuses, together, 0

    def __call__(self, cells: Mapping[Any, Sequence[Any]]) -> Any:
        self.calls += 1
        if any((name, cell) in self.refuses for name, column in cells.items() for cell in column):
            raise ValueError("refused")
        columns = [[CODES.get(cell, -1.0) for cell in column] for column in cells.values()]
        numbers = np.array([*columns, [5.0] * len(columns[0])]).T
        return numbers.sum(axis=1, keepdims=True) if self.together else numbers


def probes(n_columns: int) -> list[Probe]:
    return [
        Probe(name=name, labels=("a", "b"), missing=None, unknown="?") for name in range(n_columns)
    ]


def test_each_column_has_its_places_and_the_first_one_those_that_never_change() -> None:
    first, second = probed(Encoder(), probes(2), [4, 7, 9])

    assert (first.places, second.places) == ([4, 9], [7])
    np.testing.assert_array_equal(first.table, [[1, 5], [2, 5]])
    np.testing.assert_array_equal(second.rows, [[1], [2], [np.nan], [-1]])


def test_hundreds_of_columns_take_a_few_calls() -> None:
    encoder = Encoder()

    found = probed(encoder, probes(300), range(301))

    assert encoder.calls < 10
    assert [one.unknown.tolist() for one in found[1:] if one.unknown is not None] == [[-1.0]] * 299


@pytest.mark.parametrize("n_columns", [3, 40])
def test_a_cell_that_one_column_refuses_is_refused_there_alone(n_columns: int) -> None:
    encoder = Encoder(refuses=[(1, "?")])

    found = probed(encoder, probes(n_columns), range(n_columns + 1))

    assert [one.unknown is None for one in found] == [i == 1 for i in range(n_columns)]


def test_what_all_columns_refuse_takes_a_few_calls() -> None:
    encoder = Encoder(refuses=[(column, None) for column in range(100)])

    found = probed(encoder, probes(100), range(101))

    assert encoder.calls < 10
    assert {one.missing for one in found} == {None}


def test_a_sum_of_columns_is_not_compiled() -> None:
    with pytest.raises(NotCompiled, match="depends on several columns"):
        probed(Encoder(together=True), probes(2), [0])
