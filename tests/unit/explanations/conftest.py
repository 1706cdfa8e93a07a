"""Shapley values by brute force, as their definition reads."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import combinations
from math import comb

import numpy as np
import pytest
from numpy.typing import NDArray

from podium.table import Table

Predict = Callable[[Table], NDArray[np.float64]]
BruteForce = Callable[[Predict, Table, Table], dict[str, float]]


@pytest.fixture(scope="session")
def brute_force() -> BruteForce:
    return shapley_values


def shapley_values(predict: Predict, background: Table, row: Table) -> dict[str, float]:
    """The contribution of each field to the number of the first row, over all coalitions."""
    names = background.names
    coalitions = [
        frozenset(some) for size in range(len(names) + 1) for some in combinations(names, size)
    ]
    numbers = predict(Table.concat([mixed(background, row, some) for some in coalitions]))
    worth = dict(
        zip(coalitions, numbers.reshape(len(coalitions), -1).mean(axis=1).tolist(), strict=True)
    )
    contributions = dict.fromkeys(names, 0.0)
    for coalition, value in worth.items():
        for name in coalition:
            share = 1 / (len(names) * comb(len(names) - 1, len(coalition) - 1))
            contributions[name] += share * (value - worth[coalition - {name}])
    return contributions


def mixed(background: Table, row: Table, own: Collection[str]) -> Table:
    """The background rows, with some fields of the explained row."""
    both = Table.concat([row, background])
    columns = {
        name: column[[0] * background.n_rows] if name in own else column[1:]
        for name, column in both.columns.items()
    }
    return Table(columns, background.n_rows, background.dtypes, background.frame, background.levels)
