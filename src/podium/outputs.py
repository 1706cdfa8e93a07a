"""The output of a model: predictions, probabilities, scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def warning_value(warning: CellWarning) -> dict[str, str]:
    """A warning of a request with a single row, which isn't named in it."""
    return {"field": warning.field, "message": warning.message, "code": warning.code}


@dataclass(frozen=True, slots=True)
class Outputs:
    """The output of a model for a table.

    Attributes:
        predictions: shape (n_rows,), or (n_rows, n_outputs) if the signature has several outputs.
            Class labels keep their type.
        probabilities: shape (n_rows, n_classes), in the order of the signature's classes, or None;
            those of several outputs side by side.
        scores: shape (n_rows,), if the signature has any, or None.
        warnings: about values that were accepted but are unusual.
    """

    predictions: Array
    probabilities: NDArray[np.float64] | None = None
    warnings: tuple[CellWarning, ...] = ()
    scores: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.predictions)

    def rows(self, rows: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Outputs:
        """The outputs for these rows alone, without warnings."""
        some = None if self.probabilities is None else self.probabilities[rows]
        scores = None if self.scores is None else self.scores[rows]
        return Outputs(self.predictions[rows], some, scores=scores)

    @classmethod
    def concat(cls, parts: Sequence[Outputs]) -> Outputs:
        """The outputs of several calls, concatenated, without warnings."""
        shares = [part.probabilities for part in parts if part.probabilities is not None]
        scores = [part.scores for part in parts if part.scores is not None]
        return cls(
            np.concatenate([part.predictions for part in parts]),
            np.concatenate(shares) if shares else None,
            scores=np.concatenate(scores) if scores else None,
        )
