"""The quality of recorded predictions and of a version's, on the same rows with ground truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from podium.evaluation.changes import RecordedOutputs
from podium.evaluation.reports import QualityFigure
from podium.outputs import Outputs, Probabilities, probabilities_in
from podium.packing.quality import Quality, quality
from podium.packing.truth import Truth
from podium.records.record import Feedback
from podium.signature import Signature
from podium.signature.truth import truth_value, values_by_output
from podium.table import column_of

SETTLED_ROWS = 1_000


class Truths:
    """Rows with ground truth, gathered record by record.

    Args:
        signature: of the version that is replayed.
    """

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._names = [output.name for output in signature.outputs]
        self._truths: list[dict[str, Any]] = []
        self._before = _Predictions(signature)
        self._after = _Predictions(signature)
        self.n_odd = 0

    @property
    def n_rows(self) -> int:
        """How many rows were gathered."""
        return len(self._truths)

    def add(self, feedback: Feedback, before: RecordedOutputs, after: Mapping[str, Any]) -> None:
        """Gather a record, where its truth is one that the model could have predicted."""
        told = values_by_output(self._signature, msgspec.json.decode(feedback.truth))
        truth = {one.name: truth_value(one, told.get(one.name)) for one in self._signature.outputs}
        if all(value is None for value in truth.values()):
            self.n_odd += 1
            return
        self._truths.append(truth)
        self._before.add(before.prediction, before.probabilities)
        self._after.add(after["prediction"], after.get("probabilities"))

    def figures(self) -> tuple[tuple[QualityFigure, ...], tuple[str, ...]]:
        """The metrics of both, and why some are missing, in sentences."""
        if not self._truths:
            return (), ()
        columns = tuple(column_of([one[name] for one in self._truths]) for name in self._names)
        truth = Truth(tuple(self._names), columns)
        before = quality(self._signature, self._before.outputs(), truth, "holdout")
        after = quality(self._signature, self._after.outputs(), truth, "holdout")
        return _paired(before, after), after.notes


class _Predictions:
    """Predictions and probabilities as records hold them, soon as arrays: these are smaller."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._predictions: list[Any] = []
        self._shares: list[Probabilities | None] = []
        self._parts: list[Outputs] = []

    def add(self, prediction: Any, shares: Probabilities | None) -> None:
        """Those of one row."""
        self._predictions.append(prediction)
        self._shares.append(shares)
        if len(self._predictions) >= SETTLED_ROWS:
            self._settle()

    def outputs(self) -> Outputs:
        """Those of all rows; without probabilities where some have none."""
        self._settle()
        if any(part.probabilities is None for part in self._parts):
            self._parts = [replace(part, probabilities=None) for part in self._parts]
        return Outputs.concat(self._parts)

    def _settle(self) -> None:
        if self._predictions:
            self._parts.append(outputs_of(self._signature, self._predictions, self._shares))
            self._predictions, self._shares = [], []


def outputs_of(
    signature: Signature, predictions: Sequence[Any], shares: Sequence[Probabilities | None]
) -> Outputs:
    """Predictions and probabilities as records hold them, as a model's outputs."""
    output = signature.output
    if len(signature.outputs) > 1:
        cells = np.empty((len(predictions), len(signature.outputs)), object)
        for row, values in enumerate(predictions):
            cells[row] = [values[one.name] for one in signature.outputs]
        if all(one.task == "regression" for one in signature.outputs):
            return Outputs(cells.astype(np.float64))
        return Outputs(cells, probabilities_in(signature.places, shares))
    if output.task == "regression":
        return Outputs(np.array(predictions, np.float64))
    column = np.empty(len(predictions), object)
    column[:] = predictions
    return Outputs(column, probabilities_in(signature.places, shares))


def _paired(before: Quality, after: Quality) -> tuple[QualityFigure, ...]:
    old = {(one.name, one.output): one.value for one in before.metrics}
    new = {(one.name, one.output): one for one in after.metrics}
    both = {(one.name, one.output): one for one in (*before.metrics, *after.metrics)}
    return tuple(
        QualityFigure(
            name=one.name,
            title=one.label,
            better=one.better,
            unit=one.unit,
            recorded=old.get(key),
            replayed=new[key].value if key in new else None,
        )
        for key, one in both.items()
    )
