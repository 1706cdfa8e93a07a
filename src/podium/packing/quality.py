"""How good a model is: on held-out rows if there are any, otherwise on the given rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from podium.bundle.card import Metric
from podium.outputs import Outputs
from podium.packing.columns import selected
from podium.packing.metrics import measure
from podium.packing.owner import clean
from podium.packing.quantiles import quantile_notes
from podium.packing.recast import read_again
from podium.packing.truth import Truth, truth_of
from podium.runtimes.protocol import Runtime
from podium.signature import Signature
from podium.table import Table

MeasuredOn: TypeAlias = Literal["holdout", "cross-validation", "training", "unknown"]


@dataclass(frozen=True)
class Quality:
    """Metrics for the card.

    Attributes:
        metrics: the first one is the main one.
        n_rows: how many rows they were measured on.
        on: which rows these were.
        notes: why some metrics are missing, in sentences.
        n_folds: of a cross-validation.
    """

    metrics: tuple[Metric, ...] = ()
    n_rows: int = 0
    on: MeasuredOn = "unknown"
    notes: tuple[str, ...] = ()
    n_folds: int = 0


def on_holdout(
    signature: Signature, runtime: Runtime, holdout: tuple[object, object], target: str | None
) -> Quality:
    """The metrics on held-out rows.

    Raises:
        SetupError: they lack a column, or rows and targets differ in length.
    """
    table, truth = holdout_rows(signature, holdout, target)
    return quality(signature, runtime.predict(table), truth, "holdout")


def holdout_rows(
    signature: Signature, holdout: tuple[object, object], target: str | None
) -> tuple[Table, Truth | None]:
    """Held-out rows as the model takes them, and their targets.

    Raises:
        SetupError: they lack a column, or rows and targets differ in length.
    """
    table = selected(_required_names(signature, holdout[0]), Table.of(holdout[0]))
    table = read_again(table, signature.fields)
    return clean(signature, table), truth_of(holdout[1], target, table.n_rows)


def _required_names(signature: Signature, rows: object) -> tuple[str, ...]:
    """The fields that the rows must have, and the optional ones that they have."""
    names = Table.of(rows).columns
    return tuple(f.name for f in signature.fields if f.is_required or f.name in names)


def quality(signature: Signature, outputs: Outputs, truth: Truth | None, on: MeasuredOn) -> Quality:
    """The metrics of predictions for rows with known targets, a few for each target."""
    if truth is not None and truth.parts:
        why = f"y has {truth.parts} for each row, which the model predicts neither of"
        return Quality(notes=(f"Nothing was measured: {why}.",))
    if truth is None or not truth.columns:
        return Quality()
    truth = truth.by_output(signature)
    if len(truth.columns) != len(signature.outputs):
        note = (
            f"Nothing was measured: the number of targets is {len(truth.columns)}, and that of "
            f"outputs {len(signature.outputs)}."
        )
        return Quality(notes=(note,))
    metrics: list[Metric] = []
    notes: list[str] = []
    n_rows = 0
    for place, output in enumerate(signature.outputs):
        is_labelled = truth.labelled_rows(place)
        predicted = outputs_of(signature, outputs, place)
        measured = measure(output, predicted.rows(is_labelled), truth.columns[place][is_labelled])
        name = output.name if len(signature.outputs) > 1 else ""
        metrics += [msgspec.structs.replace(one, output=name) for one in measured.metrics]
        notes += [f"{name}: {note}" if name else note for note in measured.notes]
        n_rows = max(n_rows, int(np.sum(is_labelled)))
    notes += quantile_notes(signature, outputs, truth, on)
    return Quality(
        tuple(metrics), n_rows if metrics else 0, on if metrics else "unknown", tuple(notes)
    )


def outputs_of(signature: Signature, outputs: Outputs, place: int) -> Outputs:
    """The outputs for one of the targets, by its place in the signature."""
    predictions = outputs.predictions
    columns = signature.probabilities_of(place)
    shares = outputs.probabilities
    return Outputs(
        predictions[:, place] if len(signature.outputs) > 1 else predictions,
        None if shares is None or columns is None else shares[:, columns],
    )
