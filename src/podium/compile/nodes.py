"""Trees of any library as the flat arrays of the forest kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.program.kernel import LEAF, MISSING_LEFT, SET
from podium.program.operations import Forest


class Tree(NamedTuple):
    """One tree, its nodes in any order, the root first.

    Attributes:
        left: the left child of each node, negative for a leaf.
        right: the right child.
        feature: the column that a node tests.
        threshold: rows with a value <= it go left.
        values: of the leaves, one row for each node: one column, or one for each output.
        missing_left: whether a missing value goes left.
        sets: by node, the categories (bits of 32-bit words) that go left.
        target: the output to which a single-column value is added.
    """

    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    threshold: NDArray[Any]
    values: NDArray[Any]
    missing_left: NDArray[Any] | None = None
    sets: dict[int, NDArray[np.uint32]] = {}  # noqa: RUF012 - never modified
    target: int = 0


def forest_of(x: int, trees: Sequence[Tree], base: Any, **options: Any) -> Forest:
    """The forest of these trees.

    Args:
        x: the register of the rows.
        base: the initial sums, one number for each output.
        options: `is_single_input`, `is_single_sum`, `refuses`.
    """
    base = np.atleast_1d(np.asarray(base, np.float64))
    parts: dict[str, list[Any]] = {
        name: [] for name in ("feature", "threshold", "left", "kind", "values")
    }
    roots, words, starts = [], [np.zeros(0, np.uint32)], [0]
    n_nodes = n_leaves = 0
    for tree in trees:
        order, new = _by_level(tree)
        is_leaf = tree.left[order] < 0
        kind = np.where(is_leaf, LEAF, 0)
        if tree.missing_left is not None:
            kind |= np.where(~is_leaf & (tree.missing_left[order] > 0), MISSING_LEFT, 0)
        threshold = np.where(is_leaf, 0.0, tree.threshold[order])
        for node, members in tree.sets.items():
            kind[new[node]] |= SET
            threshold[new[node]] = len(starts) - 1
            words.append(members)
            starts.append(starts[-1] + len(members))
        left = np.where(is_leaf, 0, new[tree.left[order]] + n_nodes)
        left[is_leaf] = n_leaves + np.arange(is_leaf.sum())
        parts["feature"].append(np.where(is_leaf, 0, tree.feature[order]))
        parts["threshold"].append(threshold)
        parts["left"].append(left)
        parts["kind"].append(kind)
        parts["values"].append(np.asarray(tree.values[order][is_leaf], np.float64).ravel())
        roots.append(n_nodes)
        n_nodes += len(order)
        n_leaves += int(is_leaf.sum())
    is_scalar = all(tree.values.ndim == 1 or tree.values.shape[1] == 1 for tree in trees)
    targets = [tree.target for tree in trees] if is_scalar else []
    return Forest(
        x,
        feature=np.concatenate(parts["feature"]).astype(np.int32),
        threshold=np.concatenate(parts["threshold"]),
        left=np.concatenate(parts["left"]).astype(np.int32),
        kind=np.concatenate(parts["kind"]).astype(np.uint8),
        roots=np.array(roots, np.int32),
        targets=np.array(targets, np.int32),
        values=np.concatenate(parts["values"]),
        base=base,
        starts=np.array(starts, np.int32),
        words=np.concatenate(words),
        **options,
    )


def _by_level(tree: Tree) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The nodes in level order, siblings side by side; and the new position of each."""
    new = np.zeros(len(tree.left), np.int64)
    level = np.zeros(1, np.int64)
    levels, n_placed = [level], 1
    while True:
        inner = level[tree.left[level] >= 0]
        if not len(inner):
            return np.concatenate(levels), new
        level = np.stack([tree.left[inner], tree.right[inner]], axis=1).ravel().astype(np.int64)
        new[level] = np.arange(n_placed, n_placed + len(level))
        n_placed += len(level)
        levels.append(level)
