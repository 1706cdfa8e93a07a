"""Names, types and ranges of a model's inputs and outputs."""

from podium.signature.fields import (
    NUMBERS,
    TIMES,
    Category,
    Field,
    FieldType,
    Output,
    Range,
    ScoreKind,
    Signature,
    Task,
    Threshold,
)
from podium.signature.labels import INTEGER_MAX, Label

__all__ = [
    "INTEGER_MAX",
    "NUMBERS",
    "TIMES",
    "Category",
    "Field",
    "FieldType",
    "Label",
    "Output",
    "Range",
    "ScoreKind",
    "Signature",
    "Task",
    "Threshold",
]
