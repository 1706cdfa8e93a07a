"""Labels: as encoders know them, as opposed to missing values, and several of a row at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.features import Column, Computed, Fitted, Input, NotCompiled
from podium.compile.registers import Registers
from podium.program.operations import Above, Encode, Match, Pair, Select
from podium.signature import Label


def label_of(value: Any) -> Label | None:
    """The value as a plain Python value, or None if it is missing.

    Raises:
        NotCompiled: it isn't a string, a number or a boolean.
    """
    value = value.item() if hasattr(value, "item") else value
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return None
    if not isinstance(value, (bool, int, float, str)):
        raise NotCompiled(f"a category of type {type(value).__name__} isn't supported")
    return value


def classes_of(estimator: Any) -> tuple[Label, ...]:
    """The estimator's labels, in its order, as plain Python values.

    Raises:
        NotCompiled: a label has a type that no signature can represent.
    """
    return labels_in(estimator.classes_)


def labels_in(classes: Any) -> tuple[Label, ...]:
    """The labels of one output, in their order, as plain Python values.

    Raises:
        NotCompiled: as `classes_of`.
    """
    labels = np.asarray(classes).tolist()
    if any(label_of(label) is None for label in labels):
        raise NotCompiled("its classes are neither texts, numbers nor booleans")
    return tuple(labels)


def values_of(build: Registers, column: Column) -> set[Label] | None:
    """All values that a column which a step computes can have, but for missing ones.

    None if any number may come.
    """
    if isinstance(column, Input):
        return set(build.field(column).labels) or None
    if isinstance(column, Computed):
        operation = build.operations[column.register]
        if isinstance(operation, Match):
            codes = operation.codes
        elif isinstance(operation, Encode):
            codes = operation.codings[column.column].codes
        else:
            return None
        return set(codes[~np.isnan(codes)].tolist())
    before = values_of(build, column.base) if column.keeps_unknown else set()
    if before is None:
        return None
    made = {label for _, label in column.labels} | {column.missing, column.unknown}
    return before | {label for label in made if label is not None}


def label_matrix(build: Registers, numbers: int, shares: int, *, threshold: float) -> Fitted:
    """Several labels of a row, each 1 where its number is above a threshold, else 0.

    Args:
        shares: the register with the probability that each label is 1.
    """
    outputs = []
    for place in range(build.width(numbers)):
        column = np.array([place], np.int32)
        index = build.add(Above(build.add(Select(numbers, column)), threshold))
        probabilities = build.add(Pair(build.add(Select(shares, column))))
        outputs.append(Fitted(index=index, classes=(0, 1), probabilities=probabilities))
    return Fitted(outputs=tuple(outputs))
