"""Prepares a plan for running: constants are folded, operations become functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from podium.program.operations import (
    AnyOperation,
    Finite,
    Matmul,
    Operation,
    Scale,
    Shapes,
    Step,
)
from podium.program.plan import Plan

# Folding replaces (x - mean) / scale by x / scale - mean / scale. Its error is that of a number
# of the size of mean / scale: with this bound less than 1e-11 of the scaled values.
OFFSET_MAX = 1e4


class Prepared(NamedTuple):
    """What runs.

    Attributes:
        steps: one function for each operation, in order; one whose result isn't needed returns
            nothing.
        may_warn: whether numpy may warn about some rows.
    """

    steps: tuple[Step, ...]
    may_warn: bool


def prepared(plan: Plan, shapes: Shapes) -> Prepared:
    """The plan as functions with prepared constants.

    Raises:
        BundleError: a forest is invalid.
    """
    operations = folded(plan)
    read = Counter(r for operation in operations for r in sources(operation))
    read.update(plan.output_registers)
    steps = [
        operation.prepare(shapes) if read[register] else _no_operation
        for register, operation in enumerate(operations)
    ]
    may_warn = any(o.may_warn for register, o in enumerate(operations) if read[register])
    return Prepared(tuple(steps), may_warn)


def sources(operation: Operation) -> tuple[int, ...]:
    """The registers that an operation reads."""
    one = getattr(operation, "x", None)
    return getattr(operation, "xs", ()) if one is None else (one,)


def folded(plan: Plan) -> list[AnyOperation]:
    """The operations, with scaling folded into the following product if that is exact enough.

    A check between the two stays: numbers are finite after scaling if they were before.
    """
    operations = list(plan.operations)
    readers = Counter(r for operation in operations for r in sources(operation))
    for register, product in enumerate(operations):
        if not isinstance(product, Matmul) or product.weights.dtype != np.float64:
            continue
        check = operations[product.x]
        scale = operations[check.x] if isinstance(check, Finite) else check
        if not isinstance(scale, Scale):
            continue
        new = _folded(scale, product)
        if isinstance(check, Finite) and new is not product:
            if readers[product.x] > 1 or check.least is not None:
                continue
            operations[product.x] = Finite(scale.x)
            new = msgspec.structs.replace(new, x=product.x)
        operations[register] = new
    return operations


def _folded(scale: Scale, product: Matmul) -> Matmul:
    width = len(product.weights)
    slope, offset = np.ones(width), np.zeros(width)
    if scale.subtract is not None:
        offset = offset - scale.subtract
    for constants, function in ((scale.divide, np.divide), (scale.multiply, np.multiply)):
        if constants is not None:
            slope, offset = function(slope, constants), function(offset, constants)
    if scale.add is not None:
        offset = offset + scale.add
    weights = slope[:, None] * product.weights
    bias = offset.dot(product.weights)
    if not (np.abs(offset) <= OFFSET_MAX).all() or not np.isfinite(weights).all():
        return product
    return msgspec.structs.replace(
        product,
        x=scale.x,
        weights=weights,
        bias=bias if product.bias is None else bias + product.bias,
    )


def _no_operation(_columns: Sequence[Any], _values: Sequence[Any]) -> Any:
    return None
