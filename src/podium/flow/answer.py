"""A model's outputs as plain values, for JSON, tables and records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from podium.outputs import CellWarning, Outputs, by_place, joined
from podium.signature import Output, Signature
from podium.signature.labels import label_text
from podium.table import plain_values

# The keys in the response for a single row, and for several rows.
PLURALS = {
    "prediction": "predictions",
    "label": "labels",
    "probabilities": "probabilities",
    "score": "scores",
    "distances": "distances",
}


def predictions_of(signature: Signature, outputs: Outputs) -> list[Any]:
    """The predictions for JSON: one object keyed by output where there are several outputs."""
    if len(signature.outputs) == 1:
        return plain_values(outputs.predictions)
    names = [output.name for output in signature.outputs]
    return [dict(zip(names, row, strict=True)) for row in outputs.predictions.tolist()]


def probabilities_of(signature: Signature, outputs: Outputs) -> list[dict[str, Any]] | None:
    """The probabilities of each row by label, and by output where there are several; or None."""
    if outputs.probabilities is None:
        return None
    places = signature.places
    return [by_place(places, row) for row in outputs.probabilities.tolist()]


def distances_of(signature: Signature, outputs: Outputs) -> list[dict[str, float]] | None:
    """The distances of each row by cluster, or None."""
    if outputs.distances is None:
        return None
    labels = signature.output.distance_labels
    return [dict(zip(labels, row, strict=True)) for row in outputs.distances.tolist()]


def labels_of(output: Output, outputs: Outputs) -> list[str] | None:
    """The display label of each prediction, or None where labels and values are the same."""
    if not output.words:
        return None
    return [output.word_for(label) for label in plain_values(outputs.predictions)]


def columns_of(signature: Signature, outputs: Outputs) -> dict[str, list[Any]]:
    """The outputs for all rows, by the key that each has in the response for a single row."""
    columns = {
        "prediction": predictions_of(signature, outputs),
        "label": labels_of(signature.output, outputs),
        "probabilities": probabilities_of(signature, outputs),
        "score": None if outputs.scores is None else outputs.scores.tolist(),
        "distances": distances_of(signature, outputs),
    }
    return {key: values for key, values in columns.items() if values is not None}


def values_of(signature: Signature, outputs: Outputs) -> list[dict[str, Any]]:
    """The outputs for each row, as an object without warnings."""
    columns = columns_of(signature, outputs)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def warnings_by_row(outputs: Outputs) -> dict[int, list[CellWarning]]:
    """The warnings, by row number."""
    rows: dict[int, list[CellWarning]] = {}
    for warning in outputs.warnings:
        rows.setdefault(warning.row, []).append(warning)
    return rows


def column_names(signature: Signature) -> list[str]:
    """The names of the output columns in a table."""
    shares = [f"probability_{joined(place, '_')}" for place in signature.places]
    if len(signature.outputs) > 1:
        return [*(f"prediction_{output.name}" for output in signature.outputs), *shares]
    output = signature.output
    return [
        "prediction",
        *(["label"] if output.words else []),
        *shares,
        *(["score"] if output.score else []),
        *(f"distance_{label}" for label in output.distance_labels),
    ]


def cells_of(signature: Signature, outputs: Outputs) -> list[list[Any]]:
    """The cells of these columns, column by column."""
    shares = [] if outputs.probabilities is None else outputs.probabilities.T.tolist()
    if len(signature.outputs) > 1:
        return [*(plain_values(column) for column in outputs.predictions.T), *shares]
    labels = labels_of(signature.output, outputs)
    return [
        plain_values(outputs.predictions),
        *([] if labels is None else [labels]),
        *shares,
        *([] if outputs.scores is None else [outputs.scores.tolist()]),
        *([] if outputs.distances is None else outputs.distances.T.tolist()),
    ]


def column_cells(signature: Signature, outputs: Outputs) -> Iterator[list[Any]]:
    """The cells of these columns, row by row, as CSV holds them."""
    for cell, *rest in zip(*cells_of(signature, outputs), strict=True):
        yield [_plain(cell), *(map(_plain, rest) if len(signature.outputs) > 1 else rest)]


def _plain(cell: Any) -> Any:
    if isinstance(cell, (dict, list)):
        return msgspec.json.encode(cell).decode()
    return label_text(cell) if isinstance(cell, bool) else cell
