"""Which step of a pipeline differs from its original, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder, Step
from podium.compile.features import NotCompiled
from podium.errors import ModelError
from podium.program import Plan, PlanOutput, Program
from podium.program.operations.texts.terms import HASHED_MAX
from podium.signature import Output, Signature
from podium.table import Array, Table

# What an original's `transform` may raise; the step is then left without a difference.
_REFUSED = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def differences(build: Builder, estimator: Any, frame: Any, table: Table) -> dict[int, float]:
    """The largest difference after each step of a pipeline, by the step's position in its report.

    Relative to the largest number in the same column. Steps whose result isn't numeric are left
    out, and so is everything inside a column transformer: it is compared as a whole.

    Args:
        frame: the rows of `table`, in the form for the original.
    """
    by_row: dict[int, float] = {}
    for place, theirs in _transformed(build.steps, estimator, frame):
        ours = _ours(build, build.steps[place], table)
        if ours is not None and theirs is not None and ours.shape == theirs.shape:
            by_row[place] = _difference(theirs, ours)
    return by_row


def _transformed(
    steps: Sequence[Step], estimator: Any, frame: Any
) -> Iterator[tuple[int, Array | None]]:
    """The output of each step for the frame, and the step's position in the report."""
    places = {id(step.estimator): place for place, step in enumerate(steps)}
    for _, step in getattr(estimator, "steps", [])[:-1]:
        if not hasattr(step, "transform"):
            continue
        try:
            frame = step.transform(frame)
        except _REFUSED:
            return
        if id(step) in places:
            yield places[id(step)], _dense(frame)


def _dense(matrix: Any) -> Array | None:
    if hasattr(matrix, "toarray"):
        if matrix.shape[1] > HASHED_MAX:
            return None
        matrix = matrix.toarray()
    try:
        return np.asarray(matrix, np.float64)
    except (TypeError, ValueError):
        return None


def _ours(build: Builder, step: Step, table: Table) -> Array | None:
    if not step.after:
        return None
    try:
        register = build.matrix(step.after)
        plan_outputs = tuple(PlanOutput(register, column) for column in range(len(step.after)))
        outputs = tuple(Output(name=str(column)) for column in range(len(step.after)))
        plan = Plan(build.signature.names, build.operations, plan_outputs)
        signature = Signature(fields=build.signature.fields, outputs=outputs)
        return np.asarray(Program(plan, signature).register(register, table), np.float64)
    except (NotCompiled, ModelError):
        return None


def _difference(theirs: Array, ours: Array) -> float:
    with np.errstate(all="ignore"):
        scale = np.maximum(np.nanmax(np.abs(theirs), axis=0, initial=0.0), 1e-300)
        off = np.abs(ours - theirs) / scale
    off = np.where((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), 0.0, off)
    return float(np.max(np.where(np.isnan(off), np.inf, off), initial=0.0))
