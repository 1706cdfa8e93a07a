"""A model's outputs as plain values: what JSON, a table and a record hold of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from podium.signature import Output, Signature
from podium.signature.reading import label_text
from podium.table import CellWarning, Outputs, plain_values


def predictions_of(signature: Signature, outputs: Outputs) -> list[Any]:
    """Predictions as JSON holds them: an object by output where there are several outputs."""
    if len(signature.outputs) == 1:
        return plain_values(outputs.predictions)
    names = [output.name for output in signature.outputs]
    return [dict(zip(names, row, strict=True)) for row in outputs.predictions.tolist()]


def probabilities_of(output: Output, outputs: Outputs) -> list[dict[str, float]] | None:
    """One object of label and probability a row, or None."""
    if outputs.probabilities is None:
        return None
    labels = [label_text(label) for label in output.classes]
    return [dict(zip(labels, row, strict=True)) for row in outputs.probabilities.tolist()]


def warnings_by_row(outputs: Outputs) -> dict[int, list[CellWarning]]:
    """The warnings, by the number of their row."""
    rows: dict[int, list[CellWarning]] = {}
    for warning in outputs.warnings:
        rows.setdefault(warning.row, []).append(warning)
    return rows


def warning_value(warning: CellWarning) -> dict[str, str]:
    """A warning about the only row there is."""
    return {"field": warning.field, "message": warning.message, "code": warning.code}


def column_names(signature: Signature) -> list[str]:
    """What the columns of the outputs are called in a table."""
    if len(signature.outputs) > 1:
        return [f"prediction_{output.name}" for output in signature.outputs]
    output = signature.output
    if not output.has_probabilities:
        return ["prediction"]
    return ["prediction", *(f"probability_{label_text(label)}" for label in output.classes)]


def column_cells(signature: Signature, outputs: Outputs) -> Iterator[list[Any]]:
    """The cells of these columns, row by row."""
    if len(signature.outputs) > 1:
        yield from outputs.predictions.tolist()
        return
    predictions = plain_values(outputs.predictions)
    for row, prediction in enumerate(predictions):
        cell = label_text(prediction) if isinstance(prediction, bool) else prediction
        if isinstance(cell, (dict, list)):
            cell = msgspec.json.encode(cell).decode()
        rest = [] if outputs.probabilities is None else outputs.probabilities[row].tolist()
        yield [cell, *rest]
