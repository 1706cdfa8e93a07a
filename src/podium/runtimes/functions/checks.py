"""Answers as columns, where they are what the return annotation promised.

Each function here takes who answered, for errors, and one answer a row.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any, TypeAlias

import msgspec
import numpy as np

from podium.errors import ModelError
from podium.signature import INTEGER_MAX, Label
from podium.signature.cells import shown
from podium.signature.reading import label_text
from podium.table import Array, Outputs, are_finite

Check: TypeAlias = Callable[[str, Sequence[Any] | Array], Array]

PROBABILITY_TOLERANCE = 1e-6
_INTEGERS = np.iinfo(np.int64)


def numbers(who: str, answers: Sequence[Any] | Array) -> Array:
    """A column of float64.

    Raises:
        ModelError: one isn't a finite number.
    """
    if isinstance(answers, np.ndarray) and answers.dtype.kind in "fiu":
        column = answers.astype(np.float64)
    elif set(map(type, answers)) == {float}:  # as nearly always: 12 times faster
        column = np.array(answers, np.float64)
    else:
        cells = [_number(who, row, answer) for row, answer in enumerate(answers)]
        column = np.array(cells, np.float64)
    if not are_finite(column):
        row = int(np.isfinite(column).argmin())
        raise ModelError(f"{who} answered {column[row]} for row {row}, not a finite number")
    return column


def integers(who: str, answers: Sequence[Any] | Array) -> Array:
    """A column of int64.

    Raises:
        ModelError: one isn't a whole number, or too large.
    """
    if isinstance(answers, np.ndarray) and answers.dtype.kind == "i":
        return answers.astype(np.int64)
    cells = []
    for row, answer in enumerate(answers):
        plain = _plain(answer)
        if isinstance(plain, bool) or not isinstance(plain, int):
            number = _number(who, row, plain)
            if not number.is_integer():
                raise ModelError(f"{who} answered {number} for row {row}, not a whole number")
            plain = int(number)
        if not _INTEGERS.min <= plain <= _INTEGERS.max:
            raise ModelError(f"{who} answered a number of more than 64 bits for row {row}")
        cells.append(plain)
    return np.array(cells, np.int64)


def labels(classes: Sequence[Label]) -> Check:
    """The check for answers that are one of these classes; their column keeps the labels' type.

    The check raises:
        ModelError: one is none of them.
    """
    known = {(type(label), label) for label in classes}

    def check(who: str, answers: Sequence[Any] | Array) -> Array:
        taken = []
        for row, answer in enumerate(answers):
            label = _plain(answer)
            if not isinstance(label, (str, int, float)) or (type(label), label) not in known:
                raise ModelError(
                    f"{who} answered {shown(label)} for row {row}, which is none of its classes: "
                    f"{_listed(classes)}"
                )
            taken.append(label)
        return label_column(classes, taken)

    return check


def texts(who: str, answers: Sequence[Any] | Array) -> Array:
    """A column of texts.

    Raises:
        ModelError: one isn't a text.
    """
    for row, answer in enumerate(answers):
        if not isinstance(answer, str):
            raise ModelError(f"{who} answered {_kind(answer)} for row {row}, not a text")
    return json_values(who, answers)


def json_values(who: str, answers: Sequence[Any] | Array) -> Array:
    """A column of anything that JSON can hold, exactly as JSON holds it.

    Raises:
        ModelError: JSON can't hold it.
    """
    try:
        body = msgspec.json.encode(list(answers), enc_hook=_encodable)
        cells = msgspec.json.decode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ModelError(f"{who} answered what JSON can't hold: {error}") from error
    return _objects(cells)


def most_probable(who: str, classes: Sequence[Label], answers: Sequence[Any] | Array) -> Outputs:
    """The likeliest class of each row, the first of equals, with all the probabilities.

    Raises:
        ModelError: a class has none, one that isn't a class has one, one is negative, or those of
            a row don't sum to 1.
    """
    rows = _plain_probabilities(classes, answers)
    if rows is None:
        rows = [_probabilities(who, row, classes, answer) for row, answer in enumerate(answers)]
    probabilities = np.array(rows, np.float64).reshape(len(rows), len(classes))
    for row in np.flatnonzero(~(probabilities >= 0).all(axis=1)):
        raise ModelError(f"{who} answered a probability that is negative or NaN for row {row}")
    sums = probabilities.sum(axis=1)
    for row in np.flatnonzero(~(np.abs(sums - 1) <= PROBABILITY_TOLERANCE)):
        raise ModelError(
            f"{who} answered probabilities for row {row} that sum to {sums[row]:.9g}, not to 1"
        )
    likeliest = [classes[at] for at in probabilities.argmax(axis=1)]
    return Outputs(label_column(classes, likeliest), probabilities)


def label_column(classes: Sequence[Label], taken: Sequence[Label]) -> Array:
    """Labels as the column that their classes make: booleans, integers or objects."""
    kinds = {type(label) for label in classes}
    if kinds == {bool}:
        return np.array(taken, np.bool_)
    if kinds == {int} and all(abs(int(label)) <= INTEGER_MAX for label in classes):
        return np.array(taken, np.int64)
    return _objects(taken)


def _plain_probabilities(
    classes: Sequence[Label], answers: Sequence[Any] | Array
) -> list[list[float]] | None:
    """The probabilities where all is as plain as it nearly always is, which is a lot faster."""
    n_classes = len(classes)
    if {type(label) for label in classes} != {str}:
        return None
    if not all(type(answer) is dict and len(answer) == n_classes for answer in answers):
        return None
    try:
        rows = [[answer[label] for label in classes] for answer in answers]
    except KeyError:
        return None
    return rows if {type(value) for row in rows for value in row} == {float} else None


def _probabilities(who: str, row: int, classes: Sequence[Label], answer: Any) -> list[float]:
    if not isinstance(answer, Mapping):
        raise ModelError(f"{who} answered {_kind(answer)} for row {row}, not probabilities")
    given = {_typed(key): value for key, value in answer.items()}
    wanted = [_typed(label) for label in classes]
    for key in wanted:
        if key not in given:
            raise ModelError(f"{who} left out the probability of {shown(key[1])} for row {row}")
    for key in given.keys() - set(wanted):
        raise ModelError(
            f"{who} answered a probability of {shown(key[1])} for row {row}, which is none of its "
            f"classes: {_listed(classes)}"
        )
    return [_number(who, row, given[key]) for key in wanted]


def _typed(label: Any) -> tuple[type, Any]:
    """A key that tells 1, 1.0 and True apart."""
    plain = _plain(label)
    return type(plain), plain


def _number(who: str, row: int, answer: Any) -> float:
    plain = _plain(answer)
    if isinstance(plain, bool) or not isinstance(plain, (Real, Decimal)):
        raise ModelError(f"{who} answered {_kind(plain)} for row {row}, not a number")
    try:
        return float(plain)
    except OverflowError:
        return float("inf")


def _plain(answer: Any) -> Any:
    """An answer as Python's own value, where it is an Enum's member or a scalar of numpy's."""
    if isinstance(answer, enum.Enum):
        return answer.value
    if isinstance(answer, np.generic) or (isinstance(answer, np.ndarray) and not answer.ndim):
        return answer.item()
    return answer


def _encodable(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"it holds {_kind(value)}")


def _objects(cells: Sequence[Any]) -> Array:
    column = np.empty(len(cells), object)
    for row, cell in enumerate(cells):  # one by one: numpy would unfold lists
        column[row] = cell
    return column


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    kind = type(value).__name__
    return f"an {kind}" if kind[0] in "aeiouAEIOU" else f"a {kind}"


def _listed(classes: Sequence[Label]) -> str:
    return ", ".join(label_text(label) for label in classes)
