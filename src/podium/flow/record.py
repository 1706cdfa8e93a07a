"""Step 6: what was asked and answered, kept before the answer leaves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from podium.errors import StoreError
from podium.flow.answer import (
    predictions_of,
    probabilities_of,
    warning_value,
    warnings_by_row,
)
from podium.flow.deployment import Deployment
from podium.records.record import Record
from podium.signature import FieldType, Signature
from podium.signature.infer import json_value
from podium.signature.reading import label_text
from podium.table import Array, Outputs, Table, plain_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asked, when, and how.

    Attributes:
        source: the way in: `api`, `form`, `cli` or `python`.
        actor: who asked, or None for nobody in particular.
        time_us: when, in microseconds since 1970.
        latency_us: how long the answer took until here.
    """

    source: str
    actor: str | None
    time_us: int
    latency_us: int


def new_ids(deployment: Deployment, n_rows: int) -> tuple[str, ...]:
    """One new record id a row, in the order of time; none where nothing is recorded."""
    if deployment.store is None:
        return ()
    return deployment.ids.some(time.time_ns() // 1_000, n_rows)


def records_of(
    deployment: Deployment,
    ids: Sequence[str],
    inputs: Sequence[bytes],
    outputs: Outputs,
    asked: Asked,
) -> list[Record]:
    """One record a row; none where nothing is recorded.

    Args:
        inputs: each row as a JSON object.
    """
    if deployment.store is None:
        return []
    return [
        Record(
            id=id_,
            time_us=asked.time_us,
            model=deployment.name,
            version=deployment.version,
            inputs=row,
            outputs=answer,
            outcome=outcome,
            outcome_number=number,
            latency_us=asked.latency_us,
            source=asked.source,
            actor=asked.actor,
        )
        for id_, row, (answer, outcome, number) in zip(
            ids, inputs, _answers(deployment, outputs), strict=True
        )
    ]


def keep(deployment: Deployment, records: Sequence[Record]) -> None:
    """Keep records.

    Raises:
        StoreError: they couldn't all be kept.
    """
    if deployment.store is None:
        return
    result = deployment.store.insert(records)
    if result.failed:
        raise StoreError(f"{len(result.failed)} of {len(records)} records weren't kept")


def inputs_json(signature: Signature, table: Table) -> list[bytes]:
    """Each row as a JSON object of field names and values."""
    encode = msgspec.json.encode
    names = signature.names
    if not names:
        return [b"{}"] * table.n_rows
    columns = [_json_column(table.columns[field.name], field.type) for field in signature.fields]
    return [encode(dict(zip(names, cells, strict=True))) for cells in zip(*columns, strict=True)]


def _json_column(column: Array, type_: FieldType) -> list[Any]:
    """A column's cells as JSON can hold them."""
    values = plain_values(column)
    if column.dtype.kind in "fiub":  # what most columns are needs no look at each cell
        return values
    return [json_value(value, type_) for value in values]


def _answers(deployment: Deployment, outputs: Outputs) -> list[tuple[bytes, str, float | None]]:
    """Each row's answer as JSON, as a text to filter by, and as a number where it is one."""
    signature = deployment.signature
    predictions = predictions_of(signature, outputs)
    probabilities = probabilities_of(signature.output, outputs)
    warnings = warnings_by_row(outputs)
    answers = []
    for row, prediction in enumerate(predictions):
        value: dict[str, object] = {"prediction": prediction}
        if probabilities is not None:
            value["probabilities"] = probabilities[row]
        value["warnings"] = [warning_value(one) for one in warnings.get(row, [])]
        body = msgspec.json.encode(value)
        answers.append((body, *outcome_of(prediction)))
    return answers


def outcome_of(prediction: object) -> tuple[str, float | None]:
    """A prediction as a text to filter by, and as a number where it is one."""
    if isinstance(prediction, float):
        return str(prediction), prediction
    if isinstance(prediction, (bool, int, str)):
        is_number = isinstance(prediction, int) and not isinstance(prediction, bool)
        return label_text(prediction), float(prediction) if is_number else None
    return msgspec.json.encode(prediction).decode(), None
