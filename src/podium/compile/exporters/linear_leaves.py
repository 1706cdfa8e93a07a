"""Trees whose leaves hold linear models, as a forest of coefficients and products with the row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.compile.builder import Builder
from podium.compile.features import NotCompiled
from podium.compile.nodes import Tree, forest_of
from podium.program.operations import Impute, Join, Matmul, Product, Select

# A leaf has a number for each column that any leaf uses.
NUMBERS_MAX = 16_000_000


class Leaf(NamedTuple):
    """The model of one leaf.

    Attributes:
        constant: to which the products are added.
        columns: of the row.
        coefficients: one for each column.
        otherwise: the value of the leaf if one of its columns is missing.
    """

    constant: float
    columns: Sequence[int]
    coefficients: Sequence[float]
    otherwise: float


def linear_sums(
    build: Builder, rows: int, trees: Sequence[tuple[Tree, Sequence[Leaf]]], n_outputs: int
) -> int:
    """The register of the sums of these trees, each with the models of its leaves in order.

    A sum of linear models is one linear model, whose coefficients are the sums of theirs: a forest
    adds these up, and each row is multiplied with its own.

    Args:
        rows: the register with the rows, in double precision.

    Raises:
        NotCompiled: the trees would take too much memory.
    """
    used = sorted({c for _, leaves in trees for leaf in leaves for c in leaf.columns})
    width = 1 + len(used)
    n_leaves = sum(1 + len(leaf.columns) for _, leaves in trees for leaf in leaves)
    if n_leaves * width * n_outputs > NUMBERS_MAX:
        raise NotCompiled(
            f"its leaves would hold {n_leaves * width * n_outputs} coefficients: fewer trees, leaves "
            "or columns make it compile"
        )
    place = {column: 1 + at for at, column in enumerate(used)}
    widened = [_widened(tree, leaves, place, n_outputs) for tree, leaves in trees]
    sums = build.add(forest_of(rows, widened, np.zeros(n_outputs * width)))
    begins = width * np.arange(n_outputs)
    constants = build.add(Select(sums, begins.astype(np.int32)))
    if not used:
        return constants
    numbers = build.add(Impute(rows, np.zeros(build.width(rows))))  # where all coefficients are 0
    coefficients = (begins[:, None] + np.arange(1, width)).ravel().astype(np.int32)
    columns = np.tile(used, n_outputs).astype(np.int32)
    products = build.add(Product((sums, numbers), coefficients, columns))
    ones = np.concatenate([np.eye(n_outputs), np.repeat(np.eye(n_outputs), len(used), axis=0)])
    return build.add(Matmul(build.add(Join((constants, products))), ones))


def _widened(tree: Tree, leaves: Sequence[Leaf], place: dict[int, int], n_outputs: int) -> Tree:
    """The tree with a row of coefficients at each leaf, behind nodes that ask for what is missing."""
    width = 1 + len(place)
    nodes = _Nodes(tree, n_outputs * width)
    begin = tree.target * width
    for node, leaf in zip(np.flatnonzero(tree.left < 0).tolist(), leaves, strict=True):
        at = node
        for column in leaf.columns:
            at, other = nodes.fork(at, column)
            nodes.values[other][begin] = leaf.otherwise
        nodes.values[at][begin] = leaf.constant
        for column, coefficient in zip(leaf.columns, leaf.coefficients, strict=True):
            nodes.values[at][begin + place[column]] += coefficient
    return nodes.tree()


class _Nodes:
    """The nodes of a tree, to which others are added."""

    def __init__(self, tree: Tree, width: int) -> None:
        self.before = tree
        self.left, self.right = tree.left.tolist(), tree.right.tolist()
        self.feature, self.threshold = tree.feature.tolist(), tree.threshold.tolist()
        goes_left = (
            np.zeros(len(self.left), bool) if tree.missing_left is None else tree.missing_left
        )
        self.missing_left = goes_left.tolist()
        self.width = width
        self.values: list[NDArray[Any]] = [np.zeros(width) for _ in self.left]

    def fork(self, at: int, column: int) -> tuple[int, int]:
        """Two leaves in place of one: for rows with a number in this column, and for others."""
        known, missing = len(self.left), len(self.left) + 1
        self.left[at], self.right[at] = known, missing
        self.feature[at], self.threshold[at], self.missing_left[at] = column, np.inf, False
        for _ in (known, missing):
            self.left.append(-1)
            self.right.append(-1)
            self.feature.append(0)
            self.threshold.append(0.0)
            self.missing_left.append(False)
            self.values.append(np.zeros(self.width))
        return known, missing

    def tree(self) -> Tree:
        """All nodes."""
        return Tree(
            left=np.array(self.left),
            right=np.array(self.right),
            feature=np.array(self.feature),
            threshold=np.array(self.threshold, np.float64),
            values=np.array(self.values),
            missing_left=np.array(self.missing_left),
            sets=self.before.sets,
        )
