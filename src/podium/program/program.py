"""A program: a plan that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from podium.errors import BundleError, ModelError
from podium.program.features import RuntimeFeatures
from podium.program.operations import Encode, Numbers, OneHot, Shapes, Step, Terms
from podium.program.plan import Answer, Plan, parts_of, plan_of
from podium.program.prepare import prepared
from podium.signature import Signature
from podium.table import Array, Outputs, Table

# More rows are taken in parts: what the operations hand on stays in the second cache, and isn't
# asked from the system anew for every call: 10,000 rows of 32 columns take 1.7 ms instead of 3.2,
# of 442 columns 25 ms, and 108 ms where a part has four times as many numbers.
CHUNK_ROWS, CHUNK_ROWS_MIN, CHUNK_NUMBERS = 16_384, 128, 65_536


class Program:
    """A model as arrays and operations on them; a runtime that needs nothing but numpy.

    Nothing in it changes after it is made: calls may overlap.

    Raises:
        BundleError: the plan can't be followed, or is of another signature.
    """

    features: ClassVar[RuntimeFeatures] = RuntimeFeatures(releases_gil=True, takes_rows=True)

    def __init__(self, plan: Plan, signature: Signature) -> None:
        self.plan = plan
        self.signature = signature
        _check_signature(plan, signature)
        shapes = plan.check()
        # Silencing numpy costs half a microsecond, a fifth of a small model.
        self._steps, self._may_warn = prepared(plan, shapes)
        self._takes_matrix = _takes_matrix(plan)
        self._later_steps = self._steps[1:]
        self._answer = _Answerer(plan, shapes)
        widest = max((shapes.any(register).width for register in range(len(shapes))), default=1)
        wanted = CHUNK_NUMBERS // max(widest, 1)
        self._chunk_rows = min(max(wanted, CHUNK_ROWS_MIN), CHUNK_ROWS)

    @classmethod
    def load(cls, parts: Mapping[str, bytes], signature: Signature) -> Program:
        """The program in these files.

        Raises:
            NewerBundle: a newer Podium wrote it.
            BundleError: it is damaged, or of another signature.
        """
        return cls(plan_of(parts), signature)

    @property
    def is_single(self) -> bool:
        """Whether some of it computes in single precision, as the original does."""
        shapes = self.plan.check()
        return any(
            shapes.any(register).is_single or getattr(operation, "is_single_sum", False)
            for register, operation in enumerate(self.plan.operations)
        )

    def parts(self) -> dict[str, bytes]:
        """The program as files: contents by name."""
        return parts_of(self.plan)

    def predict(self, table: Table) -> Outputs:
        """The answers for these rows.

        Raises:
            ModelError: the model takes no such value.
        """
        columns = tuple(table.columns.values())
        at_once = self._chunk_rows
        if table.n_rows <= at_once:
            return self._run(columns, [], self._steps)
        parts = [
            self._run([column[at : at + at_once] for column in columns], [], self._steps)
            for at in range(0, table.n_rows, at_once)
        ]
        predictions = np.concatenate([part.predictions for part in parts])
        shares = [part.probabilities for part in parts if part.probabilities is not None]
        return Outputs(predictions, np.concatenate(shares) if shares else None)

    def predict_rows(self, rows: Sequence[Sequence[Any]]) -> Outputs:
        """The answers for rows of plain cells, in the order of the fields; None is missing.

        Faster than `predict` for a few rows, because no column is made of them.

        Raises:
            ModelError: the model takes no such value.
        """
        try:
            if self._takes_matrix:
                return self._run((), [np.array(rows, np.float64)], self._later_steps)
            columns = tuple(zip(*rows, strict=True))
        except (TypeError, ValueError) as error:
            raise ModelError(f"the rows can't be read: {error}") from error
        if len(columns) != len(self.plan.inputs):
            raise ModelError(f"{len(columns)} cells are no row of {len(self.plan.inputs)}")
        return self._run(columns, [], self._steps)

    def register(self, register: int, table: Table) -> Array:
        """What one of the plan's registers holds for these rows, for whoever looks inside.

        Raises:
            ModelError: the model takes no such value.
        """
        columns = tuple(table.columns.values())
        values: list[Array] = []
        shapes = Shapes(len(self.plan.inputs))
        try:
            with np.errstate(all="ignore"):
                for operation in self.plan.operations[: register + 1]:
                    shapes.add(operation.check(shapes))
                    values.append(operation.prepare(shapes)(columns, values))
        except (TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"the program raised {type(error).__name__}: {error}") from error
        return values[register]

    def _run(self, columns: Sequence[Any], values: list[Any], steps: Sequence[Step]) -> Outputs:
        keep = values.append
        try:
            if self._may_warn:
                with np.errstate(all="ignore"):
                    for step in steps:
                        keep(step(columns, values))
            else:
                for step in steps:
                    keep(step(columns, values))
        except (TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"the program raised {type(error).__name__}: {error}") from error
        return self._answer(values)


class _Answerer:
    """Registers to outputs."""

    def __init__(self, plan: Plan, shapes: Shapes) -> None:
        self.takers = [_taker(answer, shapes) for answer in plan.answers]
        self.only = self.takers[0] if len(self.takers) == 1 else None
        self.probabilities = plan.probabilities

    def __call__(self, values: Sequence[Any]) -> Outputs:
        if self.only is None:
            return Outputs(np.stack([take(values) for take in self.takers], axis=1))
        if self.probabilities is None:
            return Outputs(self.only(values))
        probabilities: Array = values[self.probabilities]
        return Outputs(self.only(values), probabilities.astype(np.float64, copy=False))


def _taker(answer: Answer, shapes: Shapes) -> Callable[[Sequence[Any]], Array]:
    """The function that takes one output's predictions from the registers."""
    register, column, labels = answer.register, answer.column, _labels(answer)
    if labels is not None:
        return lambda values: labels.take(values[register])
    shape = shapes.any(register)
    if shape.is_single:
        return lambda values: values[register][:, column].astype(np.float64)
    if shape.width == 1:
        return lambda values: values[register].ravel()
    return lambda values: values[register][:, column]


def _takes_matrix(plan: Plan) -> bool:
    """Whether all that is read of a table is one matrix of all its columns, in order."""
    first = plan.operations[0] if plan.operations else None
    others = any(isinstance(o, (Numbers, Encode, OneHot, Terms)) for o in plan.operations[1:])
    is_all = isinstance(first, Numbers) and first.columns == tuple(range(len(plan.inputs)))
    return is_all and not others and not getattr(first, "is_single", False)


def _labels(answer: Answer) -> Array | None:
    """Labels as an array that keeps their type."""
    if answer.classes is None:
        return None
    kinds = {type(label) for label in answer.classes}
    if kinds in ({int}, {bool}, {float}):
        try:
            return np.array(answer.classes)
        except OverflowError:
            pass
    labels = np.empty(len(answer.classes), object)
    labels[:] = answer.classes
    return labels


def _check_signature(plan: Plan, signature: Signature) -> None:
    if plan.inputs != signature.names:
        raise BundleError(
            f"the program was made for the fields {', '.join(plan.inputs)[:200]}, "
            f"not {', '.join(signature.names)[:200]}"
        )
    if len(plan.answers) != len(signature.outputs):
        raise BundleError(
            f"the program answers {len(plan.answers)} outputs, the signature "
            f"{len(signature.outputs)}"
        )
    if (plan.probabilities is not None) != signature.output.has_probabilities:
        raise BundleError("the program and the signature differ about probabilities")
    classes = plan.answers[0].classes
    if plan.probabilities is not None and len(classes or ()) != len(signature.output.classes):
        raise BundleError("the program and the signature differ in their classes")
