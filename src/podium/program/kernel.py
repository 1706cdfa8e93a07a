"""The forest kernel: in C if it was built, otherwise in numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.errors import BundleError
from podium.program.arrays import Bytes, Floats, Indices, Words

try:
    from podium.program import _forest
except ImportError:  # there was no compiler when Podium was installed
    _forest = None  # type: ignore[assignment]

LEAF, MISSING_LEFT, SET = 1, 2, 4
SAW_NAN, SAW_INFINITE = 1, 2

# How many walks the numpy kernel holds in memory at a time.
_WALKS = 1 << 18

Add = Callable[[Floats, Floats], int]


class Trees(NamedTuple):
    """Decision trees as flat arrays.

    Attributes:
        feature: of each node; ignored in leaves.
        threshold: rows go left if the value is <= it; for a set: its number.
        left: the left child, which comes after its parent; the right one follows it. For a leaf:
            its number among the leaves.
        kind: `LEAF`, `MISSING_LEFT` and `SET`, added up.
        roots: of each tree.
        targets: the output to which each tree adds, if a leaf holds one value; otherwise empty.
        values: of the leaves, one after another.
        starts: where each set of categories begins in `words`, and where the last one ends.
        words: bits of the categories in each set.
    """

    feature: Indices
    threshold: Floats
    left: Indices
    kind: Bytes
    roots: Indices
    targets: Indices
    values: Floats
    starts: Indices
    words: Words


def kernel_name() -> str:
    """The forest kernel in use: `c` or `numpy`."""
    return "numpy" if _forest is None else "c"


def adder(
    trees: Trees, n_features: int, n_outputs: int, *, is_single_input: bool, is_single_sum: bool
) -> Add:
    """A function that adds the leaves of rows to sums, and reports unusual values.

    It takes rows of shape (n, n_features) and sums of shape (n, n_outputs), and returns `SAW_NAN`,
    `SAW_INFINITE`, both added up, or 0.

    Args:
        is_single_input: whether rows are rounded to single precision first.
        is_single_sum: whether every sum is, too.

    Raises:
        BundleError: a walk could leave the arrays, or never end.
    """
    if _forest is None:
        _check(trees, n_features, n_outputs)
        kernel = NumpyForest(trees, n_outputs, is_single_input, is_single_sum)
        return kernel.add
    try:
        forest = _forest.build(*trees, n_features, n_outputs, is_single_input, is_single_sum)
    except ValueError as error:
        raise BundleError(f"the forest isn't valid: {error}") from error
    add = _forest.add
    return lambda rows, sums: add(forest, rows, sums)


def all_finite(values: Any) -> bool:
    """Whether all of these double-precision numbers are finite."""
    # The kernel reads contiguous memory; columns selected from a wider matrix aren't contiguous.
    if _forest is None or not values.flags.forc:
        return bool(np.isfinite(values).all())
    return bool(_forest.finite(values))


def _check(trees: Trees, n_features: int, n_outputs: int) -> None:
    """The same checks as in C."""
    n_nodes, n_trees = len(trees.feature), len(trees.roots)
    if len({n_nodes, len(trees.threshold), len(trees.left), len(trees.kind)}) > 1:
        raise BundleError("the forest isn't valid: the arrays of nodes differ in length")
    leaf = (trees.kind & LEAF) > 0
    is_scalar = n_trees > 0 and len(trees.targets) == n_trees
    n_leaves = len(trees.values) if is_scalar else len(trees.values) // n_outputs
    inner, left = ~leaf, trees.left.astype(np.int64)
    is_set = inner & ((trees.kind & SET) > 0)
    n_sets = len(trees.starts) - 1
    fine = (
        (is_scalar or (not len(trees.targets) and len(trees.values) % n_outputs == 0))
        and _within(left[leaf], n_leaves)
        and _within(trees.feature[inner], n_features)
        and bool((left[inner] > np.flatnonzero(inner)).all())
        and _within(left[inner], n_nodes - 1)
        and _within(trees.roots, n_nodes)
        and (not is_scalar or _within(trees.targets, n_outputs))
        and n_sets >= 0
        and _within(trees.threshold[is_set], n_sets)
        and bool((np.diff(trees.starts) >= 0).all())
        and _within(trees.starts, len(trees.words) + 1)
    )
    if not fine:
        raise BundleError("the forest isn't valid: a walk could leave its arrays")


def _within(values: Any, limit: int) -> bool:
    return bool(((values >= 0) & (values < limit)).all())


class NumpyForest:
    """The kernel in numpy: all walks of a block of rows take each step together."""

    def __init__(
        self, trees: Trees, n_outputs: int, is_single_input: bool, is_single_sum: bool
    ) -> None:
        self.trees = trees
        self.is_single_input = is_single_input
        self.is_single_sum = is_single_sum
        self.is_leaf = (trees.kind & LEAF) > 0
        self.goes_left_missing = (trees.kind & MISSING_LEFT) > 0
        self.is_set = (trees.kind & SET) > 0
        self.feature = np.where(self.is_leaf, 0, trees.feature)
        self.n_outputs = n_outputs
        self.values = trees.values if len(trees.targets) else trees.values.reshape(-1, n_outputs)

    def add(self, rows: Floats, sums: Floats) -> int:
        """Add each row's leaves to its sums; returns what unusual values were seen."""
        if self.is_single_input:
            with np.errstate(over="ignore"):
                rows = rows.astype(np.float32).astype(np.float64)
        saw = SAW_NAN * bool(np.isnan(rows).any()) + SAW_INFINITE * bool(np.isinf(rows).any())
        if not rows.shape[1]:
            rows = np.zeros((len(rows), 1))
        step = max(1, _WALKS // max(1, len(self.trees.roots)))
        for at in range(0, len(rows), step):
            self._add_block(rows[at : at + step], sums[at : at + step])
        return saw

    def leaves(self, rows: Floats) -> Indices:
        """The node where each row ends in each tree, shape (n_rows, n_trees)."""
        at = np.repeat(self.trees.roots[None, :], len(rows), axis=0)
        row = np.arange(len(rows))[:, None]
        while not self.is_leaf[at].all():
            at = self.next_nodes(at, rows[row, self.feature[at]])
        return at

    def next_nodes(self, at: Indices, values: Floats) -> Indices:
        """One step of every walk."""
        left = values <= self.trees.threshold[at]
        left |= np.isnan(values) & self.goes_left_missing[at]
        if self.is_set.any():
            sets = self.is_set[at]
            left[sets] = self._in_sets(at[sets], values[sets])
        inner = self.trees.left[at] + ~left
        return np.where(self.is_leaf[at], at, inner)

    def _in_sets(self, at: Indices, values: Floats) -> NDArray[np.bool_]:
        number = self.trees.threshold[at].astype(np.int64)
        start, end = self.trees.starts[number], self.trees.starts[number + 1]
        possible = (values > -1) & (values < 2.0**32 - 1)
        category = np.where(possible, values, 0).astype(np.int64)
        inside = possible & ((category >> 5) < end - start)
        words = np.append(self.trees.words, np.uint32(0))
        word = words[np.where(inside, start + (category >> 5), len(words) - 1)]
        is_member = inside & ((word >> (category & 31).astype(np.uint32)) & 1).astype(bool)
        return np.where(np.isnan(values), self.goes_left_missing[at], is_member)

    def _add_block(self, rows: Floats, sums: Floats) -> None:
        leaves = self.trees.left[self.leaves(rows)]
        for tree in range(leaves.shape[1]):  # one after another: sums round as in C
            to = sums[:, self.trees.targets[tree]] if len(self.trees.targets) else sums
            to += self.values[leaves[:, tree]]
            if self.is_single_sum:
                to[...] = to.astype(np.float32)
