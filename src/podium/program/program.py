"""A program: a plan that can run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from podium.errors import BundleError, ModelError
from podium.outputs import Outputs, side_by_side
from podium.program.features import RuntimeFeatures
from podium.program.operations import Numbers, Shapes, Step
from podium.program.operations.operation import NUMBERS_MAX
from podium.program.plan import Plan, PlanOutput, parts_of, plan_of
from podium.program.prepare import prepared
from podium.signature import Signature
from podium.table import Array, Table

# More rows are processed in parts, so that intermediate results stay in the second-level cache, and
# memory isn't requested from the system for every call: 10,000 rows of 32 columns take 1.7 ms
# instead of 3.2, of 442 columns 25 ms, and 108 ms with parts of four times as many numbers.
CHUNK_ROWS, CHUNK_ROWS_MIN, CHUNK_NUMBERS = 16_384, 128, 65_536
# What an operation may raise for cells that it can't process.
_RAISED = (ArithmeticError, BufferError, LookupError, MemoryError, TypeError, ValueError)


class Program:
    """A model as arrays and operations on them; a runtime that needs nothing but numpy.

    It is immutable, so calls may overlap.

    Raises:
        BundleError: the plan is invalid, or doesn't match the signature.
    """

    features: ClassVar[RuntimeFeatures] = RuntimeFeatures(takes_rows=True, can_crash=False)

    def __init__(self, plan: Plan, signature: Signature) -> None:
        self.plan = plan
        self.signature = signature
        _check_signature(plan, signature)
        shapes = plan.check()
        # Silencing numpy costs half a microsecond, a fifth of a small model.
        self._steps, self._may_warn = prepared(plan, shapes)
        self._reads_matrix = _reads_matrix(plan)
        self._later_steps = self._steps[1:]
        self._read_outputs = _OutputReader(plan, shapes)
        widest = max((shapes.any(register).width for register in range(len(shapes))), default=1)
        rows_max = CHUNK_NUMBERS // max(widest, 1)
        allowed = max(NUMBERS_MAX // max(shapes.n_numbers, 1), 1)
        self._chunk_rows = min(max(rows_max, CHUNK_ROWS_MIN), CHUNK_ROWS, allowed)

    @classmethod
    def load(cls, parts: Mapping[str, bytes], signature: Signature) -> Program:
        """The program in these files.

        Raises:
            NewerBundle: a newer version of Podium wrote it.
            BundleError: it is damaged, or doesn't match the signature.
        """
        try:
            with np.errstate(all="ignore"):
                return cls(plan_of(parts), signature)
        except _RAISED as error:  # from constants that don't fit an operation in an unforeseen way
            raise BundleError(
                f"the program isn't valid: {type(error).__name__}: {str(error)[:200]}"
            ) from error

    @property
    def is_single(self) -> bool:
        """Whether any of it computes in single precision, as the original does."""
        shapes = self.plan.check()
        return any(
            shapes.any(register).is_single or getattr(operation, "is_single_sum", False)
            for register, operation in enumerate(self.plan.operations)
        )

    def parts(self) -> dict[str, bytes]:
        """The program as files: contents by name."""
        return parts_of(self.plan)

    def predict(self, table: Table) -> Outputs:
        """The outputs for these rows.

        Raises:
            ModelError: the model can't process a value.
        """
        columns = tuple(table.columns.values())
        at_once = self._chunk_rows
        if table.n_rows <= at_once:
            return self._run(columns, [], self._steps)
        return Outputs.concat(
            [
                self._run([column[at : at + at_once] for column in columns], [], self._steps)
                for at in range(0, table.n_rows, at_once)
            ]
        )

    def predict_rows(self, rows: Sequence[Sequence[Any]]) -> Outputs:
        """The outputs for rows of plain cells, in the order of the fields; None is missing.

        Faster than `predict` for a few rows, because no columns are created.

        Raises:
            ModelError: the model can't process a value.
        """
        at_once = self._chunk_rows
        if len(rows) > at_once:
            starts = range(0, len(rows), at_once)
            return Outputs.concat([self.predict_rows(rows[at : at + at_once]) for at in starts])
        try:
            if self._reads_matrix:
                return self._run((), [np.array(rows, np.float64)], self._later_steps)
            columns = tuple(zip(*rows, strict=True))
        except (TypeError, ValueError) as error:
            raise ModelError(f"the rows can't be read: {error}") from error
        if len(columns) != len(self.plan.inputs):
            raise ModelError(f"{len(columns)} cells aren't a row of {len(self.plan.inputs)}")
        return self._run(columns, [], self._steps)

    def register(self, register: int, table: Table) -> Array:
        """The content of one of the plan's registers for these rows, for inspection.

        Raises:
            ModelError: the model can't process a value.
        """
        columns = tuple(table.columns.values())
        values: list[Array] = []
        shapes = Shapes(len(self.plan.inputs))
        try:
            with np.errstate(all="ignore"):
                for operation in self.plan.operations[: register + 1]:
                    shapes.add(operation.check(shapes))
                    values.append(operation.prepare(shapes)(columns, values))
        except _RAISED as error:
            raise _refusal(error) from error
        return values[register]

    def _run(self, columns: Sequence[Any], values: list[Any], steps: Sequence[Step]) -> Outputs:
        append = values.append
        try:
            if self._may_warn:
                with np.errstate(all="ignore"):
                    for step in steps:
                        append(step(columns, values))
            else:
                for step in steps:
                    append(step(columns, values))
            return self._read_outputs(values)
        except _RAISED as error:
            raise _refusal(error) from error


def _refusal(error: Exception) -> ModelError:
    return ModelError(f"the program raised {type(error).__name__}: {error}")


class _OutputReader:
    """Reads the outputs from the registers."""

    def __init__(self, plan: Plan, shapes: Shapes) -> None:
        self.readers = [_reader(output, shapes) for output in plan.answers]
        self.only = self.readers[0] if len(self.readers) == 1 else None
        self.probabilities = plan.probabilities
        self.scores = plan.scores
        self.distances = plan.distances

    def __call__(self, values: Sequence[Any]) -> Outputs:
        if self.only is None:
            predictions = side_by_side([read(values) for read in self.readers])
        else:
            predictions = self.only(values)
        shares, scores, distances = None, None, None
        if self.probabilities is not None:
            shares = values[self.probabilities].astype(np.float64, copy=False)
        if self.scores is not None:
            scores = values[self.scores].ravel().astype(np.float64, copy=False)
        if self.distances is not None:
            distances = values[self.distances].astype(np.float64, copy=False)
        return Outputs(predictions, shares, scores=scores, distances=distances)


def _reader(output: PlanOutput, shapes: Shapes) -> Callable[[Sequence[Any]], Array]:
    """A function that reads one output's predictions from the registers."""
    register, column, labels = output.register, output.column, _labels(output)
    if labels is not None:
        return lambda values: labels.take(values[register])
    shape = shapes.any(register)
    if shape.is_single:
        return lambda values: values[register][:, column].astype(np.float64)
    if shape.width == 1:
        return lambda values: values[register].ravel()
    # A copy: a view would keep all columns of every part in memory.
    return lambda values: values[register][:, column].copy()


def _reads_matrix(plan: Plan) -> bool:
    """Whether the plan reads its table only as one matrix of all columns, in order."""
    first = plan.operations[0] if plan.operations else None
    others = any(operation.columns_read for operation in plan.operations[1:])
    is_all = isinstance(first, Numbers) and first.columns == tuple(range(len(plan.inputs)))
    return is_all and not others and not getattr(first, "is_single", False)


def _labels(output: PlanOutput) -> Array | None:
    """Labels as an array that keeps their type."""
    if output.classes is None:
        return None
    kinds = {type(label) for label in output.classes}
    if kinds in ({int}, {bool}, {float}):
        try:
            return np.array(output.classes)
        except OverflowError:
            pass
    labels = np.empty(len(output.classes), object)
    labels[:] = output.classes
    return labels


def _check_signature(plan: Plan, signature: Signature) -> None:
    if plan.inputs != signature.names:
        raise BundleError(
            f"the program was made for the fields {', '.join(plan.inputs)[:200]}, "
            f"not {', '.join(signature.names)[:200]}"
        )
    if len(plan.answers) != len(signature.outputs):
        raise BundleError(
            f"the program has {len(plan.answers)} outputs, the signature has "
            f"{len(signature.outputs)}"
        )
    shares = plan.probabilities
    n_shares = 0 if shares is None else plan.check().matrix(shares).width
    if n_shares != signature.n_probabilities:
        raise BundleError("the program and the signature differ about probabilities")
    if (plan.scores is not None) != bool(signature.output.score):
        raise BundleError("the program and the signature differ about scores")
    if (plan.distances is not None) != signature.output.has_distances:
        raise BundleError("the program and the signature differ about distances")
    for answer, output in zip(plan.answers, signature.outputs, strict=True):
        if (output.has_probabilities or output.has_distances) and len(answer.classes or ()) != len(
            output.classes
        ):
            raise BundleError("the program and the signature differ in their classes")
