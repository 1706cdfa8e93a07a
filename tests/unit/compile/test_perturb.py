"""Rows that were changed in many ways make one table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from podium.compile.perturb import Perturbed, together
from podium.table import Table, plain_values

TABLE = Table.of({"n": np.arange(4), "x": np.arange(4) / 2, "c": ["a", "b", "c", "d"]})


def rows(*places: int) -> NDArray[np.intp]:
    return np.array(places, np.intp)


def test_each_group_has_its_own_cells_and_those_of_its_rows():
    both = {"n": np.array([7]), "c": np.array([None], object)}
    groups = [
        Perturbed("c", TABLE, rows(3, 1), {"c": np.array(["?", "!"], object)}),
        Perturbed("beside", TABLE, rows(0), {}),
        Perturbed("both", TABLE, rows(2), both),
        Perturbed("x", TABLE, rows(1, 1), {"x": np.array([np.nan, 9.0])}),
    ]

    table = together(groups)

    assert {name: plain_values(column) for name, column in table.columns.items()} == {
        "n": [3, 1, 0, 7, 1, 1],
        "x": [1.5, 0.5, 0.0, 1.0, None, 9.0],
        "c": ["?", "!", "a", None, "b", "b"],
    }
    assert table.columns["n"].dtype == np.int64
    assert table.n_rows == 6


def test_columns_of_another_type_are_joined_as_those_of_tables_are():
    groups = [
        Perturbed("n", TABLE, rows(0), {"n": np.array([None], object)}),
        Perturbed("beside", TABLE, rows(1), {}),
    ]

    column = together(groups).columns["n"]

    expected = Table.concat([together(groups[:1]), together(groups[1:])]).columns["n"]
    np.testing.assert_array_equal(column, expected)
    assert column.dtype == expected.dtype == np.float64
