"""A plan without unused operations, and without any that it has twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from podium.program.operations import AnyOperation
from podium.program.plan import Plan
from podium.program.prepare import sources


def pruned(plan: Plan) -> Plan:
    """The plan without unused operations."""
    operations = plan.operations
    needed = plan.output_registers
    for register in range(len(operations) - 1, -1, -1):
        if register in needed:
            needed |= set(sources(operations[register]))
    new = {old: number for number, old in enumerate(sorted(needed))}
    return plan.renumbered((renumbered(operations[old], new) for old in sorted(needed)), new)


def merged(plan: Plan) -> Plan:
    """The plan in which each operation is there once.

    Code of one's own that predicts and returns probabilities is recorded twice, with the models in it.
    """
    new: dict[int, int] = {}
    kept: list[AnyOperation] = []
    places: dict[Any, list[int]] = {}
    for old, operation in enumerate(plan.operations):
        one = renumbered(operation, new)
        alike = places.setdefault(_outline(one), [])
        same = next((at for at in alike if _is_same(kept[at], one)), None)
        if same is None:
            alike.append(same := len(kept))
            kept.append(one)
        new[old] = same
    return plan.renumbered(iter(kept), new)


def _outline(value: Any) -> Any:
    """A value of which those that are the same have the same; of arrays only the form."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str
    if isinstance(value, msgspec.Struct):
        fields = (_outline(getattr(value, name)) for name in value.__struct_fields__)
        return type(value), *fields
    return tuple(map(_outline, value)) if isinstance(value, tuple) else value


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values of the same outline are the same to the last bit."""
    if isinstance(one, np.ndarray):
        return bool(one.tobytes() == other.tobytes())
    if isinstance(one, msgspec.Struct):
        return all(
            _is_same(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__
        )
    if isinstance(one, tuple):
        return all(map(_is_same, one, other))
    return bool(one == other)


def renumbered(operation: AnyOperation, new: Mapping[int, int]) -> AnyOperation:
    """The operation, reading registers by their new numbers."""
    changes: dict[str, Any] = {}
    if (x := getattr(operation, "x", None)) is not None:
        changes["x"] = new[x]
    if "xs" in operation.__struct_fields__:
        changes["xs"] = tuple(new[x] for x in operation.xs)  # type: ignore[union-attr]
    return msgspec.structs.replace(operation, **changes) if changes else operation
