"""Where a model's predictions jump, found by probing models that can't be inspected."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from podium.compile.perturb import changed
from podium.compile.trace import Split
from podium.errors import ModelError
from podium.outputs import Outputs
from podium.signature import NUMBERS, Field, Signature
from podium.table import Array, Table, is_missing, plain_values

# Halving a column's range this often ends between adjacent numbers in double precision.
HALVINGS = 70
# How many pairs of values are tried in each field.
PAIRS_MAX = 16
# How closely a candidate must agree next to a point where terms balance: closer to it, rounding
# decides.
NEAR = 1e-9
SECONDS_MAX = 5.0


def jumps_of(
    predict: Callable[[Table], Outputs],
    signature: Signature,
    table: Table,
    n_most: int,
    random: np.random.Generator,
) -> list[Split]:
    """Values at or near which the prediction changes.

    Between two values of a field with different predictions lies a point where they change, and
    halving finds it, to two adjacent numbers. If other rows also change between these two, it is a
    threshold on this field, and the point itself is returned. Otherwise several fields balance
    there, to rounding, and the points returned are beside it. If predictions change smoothly,
    halving ends anywhere, which does no harm.

    Args:
        predict: raises ModelError if it refuses rows.
        table: rows of the training data.
        n_most: the most points.
    """
    fields = [field for field in signature.fields if field.type in NUMBERS]
    n_pairs = min(PAIRS_MAX, n_most // max(1, len(fields)))
    deadline = time.perf_counter() + SECONDS_MAX
    splits: list[Split] = []
    for field in fields:
        if time.perf_counter() > deadline or not n_pairs:
            break
        try:
            splits += _jumps_in(field, predict, signature, table, random, n_pairs)
        except ModelError:  # somewhere between two accepted values
            continue
    return splits


def _jumps_in(
    field: Field,
    predict: Callable[[Table], Outputs],
    signature: Signature,
    table: Table,
    random: np.random.Generator,
    n_pairs: int,
) -> list[Split]:
    column = table.columns[field.name]
    present = np.sort(column[~is_missing(column)].astype(np.float64))
    if len(present) < 2 or present[0] == present[-1]:
        return []
    rows = random.integers(0, table.n_rows, n_pairs)

    def predictions(numbers: Array, rows: Array = rows) -> list[object]:
        cells = np.round(numbers).astype(int) if field.type == "integer" else numbers
        return _comparable(predict(changed(table, rows, field, cells.tolist())))

    low, high = np.sort(random.choice(present, (2, n_pairs)), axis=0)
    low[0], high[0] = present[0], present[-1]
    below, above = predictions(low), predictions(high)
    differ = np.array([one != other for one, other in zip(below, above, strict=True)])
    for _ in range(HALVINGS):
        middle = low + (high - low) / 2
        if not differ.any() or not ((low < middle) & (middle < high) & differ).any():
            break
        same = [one == other for one, other in zip(predictions(middle), below, strict=True)]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    others = (rows + random.integers(1, max(2, table.n_rows), n_pairs)) % table.n_rows
    pairs = zip(predictions(low, others), predictions(high, others), strict=True)
    is_threshold = np.array([one != other for one, other in pairs])
    step = np.where(is_threshold, 0.0, NEAR * np.maximum(np.abs(high), present[-1] - present[0]))
    at = signature.names.index(field.name)
    return [
        Split(int(rows[i]), at, float(high[i] + way * step[i]))
        for i in np.flatnonzero(differ)
        for way in (-1, 1)
    ]


def _comparable(outputs: Outputs) -> list[object]:
    """Each row's outputs as one value that can be compared."""
    predictions = plain_values(outputs.predictions)
    if outputs.probabilities is None:
        return list(predictions)
    return list(zip(predictions, map(tuple, outputs.probabilities.tolist()), strict=True))
