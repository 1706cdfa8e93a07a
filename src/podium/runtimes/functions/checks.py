"""Checks return values, and converts them to columns.

Each function takes the subject of its errors and one value for each row.
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
from podium.outputs import Outputs
from podium.signature import INTEGER_MAX, Label
from podium.signature.cells import printable
from podium.signature.labels import label_text
from podium.table import Array, are_finite

Check: TypeAlias = Callable[[str, Sequence[Any] | Array], Array]

PROBABILITY_TOLERANCE = 1e-6
_INTEGERS = np.iinfo(np.int64)


def numbers(subject: str, values: Sequence[Any] | Array) -> Array:
    """A column of float64.

    Raises:
        ModelError: one isn't a finite number.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        column = values.astype(np.float64)
    elif set(map(type, values)) == {float}:  # the usual case: 12 times faster
        column = np.array(values, np.float64)
    else:
        cells = [_number(subject, row, value) for row, value in enumerate(values)]
        column = np.array(cells, np.float64)
    if not are_finite(column):
        row = int(np.isfinite(column).argmin())
        raise ModelError(f"{subject} returned {column[row]} for row {row}, not a finite number")
    return column


def integers(subject: str, values: Sequence[Any] | Array) -> Array:
    """A column of int64.

    Raises:
        ModelError: one isn't an integer, or is too large.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "i":
        return values.astype(np.int64)
    cells = []
    for row, value in enumerate(values):
        plain = _plain(value)
        if isinstance(plain, bool) or not isinstance(plain, int):
            number = _number(subject, row, plain)
            if not number.is_integer():
                raise ModelError(f"{subject} returned {number} for row {row}, not a whole number")
            plain = int(number)
        if not _INTEGERS.min <= plain <= _INTEGERS.max:
            raise ModelError(f"{subject} returned a number of more than 64 bits for row {row}")
        cells.append(plain)
    return np.array(cells, np.int64)


def labels(classes: Sequence[Label]) -> Check:
    """The check that values are among these classes; their column has the labels' type.

    The check raises:
        ModelError: one isn't among them.
    """
    class_keys = {(type(label), label) for label in classes}

    def check(subject: str, values: Sequence[Any] | Array) -> Array:
        accepted = []
        for row, value in enumerate(values):
            label = _plain(value)
            if not isinstance(label, (str, int, float)) or (type(label), label) not in class_keys:
                raise ModelError(
                    f"{subject} returned {printable(label)} for row {row}, which isn't one of its classes: "
                    f"{_listed(classes)}"
                )
            accepted.append(label)
        return label_column(classes, accepted)

    return check


def texts(subject: str, values: Sequence[Any] | Array) -> Array:
    """A column of strings.

    Raises:
        ModelError: one isn't a string.
    """
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise ModelError(f"{subject} returned {_kind(value)} for row {row}, not a text")
    return json_values(subject, values)


def json_values(subject: str, values: Sequence[Any] | Array) -> Array:
    """A column of any JSON values, exactly as JSON represents them.

    Raises:
        ModelError: JSON can't hold it.
    """
    try:
        body = msgspec.json.encode(list(values), enc_hook=_encodable)
        cells = msgspec.json.decode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ModelError(f"{subject} returned what JSON can't represent: {error}") from error
    return _objects(cells)


def most_probable(
    subject: str, classes: Sequence[Label], mappings: Sequence[Any] | Array
) -> Outputs:
    """The most probable class of each row, the first of equals, with all the probabilities.

    Raises:
        ModelError: a class has none, an unknown class has one, one is negative, or those of a row
            don't sum to 1.
    """
    rows = _plain_probabilities(classes, mappings)
    if rows is None:
        rows = [
            _probabilities(subject, row, classes, mapping) for row, mapping in enumerate(mappings)
        ]
    probabilities = np.array(rows, np.float64).reshape(len(rows), len(classes))
    for row in np.flatnonzero(~(probabilities >= 0).all(axis=1)):
        raise ModelError(f"{subject} returned a probability that is negative or NaN for row {row}")
    sums = probabilities.sum(axis=1)
    for row in np.flatnonzero(~(np.abs(sums - 1) <= PROBABILITY_TOLERANCE)):
        raise ModelError(
            f"{subject} returned probabilities for row {row} that sum to {sums[row]:.9g}, not to 1"
        )
    likeliest = [classes[at] for at in probabilities.argmax(axis=1)]
    return Outputs(label_column(classes, likeliest), probabilities)


def label_column(classes: Sequence[Label], values: Sequence[Label]) -> Array:
    """Labels as a column of their classes' type: booleans, integers or objects."""
    kinds = {type(label) for label in classes}
    if kinds == {bool}:
        return np.array(values, np.bool_)
    if kinds == {int} and all(abs(int(label)) <= INTEGER_MAX for label in classes):
        return np.array(values, np.int64)
    return _objects(values)


def _plain_probabilities(
    classes: Sequence[Label], mappings: Sequence[Any] | Array
) -> list[list[float]] | None:
    """The probabilities in the usual, plain case, which is much faster."""
    n_classes = len(classes)
    if {type(label) for label in classes} != {str}:
        return None
    if not all(type(mapping) is dict and len(mapping) == n_classes for mapping in mappings):
        return None
    try:
        rows = [[mapping[label] for label in classes] for mapping in mappings]
    except KeyError:
        return None
    return rows if {type(value) for row in rows for value in row} == {float} else None


def _probabilities(subject: str, row: int, classes: Sequence[Label], mapping: Any) -> list[float]:
    if not isinstance(mapping, Mapping):
        raise ModelError(f"{subject} returned {_kind(mapping)} for row {row}, not probabilities")
    by_key = {_typed(key): value for key, value in mapping.items()}
    class_keys = [_typed(label) for label in classes]
    for key in class_keys:
        if key not in by_key:
            raise ModelError(
                f"{subject} left out the probability of {printable(key[1])} for row {row}"
            )
    for key in by_key.keys() - set(class_keys):
        raise ModelError(
            f"{subject} returned a probability of {printable(key[1])} for row {row}, which is none of its "
            f"classes: {_listed(classes)}"
        )
    return [_number(subject, row, by_key[key]) for key in class_keys]


def _typed(label: Any) -> tuple[type, Any]:
    """A key that distinguishes 1, 1.0 and True."""
    plain = _plain(label)
    return type(plain), plain


def _number(subject: str, row: int, value: Any) -> float:
    plain = _plain(value)
    if isinstance(plain, bool) or not isinstance(plain, (Real, Decimal)):
        raise ModelError(f"{subject} returned {_kind(plain)} for row {row}, not a number")
    try:
        return float(plain)
    except OverflowError:
        return float("inf")


def _plain(value: Any) -> Any:
    """A value as a plain Python value, if it is an enum member or a numpy scalar."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and not value.ndim):
        return value.item()
    return value


def _encodable(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"it contains {_kind(value)}")


def _objects(cells: Sequence[Any]) -> Array:
    column = np.empty(len(cells), object)
    for row, cell in enumerate(cells):  # one by one: numpy would unpack lists
        column[row] = cell
    return column


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    kind = type(value).__name__
    return f"an {kind}" if kind[0] in "aeiouAEIOU" else f"a {kind}"


def _listed(classes: Sequence[Label]) -> str:
    return ", ".join(label_text(label) for label in classes)
