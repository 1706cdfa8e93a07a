"""How a model errs on rows with known truth: its loss, confusion, calibration, and residuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from podium.bundle.importance import Calibration, Confusion, Residuals
from podium.outputs import Outputs
from podium.packing.metrics import log_loss, numbers_of, places_of
from podium.packing.quality import outputs_of
from podium.signature import Output, Signature
from podium.signature.labels import label_text
from podium.table import Array, Table, is_missing

# A table of more classes is no picture any more.
CLASSES_MAX = 20
BINS = 10

Loss = Callable[[Output, Outputs, Array], float | None]


@dataclass(frozen=True)
class Judged:
    """Rows, what the model predicted for them, and what was true.

    Attributes:
        truths: of each output, shape (n_rows,); None where it isn't known.
        on: which rows these are, as in the card.
    """

    table: Table
    outputs: Outputs
    truths: tuple[Array, ...]
    on: str

    def take(self, rows: NDArray[np.intp]) -> Judged:
        """These rows alone."""
        truths = tuple(one[rows] for one in self.truths)
        return Judged(self.table.take(rows), self.outputs.rows(rows), truths, self.on)

    def known(self, place: int) -> NDArray[np.intp]:
        """The rows in which the truth of the output at this place is known."""
        return np.flatnonzero(~is_missing(self.truths[place]))


def loss_of(output: Output) -> tuple[str, Loss]:
    """The loss of an output's task: its name as a metric, and the function."""
    if not output.classes:
        return "mean_absolute_error", _absolute
    if output.has_probabilities:
        return "log_loss", _log_loss
    return "error_rate", _error_rate


def loss_in(signature: Signature, outputs: Outputs, judged: Judged, place: int) -> float | None:
    """The loss of an output of other predictions for these rows; None where there is none."""
    rows, output = judged.known(place), signature.outputs[place]
    if not len(rows):
        return None
    own = outputs_of(signature, outputs, place).rows(rows)
    return loss_of(output)[1](output, own, judged.truths[place][rows])


def errors_of(signature: Signature, judged: Judged, place: int) -> dict[str, Any]:
    """Confusion and calibration of a classifier, or the residuals of a regression.

    Args:
        place: of the output in the signature.
    """
    output, rows = signature.outputs[place], judged.known(place)
    own = outputs_of(signature, judged.outputs, place).rows(rows)
    truth = judged.truths[place][rows]
    if output.task == "regression":
        return {"residuals": _residuals(own, truth)}
    if output.task != "classification":
        return {}
    happened = places_of(truth.tolist(), output.classes)
    return {
        "confusion": _confusion(output, own, happened),
        "calibration": _calibration(output, own, happened),
    }


def _confusion(output: Output, outputs: Outputs, happened: NDArray[np.int64]) -> Confusion | None:
    n = len(output.classes)
    if n > CLASSES_MAX:
        return None
    predicted = places_of(outputs.predictions.tolist(), output.classes)
    counts = np.zeros((n, n), np.int64)
    is_known = (happened >= 0) & (predicted >= 0)
    np.add.at(counts, (happened[is_known], predicted[is_known]), 1)
    return Confusion(
        labels=tuple(map(label_text, output.classes)),
        counts=tuple(tuple(row) for row in counts.tolist()),
    )


def _calibration(
    output: Output, outputs: Outputs, happened: NDArray[np.int64]
) -> Calibration | None:
    """Of the second of two classes."""
    if outputs.probabilities is None or len(output.classes) != 2:
        return None
    shares, is_it = outputs.probabilities[:, 1], happened == 1
    bins = np.minimum((shares * BINS).astype(np.int64), BINS - 1)
    present = [at for at in range(BINS) if (bins == at).any()]
    return Calibration(
        label=label_text(output.classes[1]),
        predicted=tuple(float(shares[bins == at].mean()) for at in present),
        happened=tuple(float(is_it[bins == at].mean()) for at in present),
        counts=tuple(int((bins == at).sum()) for at in present),
    )


def _residuals(outputs: Outputs, happened: Array) -> Residuals | None:
    truth = numbers_of(happened)
    if truth is None:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        residuals = truth - outputs.predictions.astype(np.float64)
    residuals = residuals[np.isfinite(residuals)]
    if not len(residuals) or residuals.min() == residuals.max():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.linspace(residuals.min(), residuals.max(), 2 * BINS + 1)
    if not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        return None
    counts, edges = np.histogram(residuals, bins=edges)
    return Residuals(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))


def _absolute(_output: Output, outputs: Outputs, truth: Array) -> float | None:
    numbers = numbers_of(truth)
    if numbers is None:
        return None
    return _finite(np.abs(outputs.predictions.astype(np.float64) - numbers).mean())


def _log_loss(output: Output, outputs: Outputs, truth: Array) -> float | None:
    happened = places_of(truth.tolist(), output.classes)
    is_known = happened >= 0
    if outputs.probabilities is None or not is_known.any():
        return None
    return _finite(log_loss(outputs.probabilities[is_known], happened[is_known]))


def _error_rate(output: Output, outputs: Outputs, truth: Array) -> float | None:
    happened = places_of(truth.tolist(), output.classes)
    predicted = places_of(outputs.predictions.tolist(), output.classes)
    return _finite((happened != predicted).mean()) if (happened >= 0).any() else None


def _finite(number: Any) -> float | None:
    return float(number) if np.isfinite(number) else None
