"""Step 5: answers to bytes, as the caller asked."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec

from podium.flow.answer import (
    column_cells,
    column_names,
    predictions_of,
    probabilities_of,
    warning_value,
)
from podium.flow.arrow import ARROW, stream_of
from podium.signature import Signature
from podium.signature.reading import label_text
from podium.table import Outputs

Form: TypeAlias = Literal["object", "rows", "csv", "lines", "arrow"]
_MEDIA: dict[Form, str] = {
    "object": "application/json",
    "rows": "application/json",
    "csv": "text/csv; charset=utf-8",
    "lines": "application/x-ndjson",
    "arrow": ARROW,
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
    elif form == "arrow":
        body = _arrow(answered)
    else:
        lines = [_one(answered, row) for row in range(len(answered.outputs))]
        body = msgspec.json.Encoder().encode_lines(lines)
    return body, _MEDIA[form]


def _form(layout: str, accept: str) -> Form:
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    known: list[Form] = []
    for media in wanted:
        if media == "text/csv":
            known.append("csv")
        elif media in ("application/x-ndjson", "application/ndjson"):
            known.append("lines")
        elif media == ARROW:
            known.append("arrow")
        elif media == "application/json":
            known.append("object" if layout == "object" else "rows")
    if known:
        return known[0]
    if layout in ("object", "csv", "lines", "arrow"):
        return layout  # type: ignore[return-value]
    return "rows"


def _one(answered: Answered, row: int) -> dict[str, Any]:
    outputs, signature = answered.outputs, answered.signature
    single = outputs.rows(slice(row, row + 1))
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


def _arrow(answered: Answered) -> bytes:
    names = column_names(answered.signature)
    rows = column_cells(answered.signature, answered.outputs)
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    if answered.ids:
        columns["id"] = list(answered.ids)
    return stream_of(columns)


class RowEncoder:
    """Encodes answers to single rows: the same bytes as `encode` makes, from parts at hand."""

    def __init__(self, model: str, version: str, signature: Signature) -> None:
        self._end = b',"model":%b,"version":%b,"warnings":' % (
            msgspec.json.encode(model),
            msgspec.json.encode(version),
        )
        self._labels = [label_text(label) for label in signature.output.classes]

    def core(self, prediction: object, probabilities: Sequence[float] | None) -> bytes:
        """Prediction and probabilities, as an object without its closing brace."""
        if probabilities is None:
            return b'{"prediction":%b' % msgspec.json.encode(prediction)
        shares = dict(zip(self._labels, probabilities, strict=True))
        return b'{"prediction":%b,"probabilities":%b' % (
            msgspec.json.encode(prediction),
            msgspec.json.encode(shares),
        )

    def body(self, core: bytes, id_: str, warnings: bytes) -> bytes:
        """The body of an answer.

        Args:
            id_: of its record; empty when nothing is recorded.
            warnings: as JSON.
        """
        if id_:
            return b'%b,"id":"%b"%b%b}' % (core, id_.encode(), self._end, warnings)
        return b"%b%b%b}" % (core, self._end, warnings)

    def kept(self, core: bytes, warnings: bytes) -> bytes:
        """What a record holds of an answer."""
        return b'%b,"warnings":%b}' % (core, warnings)
