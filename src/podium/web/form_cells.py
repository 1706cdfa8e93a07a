"""What stands in one widget of a form, read as the field of the signature that it is for."""

from __future__ import annotations

from typing import Any

from podium.errors import BadCell
from podium.signature import Field, Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.reading import Written


def read_cell(field: Field, value: object, written: Written = "form") -> tuple[Any, BadCell | None]:
    """The value as the model takes it, None where it is missing; and why it isn't accepted.

    Args:
        value: a text, unless it is `written` as a Python value.
    """
    findings = Findings()
    table = check_columns(Signature(fields=(field,)), {field.name: [value]}, 1, written, findings)
    if findings.bad:
        return None, findings.bad[0]
    (row,) = table.rows()
    cleaned = row[field.name]
    if field.type == "integer" and isinstance(cleaned, float):
        cleaned = int(cleaned)  # beside a missing one, whole numbers are kept as floats
    return cleaned, None


def sentence_of(field: Field, cell: BadCell) -> str:
    """What is wrong with a cell, and what would be accepted."""
    given = f" Give {cell.accepted}." if cell.accepted else ""
    return f"{field.label} {cell.problem}.{given}"
