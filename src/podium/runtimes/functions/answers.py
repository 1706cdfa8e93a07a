"""What a function answers: its outputs, and rows of answers turned into them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args, get_origin

import numpy as np

from podium.errors import ModelError, SignatureError
from podium.runtimes.functions.annotations import labels_of
from podium.runtimes.functions.batches import element_of
from podium.runtimes.functions.checks import (
    Check,
    integers,
    json_values,
    labels,
    most_probable,
    numbers,
    texts,
)
from podium.runtimes.functions.extras import said_of_output
from podium.runtimes.functions.hints import Hint, called, is_number_union, unwrapped, written
from podium.runtimes.functions.rows import entries_of, is_row
from podium.signature import Label, Output
from podium.table import Array, Outputs, plain_values

# For errors: the model's name is known to whoever reads them.
_WHO = "the function"


@dataclass(frozen=True, slots=True)
class Part:
    """One output, and how it is found in an answer.

    Attributes:
        key: the attribute or key of the answer; None where the answer is the output.
        is_required: False where a typed dict may leave it out.
    """

    output: Output
    check: Check
    key: str | None = None
    is_required: bool = True

    def of(self, answer: Any) -> Any:
        """This part of an answer.

        Raises:
            ModelError: it isn't there.
        """
        key = self.key or ""
        is_mapping = isinstance(answer, Mapping)
        if (key in answer) if is_mapping else hasattr(answer, key):
            return answer[key] if is_mapping else getattr(answer, key)
        if self.is_required:
            raise ModelError(f"the function answered without {key!r}")
        return None


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one function.

    Attributes:
        parts: one an output.
    """

    parts: tuple[Part, ...]

    @property
    def outputs(self) -> tuple[Output, ...]:
        """As the signature has them."""
        return tuple(part.output for part in self.parts)

    def outputs_of(self, given: Any, n_rows: int) -> Outputs:
        """The outputs that the answers are.

        Args:
            given: one answer a row.

        Raises:
            ModelError: they aren't what the return annotation promised.
            Exception: whatever an answer raises while it is read.
        """
        answers = self._rows(given, n_rows)
        first = self.parts[0]
        if first.key is not None:
            return Outputs(self._several(answers))
        if first.output.has_probabilities:
            return most_probable(_WHO, first.output.classes, answers)
        return Outputs(first.check(_WHO, answers))

    def _rows(self, given: Any, n_rows: int) -> Sequence[Any] | Array:
        if isinstance(given, np.ndarray) and given.ndim != 1:
            raise ModelError(
                f"the function answered an array of shape {given.shape}, not one answer a row"
            )
        if not isinstance(given, Iterable) or isinstance(given, (str, bytes, Mapping)):
            raise ModelError(f"the function answered one {type(given).__name__} for all the rows")
        answers = given if isinstance(given, np.ndarray) else list(given)
        if len(answers) != n_rows:
            raise ModelError(f"the function answered {len(answers)} rows for {n_rows}")
        return answers

    def _several(self, answers: Sequence[Any] | Array) -> Array:
        columns = [
            part.check(f"{_WHO} ({part.output.name})", [part.of(one) for one in answers])
            for part in self.parts
        ]
        if len(columns) == 1:
            return columns[0]
        several = np.empty((len(answers), len(columns)), object)
        for at, column in enumerate(columns):
            for row, value in enumerate(plain_values(column)):
                several[row, at] = value
        return several


def answers_of(function: Callable[..., Any], annotation: Any, *, is_batch: bool) -> Answers:
    """What the return annotation of a function tells.

    Args:
        annotation: Any where there is none.

    Raises:
        SignatureError: it tells nothing that can be answered.
    """
    where = f"the answer of {called(function)}"
    if is_batch:
        annotation = _of_one_row(annotation, where)
    hint = unwrapped(annotation)
    if not is_row(hint.base) or hint.is_optional:
        return Answers((_part(hint, where, Output().name),))
    parts = [
        replace(
            _part(unwrapped(one.annotation), f"{one.name!r} in {where}", one.name, is_alone=False),
            key=one.name,
        )
        for one in entries_of(hint.base)
    ]
    return Answers(tuple(parts))


def _of_one_row(annotation: Any, where: str) -> Any:
    if annotation in (Any, list, Sequence):
        return Any
    element = element_of(annotation, where)
    if element is None:
        raise SignatureError(
            f"{where} is annotated with {written(annotation)}, but it takes all the rows in one "
            "call",
            hint="return one answer a row: list[...] or NDArray[...]",
        )
    return element.annotation


def _part(hint: Hint, where: str, name: str, *, is_alone: bool = True) -> Part:
    said = {"name": name} | said_of_output(hint.extras)
    if hint.is_optional or not hint.is_required:
        return Part(Output(**said, task="value"), json_values, is_required=hint.is_required)
    base = hint.base
    if base is type(None):
        raise SignatureError(f"{where} is None", hint="a model answers something")
    classes = (False, True) if _is(base, bool, np.bool_) else labels_of(base, where)
    if classes:
        return Part(Output(**said, task="classification", classes=classes), labels(classes))
    if _is(base, int, np.integer):
        return Part(Output(**said, task="regression"), integers)
    if _is(base, float, np.floating) or is_number_union(base):
        return Part(Output(**said, task="regression"), numbers)
    # Outputs have room for the probabilities of one output: beside others they are a value.
    classes = _classes_of_keys(base, where) if is_alone else ()
    if classes:
        output = Output(**said, task="classification", classes=classes, has_probabilities=True)
        return Part(output, json_values)
    return Part(Output(**said, task="value"), texts if _is(base, str) else json_values)


def _classes_of_keys(base: Any, where: str) -> tuple[Label, ...]:
    """The classes in `dict[Literal[...], float]`; none in other annotations."""
    arguments = get_args(base)
    if get_origin(base) not in (dict, Mapping) or not _is(arguments[1], float, np.floating):
        return ()
    return (False, True) if arguments[0] is bool else labels_of(arguments[0], where)


def _is(base: Any, *kinds: type) -> bool:
    return isinstance(base, type) and issubclass(base, kinds)
