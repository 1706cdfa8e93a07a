"""Program and original compared: this decides whether the program is used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from podium.compile.findings import Findings
from podium.compile.jumps import jumps_of
from podium.compile.perturb import Perturbed, perturbations
from podium.compile.trace import Split, splits_of
from podium.errors import ModelError
from podium.program import Program
from podium.program.operations import Forest
from podium.signature import Signature
from podium.table import Array, Outputs, Table

Original: TypeAlias = Callable[[Table], Outputs]

TOLERANCE_DOUBLE = 1e-9
TOLERANCE_SINGLE = 1e-5
SAMPLE_MAX = 500
SPLITS_MAX = 1_500
ONE_BY_ONE = 32
# Original calls that may be spent on finding out which rows of a group it refuses.
SEARCHES_MAX = 200
SECONDS_MAX = 30.0


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What the comparison found.

    Attributes:
        is_equal: the program may be used.
        why: it may not, because.
        n_rows: of the training data that were compared.
        n_perturbed: rows made of them.
        n_refused: rows that both refuse.
        n_labels: predicted labels that differ.
        difference: the largest one between numbers, relative to the original's.
        tolerance: what is allowed.
        seconds: that it took.
    """

    is_equal: bool
    why: str = ""
    n_rows: int = 0
    n_perturbed: int = 0
    n_refused: int = 0
    n_labels: int = 0
    difference: float = 0.0
    tolerance: float = TOLERANCE_DOUBLE
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is to answer instead of an original.

    Attributes:
        predict: answers a table; raises ModelError where it refuses.
        predict_rows: answers rows of cells, where there is such a way.
        answers_labels: its predictions must be the same, not only close.
        splits: up to so many places just beside which the two could differ.
    """

    signature: Signature
    predict: Original
    predict_rows: Callable[[Sequence[Sequence[Any]]], Outputs] | None = None
    answers_labels: bool = False
    is_single: bool = False
    splits: Callable[[Table, int, np.random.Generator], Sequence[Split]]


def verify(program: Program, original: Original, sample: Table, *, seed: int = 0) -> Verification:
    """Whether the program answers as the original does, on the training data and beside it.

    Args:
        original: raises ModelError where it refuses.
        sample: rows of the training data.
    """
    candidate = Candidate(
        signature=program.signature,
        predict=program.predict,
        predict_rows=program.predict_rows,
        answers_labels=program.plan.answers[0].classes is not None,
        is_single=program.is_single,
        splits=lambda rows, n_most, random: _splits(program, rows, n_most, random),
    )
    return compare(candidate, original, sample, seed=seed)


def verify_opaque(
    predict: Original, signature: Signature, original: Original, sample: Table, *, seed: int = 0
) -> Verification:
    """The same for what can't be looked into: where the original jumps is found by asking it.

    Args:
        predict: what is to answer instead of the original.
    """
    numbers = signature.output.task == "regression"
    candidate = Candidate(
        signature=signature,
        predict=predict,
        answers_labels=not numbers,
        splits=lambda rows, n_most, random: jumps_of(original, signature, rows, n_most, random),
    )
    return compare(candidate, original, sample, seed=seed)


def compare(
    candidate: Candidate, original: Original, sample: Table, *, seed: int = 0
) -> Verification:
    """Whether the candidate answers as the original does; see `verify`."""
    began = time.perf_counter()
    random = np.random.default_rng(seed)
    rows = _spread(sample)
    try:
        theirs = original(rows)
    except ModelError as error:
        return Verification(is_equal=False, why=f"the original refuses its training data: {error}")
    spent = time.perf_counter() - began
    tolerance = _tolerance(candidate, theirs)
    found = Findings(tolerance, _scale(candidate, theirs))
    _compare_group(found, candidate, original, Perturbed("training data", rows))
    found.n_perturbed = 0
    _one_by_one(found, candidate, rows, theirs)
    deadline = began + max(SECONDS_MAX, 4 * spent)
    for group in _groups(candidate, rows, spent, random):
        if time.perf_counter() > deadline or len(found.problems) > 20:
            break
        _compare_group(found, candidate, original, group)
    return Verification(
        is_equal=not found.problems,
        why=found.problems[0] if found.problems else "",
        n_rows=rows.n_rows,
        n_perturbed=found.n_perturbed,
        n_refused=found.n_refused,
        n_labels=found.n_labels,
        difference=found.difference,
        tolerance=tolerance,
        seconds=time.perf_counter() - began,
    )


def _spread(sample: Table) -> Table:
    if sample.n_rows <= SAMPLE_MAX:
        return sample
    return sample.take(np.linspace(0, sample.n_rows - 1, SAMPLE_MAX).astype(np.intp))


def _tolerance(candidate: Candidate, theirs: Outputs) -> float:
    arrays = [theirs.predictions, theirs.probabilities]
    is_single = any(a is not None and a.dtype == np.float32 for a in arrays)
    return TOLERANCE_SINGLE if is_single or candidate.is_single else TOLERANCE_DOUBLE


def _scale(candidate: Candidate, theirs: Outputs) -> Array:
    """The usual size of each output: the least by which a difference is divided. Empty: labels."""
    if candidate.answers_labels:
        return np.empty(0)
    sizes = np.abs(theirs.predictions.astype(np.float64))
    typical = np.median(sizes, axis=0)
    return np.where(typical > 0, typical, np.maximum(sizes.max(axis=0), 1e-300))


def _groups(
    candidate: Candidate, rows: Table, spent: float, random: np.random.Generator
) -> Iterator[Perturbed]:
    # An original that takes seconds for 500 rows isn't asked for thousands.
    n_splits = int(min(SPLITS_MAX, SPLITS_MAX * SECONDS_MAX / 20 / max(spent, 1e-9)))
    few = rows.take(slice(0, 200))
    splits = candidate.splits(few, n_splits, random)
    yield from perturbations(candidate.signature, few, splits, random)


def _splits(
    program: Program, rows: Table, n_most: int, random: np.random.Generator
) -> Sequence[Split]:
    """Thresholds of the program's forests."""
    plan = program.plan
    matrices = {
        o.x: value
        for o in plan.operations
        if isinstance(o, Forest)
        for value in [program.register(o.x, rows)]
    }
    return list(splits_of(plan, matrices, n_most, random)) if matrices else []


def _compare_group(
    found: Findings, candidate: Candidate, original: Original, group: Perturbed
) -> None:
    """Compare on a group; where either refuses it, on the halves of it."""
    waiting: list[Table] = [group.table]
    searches = 0
    while waiting:
        table = waiting.pop()
        theirs, ours = _answer(original, table), _answer(candidate.predict, table)
        if theirs is not None and ours is not None:
            found.n_perturbed += table.n_rows
            found.compare(group.what, theirs, ours)
        elif table.n_rows > 1:
            searches += 1
            if searches > SEARCHES_MAX:
                break
            half = table.n_rows // 2
            waiting += [table.take(slice(half, None)), table.take(slice(0, half))]
        elif theirs is None and ours is None:
            found.n_refused += 1
        else:
            who = "the program answers" if theirs is None else "the original answers"
            other = "the original" if theirs is None else "the program"
            found.problem(group.what, f"{who} a row that {other} refuses")


def _answer(predict: Original, table: Table) -> Outputs | None:
    """What is answered; None where it is refused, or isn't finite, which counts as refused."""
    try:
        outputs = predict(table)
    except ModelError:
        return None
    arrays: Sequence[Any] = (outputs.predictions, outputs.probabilities)
    for array in arrays:
        if array is not None and array.dtype.kind == "f" and not np.isfinite(array).all():
            return None
    return outputs


def _one_by_one(found: Findings, candidate: Candidate, rows: Table, theirs: Outputs) -> None:
    """A row alone must get what it gets in a batch."""
    for row in range(min(ONE_BY_ONE, rows.n_rows)):
        one = rows.take(slice(row, row + 1))
        cells = tuple(next(one.rows()).values())
        try:
            alone = candidate.predict(one)
            plain = alone if candidate.predict_rows is None else candidate.predict_rows([cells])
        except ModelError as error:
            found.problem("row by row", f"the program refuses what it took in a batch: {error}")
            return
        found.compare("row by row", theirs.rows(slice(row, row + 1)), alone)
        found.compare("plain rows", theirs.rows(slice(row, row + 1)), plain)
