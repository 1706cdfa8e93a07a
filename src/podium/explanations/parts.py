"""A number of a program as a sum: of functions of one field each, and of leaves of forests."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.explanations.owners import SEVERAL, Owners
from podium.program.arrays import Floats
from podium.program.kernel import LEAF
from podium.program.operations import (
    AnyOperation,
    Finite,
    Forest,
    Join,
    Largest,
    Lookup,
    Matmul,
    Scale,
    Select,
    Single,
    SingleSum,
    Total,
)
from podium.program.plan import Plan


class Columns(NamedTuple):
    """Columns of a register, each of one field or constant, times weights."""

    register: int
    weights: Floats


class Leaves(NamedTuple):
    """The leaves that rows reach in a forest.

    Attributes:
        forest: the register.
        values: of each node, shape (n_nodes,); 0 for nodes that are no leaves.
    """

    forest: int
    values: Floats


class Parts(NamedTuple):
    """What adds up to a number, but for a constant."""

    columns: tuple[Columns, ...]
    leaves: tuple[Leaves, ...]


def parts_of(plan: Plan, owners: list[Owners], register: int, weights: Floats) -> Parts | None:
    """The parts of the weighted sum of a register's columns; None if it isn't such a sum."""
    pending: list[Floats | None] = [None] * (register + 1)
    pending[register] = weights
    columns: list[Columns] = []
    leaves: list[Leaves] = []
    for at in range(register, -1, -1):
        some = pending[at]
        if some is None or not some.any():
            continue
        operation = plan.operations[at]
        if (owners[at][some != 0] != SEVERAL).all():
            columns.append(Columns(at, some))
        elif isinstance(operation, Forest):
            leaves.append(Leaves(at, _leaf_values(operation, some)))
        elif isinstance(operation, Lookup):
            voted = _votes(plan, operation, some)
            if voted is None:
                return None
            leaves.append(voted)
        else:
            sums = _read(operation, some, owners)
            if sums is None:
                return None
            for source, more in sums:
                before = pending[source]
                pending[source] = more if before is None else before + more
    if not all(_is_of_fields(plan, owners, one.forest) for one in leaves):
        return None
    return Parts(tuple(columns), tuple(leaves))


def _read(
    operation: AnyOperation, weights: Floats, owners: list[Owners]
) -> list[tuple[int, Floats]] | None:
    """What a linear operation reads, with the weights there; None if it isn't linear."""
    match operation:
        case Finite() | Single():
            return [(operation.x, weights)]
        case Scale():
            divided = weights if operation.divide is None else weights / operation.divide
            factor = 1.0 if operation.multiply is None else operation.multiply
            return [(operation.x, divided * factor)]
        case Matmul() | SingleSum():
            return [(operation.x, operation.weights.astype(np.float64) @ weights)]
        case Total():
            factors = np.ones(len(operation.xs)) if operation.weights is None else operation.weights
            return [(x, weights * factor) for x, factor in zip(operation.xs, factors, strict=True)]
        case Select():
            read = np.zeros(len(owners[operation.x]))
            np.add.at(read, operation.columns, weights)
            return [(operation.x, read)]
        case Join():
            ends = np.cumsum([len(owners[x]) for x in operation.xs])[:-1]
            return list(zip(operation.xs, np.split(weights, ends), strict=True))
    return None


def _leaf_values(forest: Forest, weights: Floats) -> Floats:
    """The weighted sum of each leaf's values, for each node."""
    is_leaf = (forest.kind & LEAF) > 0
    leaves = forest.left[is_leaf]
    values = np.zeros(len(forest.kind))
    if len(forest.targets):
        targets = forest.targets[_trees_of(forest)[is_leaf]]
        values[is_leaf] = forest.values[leaves] * weights[targets]
    else:
        values[is_leaf] = forest.values.reshape(-1, len(weights))[leaves] @ weights
    return values


def _trees_of(forest: Forest) -> NDArray[np.intp]:
    """The tree of each node."""
    trees = np.zeros(len(forest.kind), np.intp)
    at, tree = forest.roots.astype(np.intp), np.arange(len(forest.roots))
    while len(at):
        trees[at] = tree
        inner = (forest.kind[at] & LEAF) == 0
        at, tree = forest.left[at[inner]].astype(np.intp), tree[inner]
        at, tree = np.concatenate([at, at + 1]), np.concatenate([tree, tree])
    return trees


def _votes(plan: Plan, lookup: Lookup, weights: Floats) -> Leaves | None:
    """One tree whose leaves vote for a class: each leaf stands for the row that is looked up."""
    largest = plan.operations[lookup.x]
    if not isinstance(largest, Largest):
        return None
    forest = plan.operations[largest.x]
    if not isinstance(forest, Forest) or len(forest.roots) != 1 or len(forest.targets):
        return None
    is_leaf = (forest.kind & LEAF) > 0
    shares = forest.values.reshape(-1, len(forest.base)) + forest.base
    worth = (lookup.table.astype(np.float64) @ weights)[shares.argmax(axis=1)]
    values = np.zeros(len(forest.kind))
    values[is_leaf] = worth[forest.left[is_leaf]]
    return Leaves(largest.x, values)


def _is_of_fields(plan: Plan, owners: list[Owners], register: int) -> bool:
    """Whether each node of a forest asks for one field."""
    forest = plan.operations[register]
    assert isinstance(forest, Forest)
    asked = forest.feature[(forest.kind & LEAF) == 0]
    return bool((owners[forest.x][asked] != SEVERAL).all())
