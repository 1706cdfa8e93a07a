"""A plan without unused operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

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


def renumbered(operation: AnyOperation, new: Mapping[int, int]) -> AnyOperation:
    """The operation, reading registers by their new numbers."""
    changes: dict[str, Any] = {}
    if (x := getattr(operation, "x", None)) is not None:
        changes["x"] = new[x]
    if "xs" in operation.__struct_fields__:
        changes["xs"] = tuple(new[x] for x in operation.xs)  # type: ignore[union-attr]
    return msgspec.structs.replace(operation, **changes) if changes else operation
