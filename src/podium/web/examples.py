"""Example requests: bodies of every content type, made of rows that the model accepts."""

from __future__ import annotations

import csv
import io
from typing import Any, TypeAlias

import msgspec

from podium.flow.formats.csv_rows import CSV
from podium.flow.formats.json_rows import LINES
from podium.signature import Field, Label, Signature
from podium.signature.labels import label_text

Row: TypeAlias = dict[str, Label | None]
ROWS_MAX = 2


def example_rows(signature: Signature) -> list[Row]:
    """One or two rows: of the training data, or made from the fields if there are none."""
    rows = [{name: row.get(name) for name in signature.names} for row in signature.examples]
    return rows[:ROWS_MAX] or [{field.name: _value(field) for field in signature.fields}]


def json_bodies(signature: Signature) -> dict[str, Any]:
    """One row, several rows, and columns, as JSON values."""
    rows = example_rows(signature)
    columns = {name: [row[name] for row in rows] for name in signature.names}
    return {"row": rows[0], "rows": rows, "columns": columns}


def text_bodies(signature: Signature) -> dict[str, str]:
    """The same rows as CSV and as NDJSON, by content type."""
    rows = example_rows(signature)
    lines = [msgspec.json.encode(row).decode() for row in rows]
    return {CSV: _csv(signature, rows), LINES: "".join(f"{line}\n" for line in lines)}


def form_fields(signature: Signature) -> dict[str, str]:
    """The first row as the fields of a form; missing values are left out."""
    row = example_rows(signature)[0]
    return {name: label_text(value) for name, value in row.items() if value is not None}


def _value(field: Field) -> Label | None:
    """A value that a field accepts; the middle of its range if it has one."""
    if not field.is_required:
        return None
    if field.type == "category":
        return field.labels[0] if field.labels else "a label"
    low, high = field.bounds.minimum, field.bounds.maximum
    low = field.seen.minimum if field.seen.minimum is not None else low
    high = field.seen.maximum if field.seen.maximum is not None else high
    if field.type in ("float", "integer"):
        return _number(field, low, high)
    edge = low if low is not None else high
    if edge is not None:
        return edge
    others: dict[str, Label] = {
        "boolean": True,
        "date": "2024-03-01",
        "datetime": "2024-03-01T12:00:00Z",
    }
    return others.get(field.type, "some text"[: field.max_length])


def _number(field: Field, low: Any, high: Any) -> float:
    if field.quantiles:
        middle = field.quantiles[len(field.quantiles) // 2]
    elif low is not None and high is not None:
        middle = (low + high) / 2
    else:
        middle = next((edge for edge in (low, high) if edge is not None), 1)
    return int(middle) if field.type == "integer" else float(middle)


def _csv(signature: Signature, rows: list[Row]) -> str:
    lines = [list(signature.names)]
    lines += [["" if cell is None else label_text(cell) for cell in row.values()] for row in rows]
    # Before Python 3.13 the writer quotes a carriage return only where lines end with one.
    has_return = any("\r" in cell for line in lines for cell in line)
    text = io.StringIO(newline="")
    dialect = csv.unix_dialect if has_return else csv.excel  # the first quotes everything
    csv.writer(text, dialect, lineterminator="\n").writerows(lines)
    return text.getvalue()
