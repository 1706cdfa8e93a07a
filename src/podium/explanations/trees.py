"""Shapley values of forests by one walk for all background rows: in C, if it was built."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from podium.explanations.owners import Owners
from podium.program.arrays import Floats
from podium.program.kernel import LEAF, SET
from podium.program.operations import Forest

try:
    from podium.program import _shapley
except ImportError:  # there was no compiler when Podium was installed
    _shapley = None  # type: ignore[assignment]

# As many background rows are explained against at once; a walk goes on for so many rows in C.
BLOCK_ROWS, ROWS_AT_ONCE = 128, 16


def has_kernel() -> bool:
    """Whether forests can be explained exactly."""
    return _shapley is not None


class Walker:
    """Forests over the same columns, and the background rows.

    Args:
        forests: all with `is_single_input` or all without.
        owners: the field of each column; none that a node asks for is of several.
        background: the columns of the background rows.
        n_fields: of the model.

    Raises:
        ValueError: the trees are too deep, or aren't trees.
    """

    def __init__(
        self, forests: Sequence[Forest], owners: Owners, background: Floats, n_fields: int
    ) -> None:
        self._is_single = forests[0].is_single_input
        self._n_fields, self._n_background = n_fields, len(background)
        # Fields that no column belongs to can't decide.
        self._fields, players = np.unique(owners[owners >= 0], return_inverse=True)
        player = np.full(len(owners), -1, np.int32)
        player[owners >= 0] = players.astype(np.int32)
        nodes = _joined(forests)
        rows = self._rounded(background)
        self._blocks = [
            _shapley.build(*nodes, player, block, len(block), len(self._fields))
            for block in (
                np.ascontiguousarray(rows[at : at + BLOCK_ROWS])
                for at in range(0, len(rows), BLOCK_ROWS)
            )
        ]

    def contributions(self, rows: Floats, values: Floats) -> Floats:
        """The contribution of each field, shape (n_rows, n_fields).

        Args:
            rows: the columns of the explained rows.
            values: of all nodes of all forests.
        """
        rows, values = self._rounded(rows), np.ascontiguousarray(values)
        sums = np.zeros((len(rows), len(self._fields)))
        for at in range(0, len(rows), ROWS_AT_ONCE):
            some = slice(at, at + ROWS_AT_ONCE)
            for block in self._blocks:
                _shapley.add(block, rows[some], values, sums[some])
        contributions = np.zeros((len(rows), self._n_fields))
        contributions[:, self._fields] = sums / self._n_background
        return contributions

    def _rounded(self, rows: Floats) -> Floats:
        if self._is_single:
            with np.errstate(over="ignore"):
                rows = rows.astype(np.float32)
        return np.ascontiguousarray(rows, np.float64)


def _joined(forests: Sequence[Forest]) -> tuple[np.ndarray, ...]:
    """The nodes, roots and sets of all forests as those of one."""
    parts = []
    n_nodes = n_sets = n_words = 0
    for forest in forests:
        is_leaf = (forest.kind & LEAF) > 0
        is_set = ~is_leaf & ((forest.kind & SET) > 0)
        parts.append(
            (
                forest.feature,
                np.where(is_set, forest.threshold + n_sets, forest.threshold),
                np.where(is_leaf, forest.left, forest.left + n_nodes).astype(np.int32),
                forest.kind,
                forest.roots + np.int32(n_nodes),
                forest.starts[:-1] - forest.starts[0] + np.int32(n_words),
                forest.words[forest.starts[0] : forest.starts[-1]],
            )
        )
        n_nodes += len(forest.kind)
        n_sets += len(forest.starts) - 1
        n_words += int(forest.starts[-1] - forest.starts[0])
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    joined[5] = np.append(joined[5], np.int32(n_words))
    return tuple(map(np.ascontiguousarray, joined))
