"""Traces a column of a matrix back to the column of the table that it was computed from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, pairwise, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.program.kernel import LEAF, SET, NumpyForest
from podium.program.operations import (
    AnyOperation,
    Bin,
    Blank,
    Elementwise,
    Finite,
    Forest,
    Impute,
    Join,
    Numbers,
    ReadTimes,
    Scale,
    Select,
    Shapes,
    Single,
    Texts,
)
from podium.program.operations.rows.elementwise import JUMPS
from podium.program.plan import Plan
from podium.table import Array


class Origin(NamedTuple):
    """A column of the table, and how its numbers became those of the matrix: slope * x + offset."""

    column: int
    slope: float = 1.0
    offset: float = 0.0

    def back(self, number: float) -> float:
        """The table's number that becomes this one, up to rounding."""
        if self.slope == 1.0 and self.offset == 0.0:
            return number
        return (number - self.offset) / self.slope


def origin_of(plan: Plan, register: int, column: int) -> Origin | None:
    """The origin of a matrix' column; None unless it is a single column of the table, scaled."""
    slope, offset = 1.0, 0.0
    while True:
        operation = plan.operations[register]
        if isinstance(operation, Numbers):
            return Origin(operation.columns[column], slope, offset)
        step = _step_back(plan, operation, column)
        if step is None:
            return None
        register, column, a, b = step
        slope, offset = slope * a, slope * b + offset


def _step_back(
    plan: Plan, operation: AnyOperation, column: int
) -> tuple[int, int, float, float] | None:
    if isinstance(operation, (Blank, Finite, Impute, Single)):
        return operation.x, column, 1.0, 0.0
    if isinstance(operation, Select):
        return operation.x, int(operation.columns[column]), 1.0, 0.0
    if isinstance(operation, Scale):
        slope, offset = _line(operation, column)
        return (operation.x, column, slope, offset) if slope else None
    if isinstance(operation, Join):
        shapes = plan.check()
        for x in operation.xs:
            width = shapes.any(x).width
            if column < width:
                return x, column, 1.0, 0.0
            column -= width
    return None


def _line(scale: Scale, column: int) -> tuple[float, float]:
    slope, offset = 1.0, 0.0
    if scale.subtract is not None:
        offset -= float(scale.subtract[column])
    if scale.divide is not None:
        slope, offset = slope / float(scale.divide[column]), offset / float(scale.divide[column])
    if scale.multiply is not None:
        by = float(scale.multiply[column])
        slope, offset = slope * by, offset * by
    if scale.add is not None:
        offset += float(scale.add[column])
    return slope, offset


class Split(NamedTuple):
    """A node where a row goes left or right: which row reaches it, and what to change in it."""

    row: int
    column: int
    number: float


def splits_of(
    plan: Plan, matrices: dict[int, Array], n_most: int, random: np.random.Generator
) -> Iterator[Split]:
    """Nodes of the plan's forests that these rows reach, at most this many, drawn at random.

    Args:
        matrices: the content of each forest's register for the rows, by register.
    """
    forests = [o for o in plan.operations if isinstance(o, Forest)]
    for forest in forests:
        rows = np.asarray(matrices[forest.x], np.float64)
        origins = [origin_of(plan, forest.x, j) for j in range(rows.shape[1])]
        nodes, reached = _reached(forest, rows)
        is_traced = np.array([origins[f] is not None for f in forest.feature[nodes]], bool)
        nodes, reached = nodes[is_traced], reached[is_traced]
        share = max(1, n_most // len(forests))
        if len(nodes) > share:
            drawn = np.sort(random.choice(len(nodes), share, replace=False))
            nodes, reached = nodes[drawn], reached[drawn]
        for node, row in zip(nodes.tolist(), reached.tolist(), strict=True):
            origin = origins[forest.feature[node]]
            if origin is not None:
                yield Split(row, origin.column, origin.back(float(forest.threshold[node])))


def thresholds_of(plan: Plan, n_rows: int, n_most: int) -> Iterator[Split]:
    """Numbers that the plan compares a column of the table with, at most this many.

    Args:
        n_rows: of the table; the points are spread over its rows.
    """
    found = islice(_compared(plan), n_most)
    for number, (origin, threshold) in enumerate(found):
        yield Split(number % n_rows, origin.column, origin.back(threshold))


def _compared(plan: Plan) -> Iterator[tuple[Origin, float]]:
    """Origins of columns, and the numbers that they are compared with."""
    shapes = plan.check()
    for operation in plan.operations:
        for x, column, number in _numbers_compared(operation, shapes):
            origin = origin_of(plan, x, column)
            if origin is not None and np.isfinite(number):
                yield origin, number


def _numbers_compared(operation: AnyOperation, shapes: Shapes) -> Iterator[tuple[int, int, float]]:
    """Registers, their columns, and the numbers that an operation compares these with."""
    if isinstance(operation, Bin):
        for column, (begin, end) in enumerate(pairwise(operation.starts)):
            yield from ((operation.x, column, float(edge)) for edge in operation.edges[begin:end])
    elif isinstance(operation, Elementwise) and operation.function in JUMPS:
        for x, row in product(operation.xs, operation.constants):
            columns = range(shapes.matrix(x).width)
            yield from ((x, column, float(row[column % len(row)])) for column in columns)


def _reached(forest: Forest, rows: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Nodes with a threshold that some row reaches, and one such row for each."""
    walker = NumpyForest(
        forest.trees, len(forest.base), forest.is_single_input, forest.is_single_sum
    )
    if forest.is_single_input:
        with np.errstate(over="ignore"):
            rows = rows.astype(np.float32).astype(np.float64)
    row = np.arange(len(rows))[:, None]
    first = np.full(len(forest.feature), -1, np.int64)
    at = np.repeat(forest.roots[None, :], len(rows), axis=0)
    while not walker.is_leaf[at].all():
        first[at] = np.broadcast_to(row, at.shape)
        at = walker.next_nodes(at, rows[row, walker.feature[at]])
    nodes = np.flatnonzero((first >= 0) & ((forest.kind & (LEAF | SET)) == 0))
    return nodes, first[nodes]


def formats_of(plan: Plan) -> Mapping[str, str]:
    """The formats of texts that are read as times, others being refused, by the field's name."""
    found = {}
    for operation in plan.operations:
        if isinstance(operation, ReadTimes) and operation.is_strict:
            texts = plan.operations[operation.x]
            if isinstance(texts, Texts):
                found[plan.inputs[texts.column]] = operation.format
    return found
