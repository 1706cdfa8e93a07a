"""Class probabilities from those of each pair of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
)
from podium.table import Array

_ROUNDS_MIN = 100
# A table of pairs for each row: more classes would exceed any memory.
_CLASSES_MAX = 1_000


class Couple(Operation, frozen=True, tag="couple"):
    """The probability of each class, from the probability of the first class of each pair.

    Pairs are in the order (0, 1), (0, 2), ..., (1, 2), ...; none of them is certain.

    Attributes:
        n_classes: the number of classes.

    Source: Wu, Lin, Weng (2004), Probability Estimates for Multi-class Classification by Pairwise
    Coupling, Journal of Machine Learning Research 5, 975-1005: algorithm 2, with libsvm's bounds.
    """

    x: Register
    n_classes: int

    def check(self, shapes: Shapes) -> Shape:
        """One column for each class."""
        n_classes = self.n_classes
        require(2 <= n_classes <= _CLASSES_MAX, f"{n_classes} classes make no pairs")
        width = shapes.matrix(self.x).width
        require(width == n_classes * (n_classes - 1) // 2, "a pair of classes is missing")
        return Shape(n_classes)

    def n_buffered(self, _shapes: Shapes) -> int:
        """Two tables of all pairs, and their sums."""
        return 4 * self.n_classes**2

    def prepare(self, _shapes: Shapes) -> Step:
        """Iterations, until every row has converged."""
        x, n_classes = self.x, self.n_classes
        first, second = np.triu_indices(n_classes, 1)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Array:
            pairs: Array = values[x].T
            shares = np.zeros((n_classes, n_classes, pairs.shape[1]))
            shares[first, second] = pairs
            shares[second, first] = 1 - pairs
            return np.ascontiguousarray(_coupled(shares).T)

        return run


def _coupled(shares: Array) -> Array:
    """Probabilities, one column per row, from the share of each class against each other."""
    n_classes, _, n_rows = shares.shape
    q = -shares.transpose(1, 0, 2) * shares
    for t in range(n_classes):
        q[t, t] = np.square(shares[:, t]).sum(axis=0)
    settled = np.empty((n_classes, n_rows))
    waiting, p = np.arange(n_rows), np.full((n_classes, n_rows), 1 / n_classes)
    for _ in range(max(_ROUNDS_MIN, n_classes)):
        qp = (q * p).sum(axis=1)
        pqp = (p * qp).sum(axis=0)
        is_settled = np.abs(qp - pqp).max(axis=0) < 0.005 / n_classes
        if is_settled.any():
            settled[:, waiting[is_settled]] = p[:, is_settled]
            rest = ~is_settled
            waiting, p, q = waiting[rest], p[:, rest], q[:, :, rest]
            qp, pqp = qp[:, rest], pqp[rest]
        if not len(waiting):
            return settled
        p = _round(q, p, qp, pqp)
    settled[:, waiting] = p
    return settled


def _round(q: Array, p: Array, qp: Array, pqp: Array) -> Array:
    """The probabilities after each class was updated once."""
    for t in range(len(p)):
        step = (pqp - qp[t]) / q[t, t]
        size = 1 + step
        p[t] += step
        pqp = (pqp + step * (step * q[t, t] + 2 * qp[t])) / size / size
        qp = (qp + step * q[t]) / size
        p /= size
    return p
