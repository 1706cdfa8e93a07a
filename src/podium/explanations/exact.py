"""Exact explanations of programs that are sums: of functions of one field each, and of trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from podium.explanations.explanation import Link, Method
from podium.explanations.number import Number, numbers_in
from podium.explanations.owners import owners_of
from podium.explanations.parts import Columns, Leaves, parts_of
from podium.explanations.target import Target, target_of
from podium.explanations.trees import Walker, has_kernel
from podium.outputs import Outputs
from podium.program import Program
from podium.program.arrays import Floats
from podium.program.operations import Forest, Shapes
from podium.program.plan import Plan
from podium.program.prepare import sources
from podium.table import Array, Table

# What a sum may miss of the answer. Programs of single precision round each of many sums.
MISSED, MISSED_SINGLE = 1e-8, 1e-3


class Exact(NamedTuple):
    """Explanations of some rows.

    Attributes:
        base: the mean over the background rows.
        values: of the rows, shape (n_rows,).
        contributions: of the fields, shape (n_rows, n_fields).
    """

    base: float
    values: Floats
    contributions: Floats
    link: Link
    method: Method


class Sums:
    """The numbers of a program that are sums, with what is known of the background rows.

    Calls may overlap: at worst something is computed twice.

    Args:
        background: rows, as the program takes them.
        outputs: for these rows.
    """

    def __init__(self, program: Program, background: Table, outputs: Outputs) -> None:
        self.program, self.background, self.outputs = program, background, outputs
        self.owners = owners_of(program.plan)
        self.is_single = program.is_single
        self._sums: dict[Number, _Sum | None] = {}
        self._walkers: dict[tuple[int, ...], Walker] = {}

    def explain(self, rows: Table, outputs: Outputs, number: Number) -> Exact | None:
        """Explanations of the number of these rows; None if it isn't a sum.

        Args:
            outputs: for the rows.
        """
        if number not in self._sums:
            self._sums[number] = self._sum_of(number)
        found = self._sums[number]
        return None if found is None else found.explain(rows, outputs)

    def _sum_of(self, number: Number) -> _Sum | None:
        plan = self.program.plan
        target = target_of(plan, number)
        if target is None:
            return None
        parts = parts_of(plan, self.owners, target.register, target.weights)
        if parts is None or (parts.leaves and not has_kernel()):
            return None
        registers = _Registers(plan, [target.register, *_read(plan, parts.columns, parts.leaves)])
        of_background = registers(self.background)
        try:
            walks = [self._walk(group, of_background) for group in _groups(plan, parts.leaves)]
        except ValueError:  # trees that nobody grows, too deep to be walked
            return None
        return _Sum(self, number, target, parts.columns, walks, registers, of_background)

    def _walk(self, group: Sequence[Leaves], of_background: dict[int, Array]) -> _Walk:
        """The walk through the forests of a group."""
        operations = self.program.plan.operations
        forests = [one for leaves in group if isinstance(one := operations[leaves.forest], Forest)]
        x = forests[0].x
        key = tuple(leaves.forest for leaves in group)
        if key not in self._walkers:
            self._walkers[key] = Walker(
                forests, self.owners[x], of_background[x], len(self.background.columns)
            )
        return _Walk(x, self._walkers[key], np.concatenate([leaves.values for leaves in group]))


class _Walk(NamedTuple):
    """A walker, the register whose rows it takes, and the values of its nodes."""

    x: int
    walker: Walker
    values: Floats


class _Sum:
    """One number of a program."""

    def __init__(
        self,
        sums: Sums,
        number: Number,
        target: Target,
        columns: Sequence[Columns],
        walks: Sequence[_Walk],
        registers: _Registers,
        of_background: dict[int, Array],
    ) -> None:
        self._sums, self._signature = sums, sums.program.signature
        self._number, self._target, self._walks = number, target, walks
        self._registers = registers
        self._missed = MISSED_SINGLE if sums.is_single else MISSED
        self._columns = [
            (one, _terms(of_background[one.register], one.weights).mean(axis=0)) for one in columns
        ]
        self._base = float(self._values(of_background, sums.outputs).mean())

    def explain(self, rows: Table, outputs: Outputs) -> Exact | None:
        """Explanations; None if the sum isn't what the program computes."""
        registers = self._registers(rows)
        values = self._values(registers, outputs)
        contributions = np.zeros((len(values), len(self._signature.fields)))
        for one, mean in self._columns:
            owners = self._sums.owners[one.register]
            terms = _terms(registers[one.register], one.weights) - mean
            np.add.at(contributions.T, owners[owners >= 0], terms.T[owners >= 0])
        for walk in self._walks:
            contributions += walk.walker.contributions(registers[walk.x], walk.values)
        sizes = np.abs(contributions)
        total = sizes.sum(axis=1)
        missed = values - self._base - contributions.sum(axis=1)
        if (np.abs(missed) > self._missed * (np.abs(values) + abs(self._base) + total)).any():
            return None
        # A rounding error, shared out so that base and contributions add up.
        contributions += sizes * (missed / np.where(total > 0, total, 1.0))[:, None]
        method: Method = "trees" if self._walks else "additive"
        return Exact(self._base, values, contributions, self._target.link, method)

    def _values(self, registers: dict[int, Array], outputs: Outputs) -> Floats:
        if self._target.is_answer:
            return numbers_in(self._signature, outputs, self._number)
        values: Floats = registers[self._target.register].astype(np.float64) @ self._target.weights
        return values


class _Registers:
    """Some registers of a plan for a table, by number."""

    def __init__(self, plan: Plan, wanted: Sequence[int]) -> None:
        self._wanted = frozenset(wanted)
        needed = set(wanted)
        for register in range(max(wanted), -1, -1):
            if register in needed:
                needed.update(sources(plan.operations[register]))
        shapes = Shapes(len(plan.inputs))
        self._steps = []
        for register, operation in enumerate(plan.operations[: max(wanted) + 1]):
            shapes.add(operation.check(shapes))
            self._steps.append(operation.prepare(shapes) if register in needed else None)

    def __call__(self, table: Table) -> dict[int, Array]:
        columns = tuple(table.columns.values())
        values: list[Any] = []
        with np.errstate(all="ignore"):
            for step in self._steps:
                values.append(None if step is None else step(columns, values))
        return {register: values[register] for register in self._wanted}


def _read(plan: Plan, columns: Sequence[Columns], leaves: Sequence[Leaves]) -> list[int]:
    """The registers that parts need."""
    forests = [plan.operations[one.forest] for one in leaves]
    return [one.register for one in columns] + [one.x for one in forests if isinstance(one, Forest)]


def _groups(plan: Plan, leaves: Sequence[Leaves]) -> list[list[Leaves]]:
    """Forests that can be walked together: they read the same columns."""
    groups: dict[tuple[int, bool], list[Leaves]] = {}
    for one in leaves:
        forest = plan.operations[one.forest]
        assert isinstance(forest, Forest)
        groups.setdefault((forest.x, forest.is_single_input), []).append(one)
    return list(groups.values())


def _terms(columns: Array, weights: Floats) -> Floats:
    """The weighted columns; a missing number adds nothing, where a program accepts one here."""
    return np.nan_to_num(columns.astype(np.float64) * weights, copy=False)
