"""How far parts of the training rows lie from the rest of them."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

# Added to each slot, so that an empty one has a finite share of the index.
_SMOOTHING = 0.5
SPREAD_ROWS = 1_000


class Spread(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the hours, days or weeks of the training rows lie from the rest; the farthest of them.

    Attributes:
        psi: the population stability index, as it would be of SPREAD_ROWS rows; 0 where chance
            explains it.
        absent: the share of the training rows in slots that the farthest part leaves empty: by it
            the index grows with the logarithm of the number of rows, as nothing is less than 1 of n.
        missing: the share of rows without a value.
        new: the share of rows with a value that no other part has.
        most: the share of rows in the fullest slot.
    """

    psi: float = 0.0
    absent: float = 0.0
    missing: float = 0.0
    new: float = 0.0
    most: float = 0.0

    def psi_of(self, n_rows: int) -> float:
        """The index that a part of so many rows has, if it is like the farthest of training."""
        if not self.psi or not n_rows:
            return 0.0
        return max(0.0, self.psi + self.absent * math.log(n_rows / SPREAD_ROWS))


def population_stability(before: NDArray[np.int64], now: NDArray[np.int64]) -> NDArray[np.float64]:
    """The population stability index, less its expectation where nothing changed.

    Args:
        before: counts, shape (..., n_slots), not all 0; slots that are 0 in both don't count.
        now: of the same shape.
    """
    used = (before + now) > 0
    n_slots: Any = used.sum(axis=-1, keepdims=True)
    m, n = before.sum(axis=-1, keepdims=True), now.sum(axis=-1, keepdims=True)
    p = (before + _SMOOTHING) / (m + _SMOOTHING * n_slots)
    q = (now + _SMOOTHING) / (n + _SMOOTHING * n_slots)
    raw = np.where(used, (q - p) * np.log(q / p), 0.0).sum(axis=-1)
    bias = ((n_slots - 1) * (1 / n + 1 / m))[..., 0]
    return np.asarray(raw - bias, np.float64)
