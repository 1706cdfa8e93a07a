"""The return type of a function: its outputs, and the conversion of returned values to outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args, get_origin

import numpy as np

from podium.errors import ModelError, SignatureError
from podium.outputs import Outputs
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
from podium.runtimes.functions.extras import output_attributes
from podium.runtimes.functions.hints import Hint, is_number_union, name_of, unwrapped, written
from podium.runtimes.functions.rows import entries_of, is_row
from podium.signature import Label, Output
from podium.table import Array, plain_values

# For errors: their readers know the model's name.
_FUNCTION = "the function"


@dataclass(frozen=True, slots=True)
class Part:
    """One output, and its place in the returned value.

    Attributes:
        key: the attribute or key of the value; None if the value is the output.
        is_required: false if a typed dict may leave it out.
    """

    output: Output
    check: Check
    key: str | None = None
    is_required: bool = True

    def of(self, returned: Any) -> Any:
        """This part of a returned value.

        Raises:
            ModelError: it is missing.
        """
        key = self.key or ""
        is_mapping = isinstance(returned, Mapping)
        if (key in returned) if is_mapping else hasattr(returned, key):
            return returned[key] if is_mapping else getattr(returned, key)
        if self.is_required:
            raise ModelError(f"the function returned no {key!r}")
        return None


@dataclass(frozen=True, slots=True)
class ReturnType:
    """What a function returns for a row, according to its annotation.

    Attributes:
        parts: one for each output.
    """

    parts: tuple[Part, ...]

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs of the signature."""
        return tuple(part.output for part in self.parts)

    def outputs_of(self, returned: Any, n_rows: int) -> Outputs:
        """The outputs of the values that the function returned.

        Args:
            returned: one value for each row.

        Raises:
            ModelError: they don't match the return annotation.
            Exception: whatever reading a value raises.
        """
        rows = self._rows(returned, n_rows)
        first = self.parts[0]
        if first.key is not None:
            return self._several(rows)
        if first.output.has_probabilities:
            return most_probable(_FUNCTION, first.output.classes, rows)
        return Outputs(first.check(_FUNCTION, rows))

    def _rows(self, returned: Any, n_rows: int) -> Sequence[Any] | Array:
        if isinstance(returned, np.ndarray) and returned.ndim != 1:
            raise ModelError(
                f"the function returned an array of shape {returned.shape}, not one value for each row"
            )
        if not isinstance(returned, Iterable) or isinstance(returned, (str, bytes, Mapping)):
            raise ModelError(
                f"the function returned one {type(returned).__name__} for all the rows"
            )
        rows = returned if isinstance(returned, np.ndarray) else list(returned)
        if len(rows) != n_rows:
            raise ModelError(f"the function returned {len(rows)} values for {n_rows}")
        return rows

    def _several(self, rows: Sequence[Any] | Array) -> Outputs:
        columns: list[Array] = []
        shares: list[Any] = []
        for part in self.parts:
            subject, values = f"{_FUNCTION} ({part.output.name})", [part.of(one) for one in rows]
            if part.output.has_probabilities:
                found = most_probable(subject, part.output.classes, values)
                columns.append(found.predictions)
                shares.append(found.probabilities)
            else:
                columns.append(part.check(subject, values))
        probabilities = np.concatenate(shares, axis=1) if shares else None
        if len(columns) == 1:
            return Outputs(columns[0], probabilities)
        several = np.empty((len(rows), len(columns)), object)
        for at, column in enumerate(columns):
            for row, value in enumerate(plain_values(column)):
                several[row, at] = value
        return Outputs(several, probabilities)


def return_type_of(function: Callable[..., Any], annotation: Any, *, is_batch: bool) -> ReturnType:
    """The outputs that the return annotation of a function describes.

    Args:
        annotation: Any if there is none.

    Raises:
        SignatureError: it describes no output.
    """
    where = f"the return value of {name_of(function)}"
    if is_batch:
        annotation = _of_one_row(annotation, where)
    hint = unwrapped(annotation)
    if not is_row(hint.base) or hint.is_optional:
        return ReturnType((_part(hint, where, Output().name),))
    parts = [
        replace(
            _part(unwrapped(one.annotation), f"{one.name!r} in {where}", one.name),
            key=one.name,
        )
        for one in entries_of(hint.base)
    ]
    return ReturnType(tuple(parts))


def _of_one_row(annotation: Any, where: str) -> Any:
    if annotation in (Any, list, Sequence):
        return Any
    element = element_of(annotation, where)
    if element is None:
        raise SignatureError(
            f"{where} is annotated with {written(annotation)}, but the function takes all the rows "
            "in one call",
            hint="return one value for each row: list[...] or NDArray[...]",
        )
    return element.annotation


def _part(hint: Hint, where: str, name: str) -> Part:
    attributes = {"name": name} | output_attributes(hint.extras)
    if hint.is_optional or not hint.is_required:
        return Part(Output(**attributes, task="value"), json_values, is_required=hint.is_required)
    base = hint.base
    if base is type(None):
        raise SignatureError(f"{where} is None", hint="a model returns something")
    classes = (False, True) if _is(base, bool, np.bool_) else labels_of(base, where)
    if classes:
        return Part(Output(**attributes, task="classification", classes=classes), labels(classes))
    if _is(base, int, np.integer):
        return Part(Output(**attributes, task="regression"), integers)
    if _is(base, float, np.floating) or is_number_union(base):
        return Part(Output(**attributes, task="regression"), numbers)
    classes = _classes_of_keys(base, where)
    if classes:
        output = Output(
            **attributes, task="classification", classes=classes, has_probabilities=True
        )
        return Part(output, json_values)
    return Part(Output(**attributes, task="value"), texts if _is(base, str) else json_values)


def _classes_of_keys(base: Any, where: str) -> tuple[Label, ...]:
    """The classes in `dict[Literal[...], float]`; none for other annotations."""
    arguments = get_args(base)
    if get_origin(base) not in (dict, Mapping) or not _is(arguments[1], float, np.floating):
        return ()
    return (False, True) if arguments[0] is bool else labels_of(arguments[0], where)


def _is(base: Any, *kinds: type) -> bool:
    return isinstance(base, type) and issubclass(base, kinds)
