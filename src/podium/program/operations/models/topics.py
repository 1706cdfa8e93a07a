"""The topics of a text, from how often its terms occur in each topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from podium.program.arrays import Floats
from podium.program.operations.operation import Operation, Register, Shape, Shapes, Step, require
from podium.table import Array

ITERATIONS_MAX = 10_000
_EULER = 0.577215664901532860606512090082402431
_EPSILON = np.finfo(np.float64).eps


class Topics(Operation, frozen=True, tag="topics"):
    """The share of each topic in a row of counts.

    Source: Hoffman, Blei, Bach (2010), Online Learning for Latent Dirichlet Allocation, algorithm 2,
    as scikit-learn computes its expectation step.

    Attributes:
        terms: the weight of each term in each topic, one row for each topic.
        prior: added to the weight of each topic.
        n_most: iterations.
        enough: the mean change after which they end.
    """

    x: Register
    terms: Floats
    prior: float
    n_most: Annotated[int, msgspec.Meta(ge=0, le=ITERATIONS_MAX)]
    enough: float

    def check(self, shapes: Shapes) -> Shape:
        """One column for each topic."""
        width = shapes.matrix(self.x).width
        fits = self.terms.ndim == 2 and len(self.terms) > 0 and self.terms.shape[1] == width
        require(fits, f"terms of shape {self.terms.shape} aren't {width} columns wide")
        return Shape(len(self.terms))

    def prepare(self, _shapes: Shapes) -> Step:
        """Row by row, until the topics of a row change no more."""
        x, terms = self.x, self.terms.astype(np.float64)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Floats:
            counts = values[x].astype(np.float64, copy=False)
            out = np.empty((len(counts), len(terms)))
            for at, row in enumerate(counts):
                some = np.flatnonzero(row)
                out[at] = self._topics(row[some], terms[:, some])
            out /= out.sum(axis=1, keepdims=True)
            return out

        return run

    def _topics(self, counts: Array, terms: Array) -> Array:
        """The weight of each topic, from the terms that occur."""
        n_topics = len(terms)
        weights = np.ones(n_topics)
        expected = np.exp(_digamma(weights) - _digamma(np.array([float(n_topics)])))
        for _ in range(self.n_most):
            last = weights
            share = expected.dot(terms) + _EPSILON
            weights = expected * (counts / share).dot(terms.T) + self.prior
            expected = np.exp(_digamma(weights) - _digamma(weights.sum(keepdims=True)))
            if np.abs(last - weights).sum() / n_topics < self.enough:
                break
        return weights


def _digamma(x: Array) -> Array:
    """The logarithmic derivative of the gamma function, of positive numbers.

    Source: Bernardo (1976), Algorithm AS 103, as scikit-learn computes it.
    """
    tiny = x <= 1e-6
    result, shifted = np.zeros(x.shape), np.where(tiny, 6.0, x)
    for _ in range(6):
        below = shifted < 6
        if not below.any():
            break
        result -= np.where(below, 1.0 / shifted, 0.0)
        shifted = shifted + below
    inverse = 1.0 / shifted
    result += np.log(shifted) - 0.5 * inverse
    square = inverse * inverse
    result -= square * ((1 / 12) - square * ((1 / 120) - square * (1 / 252)))
    return np.where(tiny, -_EULER - 1.0 / x, result) if tiny.any() else result
