"""Step 6: what was asked and answered, kept before the answer leaves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

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
from podium.signature import Signature
from podium.signature.infer import json_value
from podium.signature.reading import label_text
from podium.table import Outputs, Table


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


def record(
    deployment: Deployment, ids: Sequence[str], table: Table, outputs: Outputs, asked: Asked
) -> None:
    """Keep one record a row.

    Raises:
        StoreError: they couldn't all be kept.
    """
    if deployment.store is None:
        return
    rows = zip(
        ids, inputs_json(deployment.signature, table), _answers(deployment, outputs), strict=True
    )
    records = [
        Record(
            id=id_,
            time_us=asked.time_us,
            model=deployment.name,
            version=deployment.version,
            inputs=inputs,
            outputs=answer,
            outcome=outcome,
            outcome_number=number,
            latency_us=asked.latency_us,
            source=asked.source,
            actor=asked.actor,
        )
        for id_, inputs, (answer, outcome, number) in rows
    ]
    result = deployment.store.insert(records)
    if result.failed:
        raise StoreError(f"{len(result.failed)} of {len(records)} records weren't kept")


def inputs_json(signature: Signature, table: Table) -> list[bytes]:
    """Each row as a JSON object of field names and values."""
    encode = msgspec.json.encode
    fields = signature.fields
    return [
        encode({field.name: json_value(row[field.name], field.type) for field in fields})
        for row in table.rows()
    ]


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
        is_number = isinstance(prediction, (int, float)) and not isinstance(prediction, bool)
        number = float(prediction) if is_number else None
        answers.append((body, _outcome(prediction), number))
    return answers


def _outcome(prediction: object) -> str:
    if isinstance(prediction, (bool, int, float, str)):
        return label_text(prediction)
    return msgspec.json.encode(prediction).decode()
