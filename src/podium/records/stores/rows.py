"""A record as the row of a table, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podium.records.record import Feedback, Record

FEEDBACK_COLUMNS = ("feedback_truth", "feedback_time_us", "feedback_actor", "feedback_note")
COLUMNS = (
    "id",
    "time_us",
    "model",
    "version",
    "inputs",
    "outputs",
    "outcome",
    "outcome_number",
    "latency_us",
    "source",
    "actor",
    *FEEDBACK_COLUMNS,
)


def row_of(record: Record) -> tuple[Any, ...]:
    """The values of COLUMNS."""
    return (
        record.id,
        record.time_us,
        record.model,
        record.version,
        record.inputs.decode(),
        record.outputs.decode(),
        record.outcome,
        record.outcome_number,
        record.latency_us,
        record.source,
        record.actor,
        *feedback_cells(record.feedback),
    )


def feedback_cells(feedback: Feedback | None) -> tuple[Any, ...]:
    """The values of FEEDBACK_COLUMNS."""
    if feedback is None:
        return (None, None, None, None)
    return (feedback.truth.decode(), feedback.time_us, feedback.actor, feedback.note)


def record_of(row: Sequence[Any]) -> Record:
    """The record whose COLUMNS have these values."""
    truth, told_us, teller, note = row[11:]
    feedback = None
    if told_us is not None:
        feedback = Feedback(truth=truth.encode(), time_us=told_us, actor=teller, note=note)
    return Record(
        id=row[0],
        time_us=row[1],
        model=row[2],
        version=row[3],
        inputs=row[4].encode(),
        outputs=row[5].encode(),
        outcome=row[6],
        outcome_number=row[7],
        latency_us=row[8],
        source=row[9],
        actor=row[10],
        feedback=feedback,
    )
