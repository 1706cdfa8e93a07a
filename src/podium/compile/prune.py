"""A plan without what nobody reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from podium.program.operations import AnyOperation
from podium.program.plan import Plan
from podium.program.prepare import sources


def pruned(plan: Plan) -> Plan:
    """The plan without operations that nobody reads."""
    operations = plan.operations
    wanted = {answer.register for answer in plan.answers}
    wanted |= set() if plan.probabilities is None else {plan.probabilities}
    for register in range(len(operations) - 1, -1, -1):
        if register in wanted:
            wanted |= set(sources(operations[register]))
    new = {old: number for number, old in enumerate(sorted(wanted))}
    return Plan(
        plan.inputs,
        tuple(_renumbered(operations[old], new) for old in sorted(wanted)),
        tuple(msgspec.structs.replace(a, register=new[a.register]) for a in plan.answers),
        None if plan.probabilities is None else new[plan.probabilities],
    )


def _renumbered(operation: AnyOperation, new: Mapping[int, int]) -> AnyOperation:
    changes: dict[str, Any] = {}
    if "x" in operation.__struct_fields__:
        changes["x"] = new[operation.x]  # type: ignore[union-attr]
    if "xs" in operation.__struct_fields__:
        changes["xs"] = tuple(new[x] for x in operation.xs)  # type: ignore[union-attr]
    return msgspec.structs.replace(operation, **changes) if changes else operation
