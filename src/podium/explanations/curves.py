"""How an answer depends on one field: the other fields stay, and this one takes other values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from podium.bundle.baseline import Histogram
from podium.signature import Field, Label
from podium.signature.cells import column_for
from podium.signature.infer import json_value
from podium.table import Array, Table, plain_values

# Evenly spaced values between the quantiles, so that a long tail has a line, too.
N_EVEN = 9
# Nobody compares more categories than this.
CATEGORIES_MAX = 30


@dataclass(frozen=True, slots=True)
class Grid:
    """The values that a field takes for its curve.

    Attributes:
        cells: in the normal form of the field, in order: numbers and times ascending.
        labels: the same as JSON values.
    """

    cells: Array
    labels: tuple[Label | None, ...]


def grid_of(field: Field, histogram: Histogram | None) -> Grid | None:
    """The values of a field that are worth asking about, most of them where the data is.

    Numbers and times are the edges of the training data's quantile bins, with a few evenly spaced
    ones; categories are the most frequent ones. A field that may be missing also has None, last.

    None for texts, and if nothing is known about the field's values.

    Args:
        histogram: of the field's training values.
    """
    cells: list[object]
    if field.type == "boolean":
        cells = [False, True]
    elif field.type == "category":
        cells = list(field.labels[:CATEGORIES_MAX])
    elif field.type == "text" or histogram is None:
        return None
    else:
        cells = plain_values(_between(field, histogram))
    if len(cells) < 2:
        return None
    if field.missing == "accept":
        cells = [*cells, None]
    return Grid(column_for(field, cells), tuple(json_value(cell, field) for cell in cells))


def varied(row: Table, field: Field, grid: Grid) -> Table:
    """The row once for each value of the grid, and nothing else changed.

    Args:
        row: one row, in the normal forms of its fields.
    """
    n = len(grid.labels)
    columns = {name: np.repeat(column, n) for name, column in row.columns.items()}
    columns[field.name] = grid.cells
    return Table(columns, n, row.dtypes, row.frame, row.levels)


def varied_each(row: Table, grids: Sequence[tuple[Field, Grid]]) -> Table:
    """The row itself, and then `varied` for each field: one table, for one call of the model."""
    return Table.concat([row, *(varied(row, field, grid) for field, grid in grids)])


def _between(field: Field, histogram: Histogram) -> Array:
    """Ascending numbers within the training data, or times; bundles of old have no quantile bins."""
    # Without quantile bins the last edge may lie a step of a double above the greatest value.
    cuts = np.asarray(histogram.cuts or histogram.edges[:-1], np.float64)
    if len(cuts) < 2:
        return cuts
    is_few = len(cuts) <= N_EVEN  # every value that occurs: nothing lies between
    even = cuts if is_few else np.linspace(cuts[0], cuts[-1], N_EVEN)
    numbers = _within(field, np.concatenate([cuts, even]))
    if field.type == "float":
        return np.unique(numbers)
    if field.type == "integer":
        return np.unique(np.round(numbers)).astype(np.int64)
    unit = "D" if field.type == "date" else "us"
    return np.unique(numbers.astype("datetime64[s]").astype(f"datetime64[{unit}]"))


def _within(field: Field, numbers: Array) -> Array:
    """Those that the field accepts."""
    low, high = field.bounds.minimum, field.bounds.maximum
    if isinstance(low, (int, float)):
        numbers = numbers[numbers >= low]
    if isinstance(high, (int, float)):
        numbers = numbers[numbers <= high]
    return numbers
