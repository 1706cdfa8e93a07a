"""Program and original compared: this decides whether the program is used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from podium.compile.perturb import Perturbed, perturbations
from podium.compile.trace import splits_of
from podium.errors import ModelError
from podium.program import Program
from podium.program.operations import Forest
from podium.table import Array, Outputs, Table, plain_values

Original: TypeAlias = Callable[[Table], Outputs]

TOLERANCE_DOUBLE = 1e-9
TOLERANCE_SINGLE = 1e-5
SAMPLE_MAX = 500
SPLITS_MAX = 1_500
ONE_BY_ONE = 32
# Original calls that may be spent on finding out which rows of a group it refuses.
SEARCHES_MAX = 200
SECONDS_MAX = 30.0
# Probabilities below this are compared by their distance, not by their ratio: 1 - p of a
# certain class is only as exact as p.
PROBABILITY_FLOOR = 1e-3


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


@dataclass
class _Findings:
    """What was found so far."""

    tolerance: float
    scale: Array
    n_perturbed: int = 0
    n_refused: int = 0
    n_labels: int = 0
    difference: float = 0.0
    problems: list[str] = field(default_factory=list)

    def compare(self, what: str, theirs: Outputs, ours: Outputs) -> None:
        """Note every difference between two answers to the same rows."""
        if theirs.predictions.shape != ours.predictions.shape:
            self.problem(
                what,
                f"predictions have shape {ours.predictions.shape}, not {theirs.predictions.shape}",
            )
            return
        if self.scale.size:
            self._numbers(what, theirs.predictions, ours.predictions, self.scale)
        else:
            self._labels(what, theirs.predictions, ours.predictions)
        if (theirs.probabilities is None) != (ours.probabilities is None):
            self.problem(what, "only one of them answers probabilities")
        elif theirs.probabilities is not None and ours.probabilities is not None:
            floor = np.array(PROBABILITY_FLOOR)
            self._numbers(what, theirs.probabilities, ours.probabilities, floor)

    def problem(self, what: str, problem: str) -> None:
        self.problems.append(f"{what}: {problem}")

    def _labels(self, what: str, theirs: Array, ours: Array) -> None:
        pairs = zip(plain_values(theirs.ravel()), plain_values(ours.ravel()), strict=True)
        differing = [(t, o) for t, o in pairs if type(t) is not type(o) or t != o]
        if differing:
            self.n_labels += len(differing)
            their, our = differing[0]
            self.problem(
                what, f"{len(differing)} labels differ, first {our!r} instead of {their!r}"
            )

    def _numbers(self, what: str, theirs: Array, ours: Array, floor: Array) -> None:
        theirs, ours = theirs.astype(np.float64), ours.astype(np.float64)
        with np.errstate(all="ignore"):
            off = np.abs(ours - theirs) / np.maximum(np.abs(theirs), floor)
        off = np.where((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), 0.0, off)
        most = float(np.max(np.where(np.isnan(off), np.inf, off), initial=0.0))
        self.difference = max(self.difference, most)
        if most > self.tolerance:
            at = np.unravel_index(int(np.nanargmax(off)), off.shape)
            self.problem(what, f"{float(ours[at])!r} instead of {float(theirs[at])!r}")


def verify(program: Program, original: Original, sample: Table, *, seed: int = 0) -> Verification:
    """Whether the program answers as the original does, on the training data and beside it.

    Args:
        original: raises ModelError where it refuses.
        sample: rows of the training data.
    """
    began = time.perf_counter()
    random = np.random.default_rng(seed)
    rows = _spread(sample)
    try:
        theirs = original(rows)
    except ModelError as error:
        return Verification(is_equal=False, why=f"the original refuses its training data: {error}")
    spent = time.perf_counter() - began
    tolerance = _tolerance(program, theirs)
    found = _Findings(tolerance, _scale(program, theirs))
    _compare_group(found, program, original, Perturbed("training data", rows))
    found.n_perturbed = 0
    _one_by_one(found, program, rows, theirs)
    deadline = began + max(SECONDS_MAX, 4 * spent)
    for group in _groups(program, rows, spent, random):
        if time.perf_counter() > deadline or len(found.problems) > 20:
            break
        _compare_group(found, program, original, group)
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


def _tolerance(program: Program, theirs: Outputs) -> float:
    arrays = [theirs.predictions, theirs.probabilities]
    is_single = any(a is not None and a.dtype == np.float32 for a in arrays)
    return TOLERANCE_SINGLE if is_single or program.is_single else TOLERANCE_DOUBLE


def _scale(program: Program, theirs: Outputs) -> Array:
    """The usual size of each output: the least by which a difference is divided. Empty: labels."""
    if program.plan.answers[0].classes is not None:
        return np.empty(0)
    sizes = np.abs(theirs.predictions.astype(np.float64))
    typical = np.median(sizes, axis=0)
    return np.where(typical > 0, typical, np.maximum(sizes.max(axis=0), 1e-300))


def _groups(
    program: Program, rows: Table, spent: float, random: np.random.Generator
) -> Iterator[Perturbed]:
    # An original that takes seconds for 500 rows isn't asked for thousands.
    n_splits = int(min(SPLITS_MAX, SPLITS_MAX * SECONDS_MAX / 20 / max(spent, 1e-9)))
    few = rows.take(slice(0, 200))
    plan = program.plan
    matrices = {
        o.x: value
        for o in plan.operations
        if isinstance(o, Forest)
        for value in [program.register(o.x, few)]
    }
    splits = list(splits_of(plan, matrices, n_splits, random)) if matrices else []
    yield from perturbations(program.signature, few, splits, random)


def _compare_group(
    found: _Findings, program: Program, original: Original, group: Perturbed
) -> None:
    """Compare on a group; where either refuses it, on the halves of it."""
    waiting: list[Table] = [group.table]
    searches = 0
    while waiting:
        table = waiting.pop()
        theirs, ours = _answer(original, table), _answer(program.predict, table)
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


def _one_by_one(found: _Findings, program: Program, rows: Table, theirs: Outputs) -> None:
    """A row alone must get what it gets in a batch."""
    for row in range(min(ONE_BY_ONE, rows.n_rows)):
        one = rows.take(slice(row, row + 1))
        cells = tuple(next(one.rows()).values())
        try:
            alone, plain = program.predict(one), program.predict_rows([cells])
        except ModelError as error:
            found.problem("row by row", f"the program refuses what it took in a batch: {error}")
            return
        found.compare("row by row", theirs.rows(slice(row, row + 1)), alone)
        found.compare("plain rows", theirs.rows(slice(row, row + 1)), plain)
