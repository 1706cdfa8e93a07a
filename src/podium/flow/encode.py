"""Step 5: answers to bytes, as the caller asked."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec

from podium.signature import Output, Signature
from podium.signature.reading import label_text
from podium.table import CellWarning, Outputs, plain_values

Form: TypeAlias = Literal["object", "rows", "csv", "lines"]
_MEDIA: dict[Form, str] = {
    "object": "application/json",
    "rows": "application/json",
    "csv": "text/csv; charset=utf-8",
    "lines": "application/x-ndjson",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What is to be told: outputs, by which model, under which ids (none when not recorded)."""

    model: str
    version: str
    signature: Signature
    outputs: Outputs
    ids: Sequence[str]


def encode(answered: Answered, layout: str, accept: str) -> tuple[bytes, str]:
    """The body of the answer, and its content type.

    Args:
        layout: how the rows were written: an answer is written likewise,
        accept: unless this header asks for CSV or JSON.
    """
    form = _form(layout, accept)
    if form == "object":
        body = msgspec.json.encode(_one(answered, 0))
    elif form == "rows":
        body = msgspec.json.encode(_many(answered))
    elif form == "csv":
        body = _csv(answered)
    else:
        lines = [_one(answered, row) for row in range(len(answered.outputs))]
        body = msgspec.json.Encoder().encode_lines(lines)
    return body, _MEDIA[form]


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


def _form(layout: str, accept: str) -> Form:
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    known: list[Form] = []
    for media in wanted:
        if media == "text/csv":
            known.append("csv")
        elif media in ("application/x-ndjson", "application/ndjson"):
            known.append("lines")
        elif media == "application/json":
            known.append("object" if layout == "object" else "rows")
    if known:
        return known[0]
    if layout in ("object", "csv", "lines"):
        return layout  # type: ignore[return-value]
    return "rows"


def _one(answered: Answered, row: int) -> dict[str, Any]:
    outputs, signature = answered.outputs, answered.signature
    single = Outputs(
        outputs.predictions[row : row + 1],
        None if outputs.probabilities is None else outputs.probabilities[row : row + 1],
    )
    value: dict[str, Any] = {"prediction": predictions_of(signature, single)[0]}
    probabilities = probabilities_of(signature.output, single)
    if probabilities is not None:
        value["probabilities"] = probabilities[0]
    if answered.ids:
        value["id"] = answered.ids[row]
    value |= {"model": answered.model, "version": answered.version}
    value["warnings"] = [warning_value(w) for w in outputs.warnings if w.row == row]
    return value


def _many(answered: Answered) -> dict[str, Any]:
    value: dict[str, Any] = {"predictions": predictions_of(answered.signature, answered.outputs)}
    probabilities = probabilities_of(answered.signature.output, answered.outputs)
    if probabilities is not None:
        value["probabilities"] = probabilities
    if answered.ids:
        value["ids"] = answered.ids
    value |= {"model": answered.model, "version": answered.version}
    value["warnings"] = answered.outputs.warnings
    return value


def _csv(answered: Answered) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    outputs = answered.outputs
    writer.writerow([*column_names(answered.signature), *(["id"] if answered.ids else [])])
    for row, cells in enumerate(column_cells(answered.signature, outputs)):
        writer.writerow([*cells, *([answered.ids[row]] if answered.ids else [])])
    return text.getvalue().encode()


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
