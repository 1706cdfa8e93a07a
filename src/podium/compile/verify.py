"""Compares program and original, which decides whether the program is used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from podium.bisection import Bisection
from podium.compile.findings import Findings
from podium.compile.jumps import jumps_of
from podium.compile.perturb import Perturbed, perturbations, together
from podium.compile.trace import Split, formats_of, splits_of, thresholds_of
from podium.errors import ModelError
from podium.outputs import Outputs
from podium.program import Program
from podium.program.operations import Forest, Matmul
from podium.signature import Signature
from podium.table import Array, Table

Original: TypeAlias = Callable[[Table], Outputs]

TOLERANCE_DOUBLE = 1e-9
TOLERANCE_SINGLE = 1e-5
# A network's last sums are exponents of its probabilities: near 100 a sum of single precision is exact
# to 1e-5, which becomes the relative error of a probability. Libraries add up in orders of their own.
TOLERANCE_NETWORK = 1e-4
SAMPLE_MAX = 500
SPLITS_MAX = 1_500
ONE_BY_ONE = 32
# How many rows of the training data the original predicts alone, where a program differs from it.
ITSELF = 16
# How many calls of the original may be spent on finding out which rows of a group it refuses.
SEARCHES_MAX = 200
SECONDS_MAX = 30.0
# Once a program differs it isn't used: more differences are looked for only to describe it.
SECONDS_DIFFERING = 5.0
PROBLEMS_MAX = 20
# A graph that is tried only because there is no program may take less time.
SECONDS_OPAQUE = 10.0
# Rows that are predicted together, and how long that may take.
TOGETHER_MAX = 4_000
SECONDS_TOGETHER = 0.5


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The result of the comparison.

    Attributes:
        is_equal: whether the program may be used.
        why: why it may not.
        n_rows: training rows that were compared.
        n_perturbed: rows derived from them.
        n_refused: rows that both refuse.
        n_labels: predicted labels that differ.
        difference: the largest one between numbers, relative to the original's.
        tolerance: the largest allowed one.
        seconds: the duration.
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
    """A replacement for an original.

    Attributes:
        predict: predicts a table; raises ModelError if it refuses rows.
        predict_rows: predicts rows of cells, if that is supported.
        are_labels: whether the predictions of each output must be equal, and not just close.
        is_network: whether it has layers: matrices of single precision that are multiplied in turn.
        splits: returns up to this many points next to which the two could differ.
        formats: of texts that are read as times, by field: others are refused, also where the
            original would guess what they mean if they came first in a batch.
    """

    signature: Signature
    predict: Original
    predict_rows: Callable[[Sequence[Sequence[Any]]], Outputs] | None = None
    are_labels: tuple[bool, ...] = (False,)
    is_single: bool = False
    is_network: bool = False
    splits: Callable[[Table, int, np.random.Generator], Sequence[Split]]
    formats: Mapping[str, str] = field(default_factory=dict)


def verify(program: Program, original: Original, sample: Table, *, seed: int = 0) -> Verification:
    """Whether the program predicts as the original does, on the training data and near it.

    Args:
        original: raises ModelError if it refuses rows.
        sample: rows of the training data.
    """
    products = [one for one in program.plan.operations if isinstance(one, Matmul)]
    candidate = Candidate(
        signature=program.signature,
        predict=program.predict,
        predict_rows=program.predict_rows,
        are_labels=tuple(answer.classes is not None for answer in program.plan.answers),
        is_single=program.is_single,
        is_network=sum(one.weights.dtype == np.float32 for one in products) > 1,
        splits=lambda rows, n_most, random: _splits(program, rows, n_most, random),
        formats=formats_of(program.plan),
    )
    return compare(candidate, original, sample, seed=seed)


def verify_opaque(
    predict: Original, signature: Signature, original: Original, sample: Table, *, seed: int = 0
) -> Verification:
    """The same for models that can't be inspected: probing finds where the original jumps.

    Args:
        predict: the replacement of the original.
    """
    candidate = Candidate(
        signature=signature,
        predict=predict,
        are_labels=tuple(one.task != "regression" for one in signature.outputs),
        splits=lambda rows, n_most, random: jumps_of(original, signature, rows, n_most, random),
    )
    return compare(candidate, original, sample, seed=seed, seconds=SECONDS_OPAQUE)


def compare(
    candidate: Candidate,
    original: Original,
    sample: Table,
    *,
    seed: int = 0,
    seconds: float = SECONDS_MAX,
) -> Verification:
    """Whether the candidate predicts as the original does; see `verify`."""
    began = time.perf_counter()
    random = np.random.default_rng(seed)
    rows = _spread(sample)
    try:
        theirs = original(rows)
    except ModelError as error:
        return Verification(is_equal=False, why=f"the original refuses its training data: {error}")
    spent = time.perf_counter() - began
    tolerance = _tolerance(candidate, theirs)
    findings = Findings(tolerance, _scale(candidate, theirs), _usual_score(theirs))
    known = theirs if _are_finite(theirs) else None
    _compare_group(findings, candidate, original, "training data", rows, known)
    findings.n_perturbed = 0
    _one_by_one(findings, candidate, rows, theirs)

    def is_over() -> bool:
        lasted = time.perf_counter() - began
        if findings.problems:
            return len(findings.problems) > PROBLEMS_MAX or lasted > SECONDS_DIFFERING
        return lasted > max(seconds, 4 * spent)

    n_most = _rows_together(original, rows, spent)
    for batch in _batches(_groups(candidate, rows, spent, random), n_most):
        if not _compare_batch(findings, candidate, original, batch, is_over):
            break
    return Verification(
        is_equal=not findings.problems,
        why=_reason(findings, original, rows, theirs),
        n_rows=rows.n_rows,
        n_perturbed=findings.n_perturbed,
        n_refused=findings.n_refused,
        n_labels=findings.n_labels,
        difference=findings.difference,
        tolerance=tolerance,
        seconds=time.perf_counter() - began,
    )


def _rows_together(original: Original, rows: Table, spent: float) -> int:
    """As many rows as an original predicts in half a second, or in twice as long as one row.

    With hundreds of columns, a call for one row takes as long as one for a thousand.

    Args:
        spent: the seconds for all of `rows`.
    """
    if spent * TOGETHER_MAX < rows.n_rows * SECONDS_TOGETHER:
        return TOGETHER_MAX
    began = time.perf_counter()
    alone = _predict(original, rows.take(slice(0, 1)))
    call = 0.0 if alone is None else time.perf_counter() - began
    each = max(spent - call, 1e-9) / rows.n_rows
    return int(np.clip(max(SECONDS_TOGETHER - call, call) / each, 1, TOGETHER_MAX))


def _reason(findings: Findings, original: Original, rows: Table, theirs: Outputs) -> str:
    """The first problem; and whether the original has the same one with itself."""
    if not findings.problems:
        return ""
    itself = Findings(findings.tolerance, findings.scale, findings.usual_score)
    for row in range(min(ITSELF, rows.n_rows)):
        alone = _predict(original, rows.take(slice(row, row + 1)))
        if alone is not None:
            itself.compare("alone", theirs.rows(slice(row, row + 1)), alone)
    why = findings.problems[0]
    if not itself.problems:
        return why
    return f"{why}; so does the original itself, between a row alone and the same row among others"


def _spread(sample: Table) -> Table:
    if sample.n_rows <= SAMPLE_MAX:
        return sample
    return sample.take(np.linspace(0, sample.n_rows - 1, SAMPLE_MAX).astype(np.intp))


def _tolerance(candidate: Candidate, theirs: Outputs) -> float:
    if candidate.is_network:
        return TOLERANCE_NETWORK
    arrays = [theirs.predictions, theirs.probabilities]
    is_single = any(a is not None and a.dtype == np.float32 for a in arrays)
    return TOLERANCE_SINGLE if is_single or candidate.is_single else TOLERANCE_DOUBLE


def _scale(candidate: Candidate, theirs: Outputs) -> Array:
    """The usual size of each output: the least divisor of a difference. NaN for labels."""
    scales = np.full(len(candidate.are_labels), np.nan)
    columns = theirs.predictions.reshape(len(theirs), -1).T
    for place, (column, is_label) in enumerate(zip(columns, candidate.are_labels, strict=False)):
        if not is_label:
            sizes = np.abs(column.astype(np.float64))
            typical = np.median(sizes)
            scales[place] = typical if typical > 0 else max(sizes.max(), 1e-300)
    return scales


def _usual_score(theirs: Outputs) -> float:
    """The usual size of a score: the least by which a difference is divided."""
    # Each row may be the centre of its own cluster: other clusters tell what a distance is like.
    numbers = theirs.scores if theirs.distances is None else theirs.distances
    return 0.0 if numbers is None else float(np.median(np.abs(numbers)))


def _groups(
    candidate: Candidate, rows: Table, spent: float, random: np.random.Generator
) -> Iterator[Perturbed]:
    # An original that takes seconds for 500 rows isn't called for thousands.
    n_splits = int(min(SPLITS_MAX, SPLITS_MAX * SECONDS_MAX / 20 / max(spent, 1e-9)))
    few = rows.take(slice(0, 200))
    splits = candidate.splits(few, n_splits, random)
    yield from perturbations(candidate.signature, few, splits, random, candidate.formats)


def _splits(
    program: Program, rows: Table, n_most: int, random: np.random.Generator
) -> Sequence[Split]:
    """Thresholds of the program's forests, and numbers that its plan compares columns with."""
    plan = program.plan
    matrices = {
        o.x: value
        for o in plan.operations
        if isinstance(o, Forest)
        for value in [program.register(o.x, rows)]
    }
    compared = list(thresholds_of(plan, rows.n_rows, n_most))
    return [*compared, *splits_of(plan, matrices, n_most, random)] if matrices else compared


def _batches(groups: Iterable[Perturbed], n_most: int) -> Iterator[list[Perturbed]]:
    """Consecutive groups, up to this many rows or a single group."""
    batch: list[Perturbed] = []
    n_rows = 0
    for group in groups:
        if batch and n_rows + len(group.rows) > n_most:
            yield batch
            batch, n_rows = [], 0
        batch.append(group)
        n_rows += len(group.rows)
    if batch:
        yield batch


def _compare_batch(
    findings: Findings,
    candidate: Candidate,
    original: Original,
    batch: Sequence[Perturbed],
    is_over: Callable[[], bool],
) -> bool:
    """Compare on several groups together: a call with 400 columns costs more than its rows.

    If they differ, or the original refuses them, each group is compared by itself: the cells of one
    group may change the type of a column for the others.

    Returns:
        Whether all were compared: there was enough time, and few differ.
    """
    parts = Bisection(list(batch))
    for some in parts:
        if is_over():
            return False
        if len(some) == 1:
            _compare_group(findings, candidate, original, some[0].description, together(some))
            continue
        table = together(some)
        alike = Findings(findings.tolerance, findings.scale, findings.usual_score)
        theirs, ours = _predict(original, table), _predict(candidate.predict, table)
        if theirs is not None and ours is not None:
            alike.compare("together", theirs, ours)
        if theirs is None or ours is None or alike.problems:
            parts.split(some)
            continue
        findings.n_perturbed += table.n_rows
        findings.difference = max(findings.difference, alike.difference)
    return True


def _compare_group(
    findings: Findings,
    candidate: Candidate,
    original: Original,
    description: str,
    rows: Table,
    known: Outputs | None = None,
) -> None:
    """Compare on a group; if the original refuses it, on the halves of it.

    If the program refuses rows that the original predicts together, that is a difference, even if
    it predicts each of them alone: requests also contain many at once.

    Args:
        known: the original's outputs for all rows, if it was called already.
    """
    parts = Bisection(range(rows.n_rows))
    searches = 0
    for part in parts:
        table = rows.take(slice(part.start, part.stop))
        is_known = known is not None and len(part) == rows.n_rows
        theirs = known if is_known else _predict(original, table)
        ours = _predict(candidate.predict, table)
        if theirs is not None and ours is not None:
            findings.n_perturbed += table.n_rows
            findings.compare(description, theirs, ours)
        elif theirs is not None:
            n_rows = "a row" if table.n_rows == 1 else f"{table.n_rows} rows"
            findings.problem(
                description, f"the original predicts {n_rows} that the program refuses"
            )
        elif table.n_rows > 1:
            searches += 1
            if searches > SEARCHES_MAX:
                break
            parts.split(part)
        elif ours is None:
            findings.n_refused += 1
        else:
            findings.problem(description, "the program predicts a row that the original refuses")


def _predict(predict: Original, table: Table) -> Outputs | None:
    """The outputs; None if the rows are refused or an output isn't finite."""
    try:
        outputs = predict(table)
    except ModelError:
        return None
    return outputs if _are_finite(outputs) else None


def _are_finite(outputs: Outputs) -> bool:
    beside: Sequence[Any] = (outputs.probabilities, outputs.scores, outputs.distances)
    return all(
        bool(np.isfinite(array).all())
        for array in (outputs.predictions, *beside)
        if array is not None and array.dtype.kind == "f"
    )


def _one_by_one(findings: Findings, candidate: Candidate, rows: Table, theirs: Outputs) -> None:
    """A row alone must get the same prediction as in a batch."""
    for row in range(min(ONE_BY_ONE, rows.n_rows)):
        one = rows.take(slice(row, row + 1))
        cells = tuple(next(one.rows()).values())
        try:
            alone = candidate.predict(one)
            plain = alone if candidate.predict_rows is None else candidate.predict_rows([cells])
        except ModelError as error:
            findings.problem(
                "row by row", f"the program refuses rows that it accepted in a batch: {error}"
            )
            return
        findings.compare("row by row", theirs.rows(slice(row, row + 1)), alone)
        findings.compare("plain rows", theirs.rows(slice(row, row + 1)), plain)
