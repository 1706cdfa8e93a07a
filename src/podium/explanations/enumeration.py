"""Shapley values from every coalition of the fields: exact, for few fields."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

import numpy as np
from numpy.typing import NDArray

from podium.explanations.mixture import Mixture
from podium.table import Table

Predict = Callable[[Table], NDArray[np.float64]]


def enumerated(
    mixture: Mixture, predict: Predict, base: float, value: float
) -> NDArray[np.float64]:
    """The contribution of each active field.

    Args:
        predict: the explained number for each row.
        base: its mean over the background rows.
        value: of the explained row.

    Source: Shapley (1953), A Value for n-Person Games; with the interventional value of a
    coalition: Janzing, Minorics, Bloebaum (2020), Feature relevance quantification in explainable
    AI: A causal problem, AISTATS.
    """
    n_fields = len(mixture.active)
    worth = _worths(mixture, predict, base, value)
    coalitions = np.arange(1 << n_fields)
    sizes = ((coalitions[:, None] >> np.arange(n_fields)) & 1).sum(axis=1)
    weights = np.array(
        [factorial(size) * factorial(n_fields - 1 - size) for size in range(n_fields)], np.float64
    ) / factorial(n_fields)
    contributions = np.empty(n_fields)
    for field in range(n_fields):
        without = coalitions[(coalitions >> field) & 1 == 0]
        gains = worth[without | 1 << field] - worth[without]
        contributions[field] = weights[sizes[without]].dot(gains)
    return contributions


def _worths(mixture: Mixture, predict: Predict, base: float, value: float) -> NDArray[np.float64]:
    """The mean number of the rows in which the fields of each coalition are the explained row's."""
    n_fields, n_background = len(mixture.active), mixture.n_background
    worth = np.empty(1 << n_fields)
    worth[0], worth[-1] = base, value
    step = max(mixture.rows_max // n_background, 1)
    for first in range(1, len(worth) - 1, step):
        coalitions = np.arange(first, min(first + step, len(worth) - 1))
        is_own = ((coalitions[:, None] >> np.arange(n_fields)) & 1).astype(bool)
        numbers = predict(
            mixture.table(
                np.repeat(is_own, n_background, axis=0),
                np.tile(np.arange(n_background), len(coalitions)),
            )
        )
        worth[coalitions] = numbers.reshape(-1, n_background).mean(axis=1)
    return worth
