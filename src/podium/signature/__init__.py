"""Names, types and ranges of a model's inputs and outputs."""

from podium.signature.fields import (
    INTEGER_MAX,
    NUMBERS,
    TIMES,
    Category,
    Field,
    FieldType,
    Label,
    Output,
    Range,
    Signature,
    Task,
)

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
    "Signature",
    "Task",
]
