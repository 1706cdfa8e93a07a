"""The search for the nearest rows by a partition, as scikit-learn does it for sparse rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from podium.table import Array


class Parted(NamedTuple):
    """The nearest rows of each row, and their distances."""

    places: Array
    distances: Array


def nearest_columns(distances: Array, n_nearest: int) -> Parted:
    """The nearest of the training rows, of rows that are distances to them."""
    near = np.argpartition(distances, n_nearest - 1, axis=1)[:, :n_nearest]
    far = np.take_along_axis(distances, near, axis=1)
    order = np.argsort(far, axis=1)
    return Parted(np.take_along_axis(near, order, axis=1), np.take_along_axis(far, order, axis=1))


class PartitionSearch:
    """Squared distances of rows that are mostly zeros, and the least of them.

    Products of two rows are added up from the first column to the last, over the columns in which
    both have numbers: so equally near rows, and there are many among texts, are exactly as near as
    the original finds them.
    """

    def __init__(self, rows: Array, n_nearest: int) -> None:
        self.rows, self.n_nearest = rows, n_nearest
        self.lengths = _total(rows * rows)

    def __call__(self, numbers: Array) -> Parted:
        """The nearest rows of each of these, in order."""
        shape = (len(numbers), self.n_nearest)
        places, distances = np.empty(shape, np.intp), np.empty(shape)
        for at, row in enumerate(numbers):
            near, far = nearest_columns(self._squares(row)[None], self.n_nearest)
            places[at], distances[at] = near[0], far[0]
        return Parted(places, distances)

    def _squares(self, row: Array) -> Array:
        some = np.flatnonzero(row)
        products = _total(self.rows[:, some] * row[some])
        length = _total((row[some] ** 2)[None])
        return np.asarray(np.maximum(-2.0 * products + length + self.lengths, 0.0))


def _total(terms: Array) -> Array:
    """The sum of each row, from its first number to its last."""
    if not terms.shape[1]:
        return np.zeros(len(terms))
    total: Array = np.add.accumulate(terms, axis=1)[:, -1]
    return total
