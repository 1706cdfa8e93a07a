"""The output of a model: predictions, probabilities, scores, distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.table import Array


class CellWarning(msgspec.Struct, frozen=True, kw_only=True):
    """A note about one value that was accepted but is unusual."""

    row: int
    field: str
    message: str
    code: str


# Where a probability is in an answer: its label, behind the output where there are several.
Place: TypeAlias = str | tuple[str, str]


# The probabilities of a row as answers and records hold them: by label, or by output and label.
Probabilities: TypeAlias = dict[str, float | dict[str, float]]


def by_place(places: Sequence[Place], numbers: Sequence[float]) -> dict[str, Any]:
    """The probabilities of a row: by label, or by output and label where there are several outputs.

    Args:
        places: as `Signature.places` lists them, one for each number.
    """
    found: dict[str, Any] = {}
    for place, number in zip(places, numbers, strict=True):
        if isinstance(place, str):
            found[place] = number
        else:
            found.setdefault(place[0], {})[place[1]] = number
    return found


def probabilities_in(
    places: Sequence[Place], rows: Sequence[Probabilities | None]
) -> NDArray[np.float64] | None:
    """The probabilities that records have, shape (n_rows, n_places); None if one is missing."""
    numbers = [[at_place(place, row) for place in places] for row in rows]
    if not places or any(number is None for row in numbers for number in row):
        return None
    return np.array(numbers, np.float64).reshape(len(rows), len(places))


def joined(place: Place, by: str) -> str:
    """A place in one name: `label`, or `output` and `label`."""
    return place if isinstance(place, str) else by.join(place)


def at_place(place: Place, probabilities: Any) -> Any:
    """One of the probabilities that an answer has; None if it has none there."""
    for key in (place,) if isinstance(place, str) else place:
        probabilities = probabilities.get(key) if isinstance(probabilities, dict) else None
    return probabilities


def warning_value(warning: CellWarning) -> dict[str, str]:
    """A warning of a request with a single row, which isn't named in it."""
    return {"field": warning.field, "message": warning.message, "code": warning.code}


def side_by_side(columns: Sequence[Array]) -> Array:
    """The predictions of several outputs, shape (n_rows, n_outputs); labels keep their type."""
    kinds = {column.dtype.kind for column in columns}
    if len(kinds) == 1:
        return np.stack(columns, axis=1)
    several = np.empty((len(columns[0]), len(columns)), object)
    for place, column in enumerate(columns):
        several[:, place] = column.tolist()
    return several


@dataclass(frozen=True, slots=True)
class Outputs:
    """The output of a model for a table.

    Attributes:
        predictions: shape (n_rows,), or (n_rows, n_outputs) if the signature has several outputs.
            Class labels keep their type.
        probabilities: shape (n_rows, n_classes), in the order of the signature's classes, or None;
            those of several outputs side by side.
        scores: shape (n_rows,), if the signature has any, or None.
        distances: shape (n_rows, n_clusters), in the order of the signature's classes, or None.
        warnings: about values that were accepted but are unusual.
    """

    predictions: Array
    probabilities: NDArray[np.float64] | None = None
    warnings: tuple[CellWarning, ...] = ()
    scores: NDArray[np.float64] | None = None
    distances: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.predictions)

    def columns(self) -> list[Array]:
        """The predictions of each output, numbers as numbers."""
        if self.predictions.ndim == 1:
            return [self.predictions]
        if self.predictions.dtype.kind != "O":
            return list(self.predictions.T)
        return [_narrowed(column) for column in self.predictions.T]

    def rows(self, rows: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Outputs:
        """The outputs for these rows alone, without warnings."""
        some = None if self.probabilities is None else self.probabilities[rows]
        scores = None if self.scores is None else self.scores[rows]
        distances = None if self.distances is None else self.distances[rows]
        return Outputs(self.predictions[rows], some, scores=scores, distances=distances)

    @classmethod
    def concat(cls, parts: Sequence[Outputs]) -> Outputs:
        """The outputs of several calls, concatenated, without warnings."""
        shares = [part.probabilities for part in parts if part.probabilities is not None]
        scores = [part.scores for part in parts if part.scores is not None]
        distances = [part.distances for part in parts if part.distances is not None]
        return cls(
            np.concatenate([part.predictions for part in parts]),
            np.concatenate(shares) if shares else None,
            scores=np.concatenate(scores) if scores else None,
            distances=np.concatenate(distances) if distances else None,
        )


def _narrowed(column: Array) -> Array:
    """A column of objects that are all numbers as numbers."""
    kinds = set(map(type, column.tolist()))
    if kinds and kinds <= {int, float}:
        return column.astype(np.int64 if kinds == {int} else np.float64)
    return column
