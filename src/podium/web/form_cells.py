"""Reads the value of one widget of a form as its field in the signature."""

from __future__ import annotations

from typing import Any

from podium.errors import BadCell
from podium.signature import Field, Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.reading import Written


def read_cell(field: Field, value: object, written: Written = "form") -> tuple[Any, BadCell | None]:
    """The value for the model, None if it is missing; and why it is invalid.

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
        cleaned = int(cleaned)  # a column with missing values stores integers as floats
    return cleaned, None


def sentence_of(field: Field, cell: BadCell) -> str:
    """What is wrong with a cell, and what would be accepted."""
    given = f" Give {cell.accepted}." if cell.accepted else ""
    return f"{field.label} {cell.problem}.{given}"
