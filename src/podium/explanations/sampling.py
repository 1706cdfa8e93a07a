"""Shapley values from random orders of the fields, for many fields: estimates with errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.explanations.enumeration import Predict
from podium.explanations.mixture import Mixture

SEED = 20_250_101
# About so many rows are predicted, unless two orders of all fields take more.
ROWS = 65_536
# So many differences estimate a variance, at least.
DEGREES_MIN, ORDERS_MAX = 32, 1_024


class Sampled(NamedTuple):
    """Estimates and their standard errors, shape (n_active,)."""

    contributions: NDArray[np.float64]
    standard_errors: NDArray[np.float64]


def sampled(
    mixture: Mixture, predict: Predict, of_background: NDArray[np.float64], value: float
) -> Sampled:
    """Estimates of the contribution of each active field.

    In a random order, one field after another of a background row is replaced by the explained
    row's, and each change of the number is the contribution of the field that was replaced; then
    once more in the reverse order, which cancels much of the error. Each background row gets
    equally many orders, so that the contributions add up exactly.

    Args:
        of_background: the explained number for each background row.
        value: of the explained row.

    Source: Strumbelj, Kononenko (2014), Explaining prediction models and individual predictions
    with feature contributions; antithetic orders: Mitchell, Cooper, Frank, Holmes (2022), Sampling
    Permutations for Shapley Value Estimation, JMLR 23.
    """
    n_background, n_fields = mixture.n_background, len(mixture.active)
    n_orders = _n_orders(n_background, n_fields)
    random = np.random.default_rng(SEED)
    walks = _Walks(mixture, predict, of_background, value)
    sums, squares = np.zeros((n_background, n_fields)), np.zeros(n_fields)
    step = max(mixture.rows_max // (2 * n_fields), 1)
    rows = np.tile(np.arange(n_background), n_orders)
    for first in range(0, len(rows), step):
        background = rows[first : first + step]
        orders = random.permuted(np.tile(np.arange(n_fields), (len(background), 1)), axis=1)
        gains = (walks.gains(orders, background) + walks.gains(orders[:, ::-1], background)) / 2
        np.add.at(sums, background, gains)
        squares += np.square(gains).sum(axis=0)
    # Variances are of the orders of one row: rows aren't drawn, all of them take part.
    within = squares - np.square(sums).sum(axis=0) / n_orders
    variances = np.maximum(within, 0.0) / (n_background * (n_orders - 1))
    return Sampled(
        sums.sum(axis=0) / (n_background * n_orders),
        np.sqrt(variances / (n_background * n_orders)),
    )


def _n_orders(n_background: int, n_fields: int) -> int:
    """How many pairs of orders each background row gets."""
    affordable = ROWS // (2 * n_background * n_fields)
    needed = 1 + -(-DEGREES_MIN // n_background)
    return min(max(affordable, needed, 2), ORDERS_MAX)


class _Walks:
    """Rows that turn from background rows into the explained one, field by field."""

    def __init__(
        self, mixture: Mixture, predict: Predict, begin: NDArray[np.float64], end: float
    ) -> None:
        self.mixture, self.predict, self.begin, self.end = mixture, predict, begin, end
        self.differs = mixture.differs[mixture.active]

    def gains(self, orders: NDArray[np.intp], background: NDArray[np.intp]) -> NDArray[np.float64]:
        """The change of the number with each field, shape (n_orders, n_fields).

        Args:
            orders: of the fields, shape (n_orders, n_fields).
            background: the position of the background row of each.
        """
        n_orders, n_fields = orders.shape
        # Only a field that differs makes another row; after the last one it is the explained row.
        changes = self.differs[orders, background[:, None]]
        passed = changes.cumsum(axis=1)
        is_new = changes & (passed < passed[:, -1:])
        walk, step = is_new.nonzero()
        places = orders.argsort(axis=1)
        numbers = np.empty(0)
        if len(walk):
            is_own = places[walk] <= step[:, None]
            numbers = self.predict(self.mixture.table(is_own, background[walk]))
        levels = np.full((n_orders, n_fields + 1), self.end)
        levels[:, 0] = self.begin[background]
        inner = levels[:, 1:]
        inner[is_new] = numbers
        # Where nothing changed, the number is that of the step before.
        latest = np.where(changes, np.arange(1, n_fields + 1), 0)
        levels = np.take_along_axis(
            levels,
            np.concatenate(
                [np.zeros((n_orders, 1), np.intp), np.maximum.accumulate(latest, axis=1)], axis=1
            ),
            axis=1,
        )
        gains = np.empty((n_orders, n_fields))
        np.put_along_axis(gains, orders, np.diff(levels, axis=1), axis=1)
        return gains
