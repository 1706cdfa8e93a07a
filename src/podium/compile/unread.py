"""Columns of the table that no output of a plan depends on, and a plan that runs without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.compile.prune import renumbered
from podium.program.kernel import LEAF
from podium.program.operations import (
    AnyOperation,
    Blank,
    CategoryHash,
    Encode,
    Finite,
    Forest,
    Impute,
    Join,
    Matmul,
    Numbers,
    OneHot,
    Scale,
    Select,
    Shapes,
    Single,
)
from podium.program.plan import Plan
from podium.program.prepare import sources
from podium.signature import Field

# Which columns of a register are needed, true or false each.
_Mask: TypeAlias = NDArray[np.bool_]


def unread(plan: Plan) -> frozenset[int]:
    """The table's columns, by index, whose values change no prediction."""
    operations, needed = plan.operations, _needed_columns(plan)
    read: set[int] = set()
    for operation, columns in zip(operations, needed, strict=True):
        if isinstance(operation, (CategoryHash, Numbers)):
            read.update(
                c for c, is_needed in zip(operation.columns, columns, strict=True) if is_needed
            )
        elif isinstance(operation, (Encode, OneHot)):
            used = _codings(operation, columns)
            read.update(
                c.column for c, is_used in zip(operation.codings, used, strict=True) if is_used
            )
        elif columns.any():
            read.update(operation.columns_read)
    return frozenset(range(len(plan.inputs))) - read


def without_unread(plan: Plan, fields: Sequence[Field]) -> Plan:
    """The plan, changed to accept missing values in the columns that change no prediction.

    Args:
        fields: the table's columns: if the original was to be tried without a value, the plan
            refuses what the original refuses.
    """
    dead = frozenset(column for column in unread(plan) if fields[column].missing == "refuse")
    if not dead:
        return plan
    operations: list[AnyOperation] = []
    new: dict[int, int] = {}
    for register, operation in enumerate(plan.operations):
        operations.append(_without_refusals(renumbered(operation, new), dead))
        if isinstance(operation, Numbers) and not dead.isdisjoint(operation.columns):
            fill = np.array([0.0 if c in dead else np.nan for c in operation.columns])
            operations.append(Impute(len(operations) - 1, fill))
        new[register] = len(operations) - 1
    return plan.renumbered(operations, new)


def _without_refusals(operation: AnyOperation, dead: frozenset[int]) -> AnyOperation:
    """The operation, changed to accept any value in these columns."""
    if isinstance(operation, CategoryHash):
        pairs = zip(operation.columns, operation.missing, strict=True)
        missing = tuple("" if column in dead else label for column, label in pairs)
        return msgspec.structs.replace(operation, missing=missing)
    if not isinstance(operation, (Encode, OneHot)):
        return operation
    codings = tuple(
        msgspec.structs.replace(coding, refuses_missing=False, refuses_unknown=False)
        if coding.column in dead
        else coding
        for coding in operation.codings
    )
    return msgspec.structs.replace(operation, codings=codings)


def _needed_columns(plan: Plan) -> list[_Mask]:
    """The columns of each register that the outputs depend on."""
    shapes = plan.check()
    needed = [np.zeros(shapes.any(register).width, bool) for register in range(len(shapes))]
    for output in plan.answers:
        is_index = shapes.any(output.register).is_index
        needed[output.register][slice(None) if is_index else output.column] = True
    for beside in (plan.probabilities, plan.scores, plan.distances):
        if beside is not None:
            needed[beside][:] = True
    for register in range(len(needed) - 1, -1, -1):
        if needed[register].any():
            for source, columns in _read_by(plan.operations[register], needed[register], shapes):
                needed[source] |= columns
    return needed


def _read_by(operation: AnyOperation, needed: _Mask, shapes: Shapes) -> Iterator[tuple[int, _Mask]]:
    """The columns of each register that an operation reads for these of its own columns."""
    if isinstance(operation, (Blank, Finite, Impute, Single)):
        yield operation.x, needed
    elif isinstance(operation, Scale):
        yield (
            operation.x,
            needed if operation.multiply is None else needed & (operation.multiply != 0),
        )
    elif isinstance(operation, Select):
        yield operation.x, _at(operation.columns[needed], shapes.any(operation.x).width)
    elif isinstance(operation, Matmul):
        yield operation.x, (operation.weights[:, needed] != 0).any(axis=1)
    elif isinstance(operation, Forest):
        inner = operation.feature[(operation.kind & LEAF) == 0]
        yield operation.x, _at(inner, shapes.any(operation.x).width)
    elif isinstance(operation, Join):
        begin = 0
        for x in operation.xs:
            width = shapes.any(x).width
            yield x, needed[begin : begin + width]
            begin += width
    else:
        for x in sources(operation):
            yield x, np.ones(shapes.any(x).width, bool)


def _at(places: NDArray[np.integer], width: int) -> _Mask:
    columns = np.zeros(width, bool)
    columns[places] = True
    return columns


def _codings(operation: Encode | OneHot, needed: _Mask) -> list[bool]:
    """Which of an operation's codings fill a column that is needed."""
    if isinstance(operation, Encode):
        return [bool(is_needed) for is_needed in needed]
    places = [coding.codes[coding.codes >= 0].astype(np.intp) for coding in operation.codings]
    return [bool(needed[at].any()) for at in places]
