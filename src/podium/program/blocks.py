"""Matrix products whose rows don't depend on how many rows are multiplied at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from podium.program.arrays import Floats
from podium.table import Array

try:
    from podium.program import _products
except ImportError:  # there was no compiler when Podium was installed
    _products = None  # type: ignore[assignment]

Multiply: TypeAlias = Callable[[Array], Array]

# Up to so many outputs the kernel in C is faster than a library of linear algebra.
BY_COLUMN_OUTPUTS_MAX = 3
# Rows of each product of the library. Fewer waste less on a single row of a wide model, more need
# fewer calls: see docs/decisions/0020-same-row-same-bytes.md.
BLOCK_ROWS = 8
# Copies that stay in the first-level cache: where columns are far apart, rows are copied first.
NUMBERS_AT_ONCE = 16_384


def multiplier(weights: Any) -> Multiply:
    """A function that returns the product of rows and these weights.

    The same row has the same product alone and among others. For few outputs each product is added up
    from the first column to the last.

    Args:
        weights: shape (n_columns, n_outputs).
    """
    weights = np.ascontiguousarray(weights)
    is_narrow = 0 < weights.shape[1] <= BY_COLUMN_OUTPUTS_MAX and len(weights) > 0
    if not is_narrow or weights.dtype != np.float64:
        return _in_blocks(weights)
    return _by_column(weights)


def _by_column(weights: Floats) -> Multiply:
    add_up = _products.multiply if _products else _add_up
    n_outputs = weights.shape[1]

    def run(x: Array) -> Array:
        out = np.empty((len(x), n_outputs))
        add_up(x.astype(np.float64, copy=False), weights, out)
        return out

    return run


def _add_up(x: Floats, weights: Floats, out: Floats) -> None:
    """What the kernel does, in numpy."""
    step = max(1, NUMBERS_AT_ONCE // weights.size)
    for at in range(0, len(x), step):
        parts = x[at : at + step, :, None] * weights
        out[at : at + step] = np.add.accumulate(parts, axis=1)[:, -1] + 0.0


def _in_blocks(weights: Array) -> Multiply:
    """Products of one shape: `BLOCK_ROWS` rows in order of rows, with zeros where there are no more.

    A library of linear algebra chooses its routine by the shapes of both matrices, and each adds up in
    an order of its own: a row alone is rounded otherwise than the same row among many.
    """
    n_columns, n_outputs = weights.shape
    n_rows = BLOCK_ROWS
    rows_at_once = n_rows * max(1, NUMBERS_AT_ONCE // (n_rows * max(n_columns, 1)))

    def of_few(x: Array) -> Array:
        if len(x) == n_rows:
            block = np.ascontiguousarray(x)
        else:
            block = np.zeros((n_rows, n_columns), x.dtype)
            block[: len(x)] = x
        product: Array = block.dot(weights)
        return product[: len(x)]

    def run(x: Array) -> Array:
        if len(x) <= n_rows:
            return of_few(x)
        n_full = len(x) - len(x) % n_rows
        out = np.empty((len(x), n_outputs), np.result_type(x, weights))
        for at in range(0, n_full, rows_at_once):
            to = min(at + rows_at_once, n_full)
            n_blocks = (to - at) // n_rows
            np.matmul(
                np.ascontiguousarray(x[at:to]).reshape(n_blocks, n_rows, n_columns),
                weights,
                out=out[at:to].reshape(n_blocks, n_rows, n_outputs),
            )
        if n_full < len(x):
            out[n_full:] = of_few(x[n_full:])
        return out

    return run


def squared_lengths(x: Array) -> Array:
    """The sum of squares of each row, added up in the same order for one row and for many."""
    x = np.ascontiguousarray(x)
    squares: Array = np.einsum("ij,ij->i", x, x)
    return squares
