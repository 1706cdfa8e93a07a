"""Large trees that look at a few columns each, as tables over the bins of these columns.

For thousands of rows, finding a row's bins once and then a number in each table is several times
faster than walking trees that don't fit into the cache. The numbers and the order in which they are
added are those of the trees, so that a batch of any size gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.program.arrays import Floats
from podium.program.kernel import LEAF, SAW_NAN, SET, Add, Trees, adder

# Fewer rows are faster in the trees, and smaller trees stay in the cache.
ROWS_MIN = 512
NODES_MIN, NODES_A_TREE = 10_000, 100
# A node takes twice as much memory as a cell.
CELLS_A_NODE = 4
# Columns of a tree.
AXES_MAX = 3


class _Axis(NamedTuple):
    """The bins of a column.

    Attributes:
        feature: the column.
        edges: ascending; a number <= one lies in a bin before it. The bin behind the last edge is
            followed by that of a missing number.
    """

    feature: int
    edges: Floats

    @property
    def n_bins(self) -> int:
        return len(self.edges) + 2

    @property
    def numbers(self) -> Floats:
        """A number in each bin."""
        return np.concatenate([self.edges, [np.inf, np.nan]])


class _Table(NamedTuple):
    """One tree: the number of each cell.

    Attributes:
        axes: by number, and how many cells apart their bins are.
        numbers: one for each cell, or a row for each output.
        target: the output to which a single number is added; None if there is one for each.
    """

    axes: list[tuple[int, int]]
    numbers: Floats
    target: int | None


def grid_of(trees: Trees, width: int, n_outputs: int) -> Add | None:
    """The same as the trees' `adder`; None if they look at many columns, or the tables are large.

    Args:
        width: columns of the rows.
    """
    n_nodes = len(trees.feature)
    is_small = n_nodes < max(NODES_MIN, NODES_A_TREE * len(trees.roots))
    if is_small or ((trees.kind & SET) > 0).any() or np.isnan(trees.threshold).any():
        return None
    parts = _parts(trees, n_outputs)
    if parts is None:
        return None
    used = [np.unique(part.feature[(part.kind & LEAF) == 0]) for part in parts]
    axes = _axes(parts, used)
    shapes = [tuple(axes[f, len(some)].n_bins for f in some.tolist()) for some in used]
    is_larger = sum(map(math.prod, shapes)) * max(1, n_outputs) > CELLS_A_NODE * n_nodes
    if is_larger or len(axes) > len(parts):
        return None
    places = {key: place for place, key in enumerate(axes)}
    tables = []
    for number, (part, some, shape) in enumerate(zip(parts, used, shapes, strict=True)):
        own = [axes[feature, len(some)] for feature in some.tolist()]
        apart = [math.prod(shape[depth + 1 :]) for depth in range(len(shape))]
        keys = [places[feature, len(some)] for feature in some.tolist()]
        target = int(trees.targets[number]) if len(trees.targets) else None
        numbers = _numbers(part, own, 1 if target is not None else n_outputs)
        tables.append(_Table(list(zip(keys, apart, strict=True)), numbers, target))
    return _adder(list(axes.values()), tables, width)


def _parts(trees: Trees, n_outputs: int) -> list[Trees] | None:
    """Each tree by itself; None if one has too many columns, or nodes of others in between."""
    n_nodes, is_scalar = len(trees.feature), len(trees.targets) > 0
    values = trees.values if is_scalar else trees.values.reshape(-1, n_outputs)
    ends = [*trees.roots.tolist()[1:], n_nodes]
    parts = []
    for begin, end in zip(trees.roots.tolist(), ends, strict=True):
        if begin >= end:
            return None
        nodes = slice(begin, end)
        is_leaf = (trees.kind[nodes] & LEAF) > 0
        left = trees.left[nodes].astype(np.int32)
        inner = left[~is_leaf]
        if len(np.unique(trees.feature[nodes][~is_leaf])) > AXES_MAX or (inner + 1 >= end).any():
            return None
        leaves = values[left[is_leaf]]
        left = left - np.int32(begin)
        left[is_leaf] = np.arange(len(leaves), dtype=np.int32)
        parts.append(
            trees._replace(
                feature=trees.feature[nodes],
                threshold=trees.threshold[nodes],
                left=left,
                kind=trees.kind[nodes],
                roots=np.zeros(1, np.int32),
                targets=np.zeros(1 if is_scalar else 0, np.int32),
                values=np.ascontiguousarray(leaves).ravel(),
            )
        )
    return parts


def _axes(
    parts: Sequence[Trees], used: Sequence[NDArray[np.int32]]
) -> dict[tuple[int, int], _Axis]:
    """The bins of each column, for trees of as many columns: interactions have coarser ones."""
    edges: dict[tuple[int, int], list[Floats]] = {}
    for part, some in zip(parts, used, strict=True):
        is_inner = (part.kind & LEAF) == 0
        for feature in some.tolist():
            own = part.threshold[is_inner & (part.feature == feature)]
            edges.setdefault((feature, len(some)), []).append(own)
    return {key: _Axis(key[0], np.unique(np.concatenate(some))) for key, some in edges.items()}


def _numbers(part: Trees, axes: Sequence[_Axis], n_outputs: int) -> Floats:
    """What a tree adds in each cell: shape (n_cells,), or (n_cells, n_outputs)."""
    cells = np.meshgrid(*(axis.numbers for axis in axes), indexing="ij")
    rows = np.stack([cell.ravel() for cell in cells], axis=1) if cells else np.zeros((1, 1))
    features = np.array([axis.feature for axis in axes], np.int32)
    own = np.searchsorted(features, np.minimum(part.feature, features.max(initial=0)))
    part = part._replace(feature=own.astype(np.int32))
    # -0.0 plus a number is the number, whatever its sign.
    sums = np.full((len(rows), n_outputs), -0.0)
    add = adder(part, rows.shape[1], n_outputs, is_single_input=False, is_single_sum=False)
    add(np.ascontiguousarray(rows), sums)
    return sums[:, 0].copy() if len(part.targets) else sums


def _adder(axes: Sequence[_Axis], tables: Sequence[_Table], width: int) -> Add:
    searches = adder(_searches(axes), width, len(axes), is_single_input=False, is_single_sum=False)

    def add(rows: Floats, sums: Floats) -> int:
        found = np.zeros((len(rows), len(axes)))
        saw = searches(rows, found)
        bins = found.T.astype(np.intp)
        if saw & SAW_NAN:
            for own, axis in zip(bins, axes, strict=True):
                own[np.isnan(rows[:, axis.feature])] = axis.n_bins - 1
        for table in tables:
            cells = np.zeros(len(rows), np.intp)
            for place, apart in table.axes:
                cells += bins[place] * apart
            to = sums if table.target is None else sums[:, table.target]
            to += table.numbers.take(cells, axis=0)
        return saw

    return add


def _searches(axes: Sequence[_Axis]) -> Trees:
    """A balanced tree for each axis, which adds the bin to an output of its own."""
    nodes: list[tuple[int, float, int, int]] = []
    values: list[float] = []
    roots: list[int] = []
    for axis in axes:
        roots.append(len(nodes))
        pending, n_placed = [(0, len(axis.edges))], len(nodes) + 1
        for low, high in pending:  # grows: level by level
            if low == high:
                nodes.append((0, 0.0, len(values), LEAF))
                values.append(float(low))
                continue
            middle = (low + high) // 2
            nodes.append((axis.feature, float(axis.edges[middle]), n_placed, 0))
            pending += [(low, middle), (middle + 1, high)]
            n_placed += 2
    feature, threshold, left, kind = zip(*nodes, strict=True)
    return Trees(
        np.array(feature, np.int32),
        np.array(threshold, np.float64),
        np.array(left, np.int32),
        np.array(kind, np.uint8),
        np.array(roots, np.int32),
        np.arange(len(axes), dtype=np.int32),
        np.array(values, np.float64),
        np.zeros(1, np.int32),
        np.zeros(0, np.uint32),
    )
