"""How far a difference of two figures might be from the true one: the bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from podium.comparison.estimates import ALPHA, Groups, Interval, summed

Figure: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]

RESAMPLES = 2_000
# More rows are added up to so many blocks first, whose means vary as the rows say, within 2 %.
BLOCKS = 4_000
_CHUNK = 100
# Fixed: of the same records everybody gets the same interval.
_SEED = 20_210_401


def paired_interval(
    a: NDArray[np.float64], b: NDArray[np.float64], figure: Figure, groups: Groups = None
) -> Interval:
    """The interval of `figure(mean of b) - figure(mean of a)`, where both answered the same rows.

    Args:
        a: losses of one version, shape (n_rows,), one row or more.
        b: losses of the other, in the same order.
        figure: of mean losses: themselves, or their roots.
        groups: of rows that belong together, from 0 on, which are drawn together.

    Source: Efron (1979), Annals of Statistics 7(1), 1-26; the interval between percentiles.
    """
    rng = np.random.default_rng(_SEED)
    rows = np.column_stack([summed(a, groups), summed(b, groups)])
    sizes = summed(np.ones(len(a)), groups)
    if len(rows) > BLOCKS:
        starts = np.linspace(0, len(rows), BLOCKS, endpoint=False).astype(np.int64)
        order = rng.permutation(len(rows))
        sizes = np.add.reduceat(sizes[order], starts)
        rows = np.add.reduceat(rows[order], starts, axis=0)
    differences = np.empty(RESAMPLES)
    for start in range(0, RESAMPLES, _CHUNK):
        drawn = rng.integers(0, len(rows), (_CHUNK, len(rows)))
        n_rows = sizes[drawn].sum(axis=1)
        of_a, of_b = (figure(side[drawn].sum(axis=1) / n_rows) for side in rows.T)
        differences[start : start + _CHUNK] = of_b - of_a
    low, high = np.quantile(differences, (ALPHA / 2, 1 - ALPHA / 2))
    return Interval(float(low), float(high))
