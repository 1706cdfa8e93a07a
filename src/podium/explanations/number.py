"""The number that is explained: a prediction, a score, or the probability of a class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.errors import ModelError, SetupError
from podium.explanations.explanation import Link
from podium.outputs import Outputs
from podium.signature import Label, Output, Signature
from podium.table import Array


class Number(NamedTuple):
    """One number of a model's outputs.

    Attributes:
        output: its position in the signature.
        label: the position of the class; None if the output is a number.
    """

    output: int
    label: int | None


def number_of(signature: Signature, outputs: Outputs, output: int, label: int | None) -> Number:
    """What to explain of an answer.

    Args:
        outputs: of the row.
        output: its position in the signature.
        label: the position of a class; None is the one that was predicted.

    Raises:
        SetupError: the model has no such output or class, or it returns nothing to explain.
    """
    if not 0 <= output < len(signature.outputs):
        raise SetupError(f"the model has no output {output}: it has {len(signature.outputs)}")
    one = signature.outputs[output]
    if one.task == "value":
        raise SetupError(
            f"{one.name} can't be explained: it is neither a number nor one of some classes"
        )
    if one.score or not one.classes:
        if label is not None:
            raise SetupError(f"{one.name} has no classes, so none can be explained")
        return Number(output, None)
    if label is None:
        label = one.classes.index(_column(outputs, output)[:1].tolist()[0])
    if not 0 <= label < len(one.classes):
        raise SetupError(f"{one.name} has no class {label}: it has {len(one.classes)}")
    return Number(output, label)


def class_place(output: Output, label: Label) -> int:
    """The position of a class.

    Raises:
        SetupError: the output has no such class.
    """
    for place, one in enumerate(output.classes):
        if one == label and isinstance(one, bool) == isinstance(label, bool):
            return place
    classes = ", ".join(map(repr, output.classes[:20]))
    raise SetupError(
        f"{output.name} has no class {label!r}", hint=f"its classes: {classes or 'none'}"
    )


def link_of(number: Number) -> Link:
    """What the number is."""
    return "identity" if number.label is None else "probability"


def numbers_in(signature: Signature, outputs: Outputs, number: Number) -> NDArray[np.float64]:
    """The number for each row; a class without a probability has 1 where it is predicted, else 0.

    Raises:
        ModelError: it isn't finite for some row.
    """
    one = signature.outputs[number.output]
    if number.label is None:
        values = outputs.scores if one.score else _column(outputs, number.output)
        assert values is not None
        numbers = values.astype(np.float64)
    elif one.has_probabilities and outputs.probabilities is not None:
        before = signature.outputs[: number.output]
        at = sum(len(other.classes) for other in before if other.has_probabilities)
        numbers = outputs.probabilities[:, at + number.label].astype(np.float64)
    else:
        label = one.classes[number.label]
        cells = _column(outputs, number.output).tolist()
        numbers = np.fromiter((cell == label for cell in cells), np.float64, len(cells))
    if not np.isfinite(numbers).all():
        raise ModelError(
            f"{one.name} isn't finite for a row that mixes the explained one with training rows"
        )
    return numbers


def _column(outputs: Outputs, output: int) -> Array:
    predictions = outputs.predictions
    return predictions[:, output] if predictions.ndim > 1 else predictions
