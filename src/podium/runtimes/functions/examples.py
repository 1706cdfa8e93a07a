"""Rows that a function accepts, for examples of requests."""

from __future__ import annotations

import datetime as dt
import enum
import math
from collections.abc import Sequence
from typing import Any

from podium.runtimes.functions.annotations import Parameter
from podium.signature import Field, FieldType, Label, Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.infer import json_value
from podium.table import plain_values

ROWS_MAX = 5
_USUAL: dict[FieldType, Any] = {
    "float": 1.0,
    "integer": 1,
    "boolean": True,
    "text": "some text",
    "date": dt.date(2024, 3, 1),
    "datetime": dt.datetime(2024, 3, 1, 12, 0),  # noqa: DTZ001 - in the model's own time zone
}


def example_rows(parameters: Sequence[Parameter]) -> tuple[dict[str, Label | None], ...]:
    """A few rows of plain JSON values, from the declared examples and defaults.

    Without any, the middle of the range, the first category, or something plain is used.
    """
    examples = {one.field.name: _values_of(one) for one in parameters}
    n_rows = min(ROWS_MAX, max(map(len, examples.values())))
    return tuple(
        {name: values[row % len(values)] for name, values in examples.items()}
        for row in range(n_rows)
    )


def _values_of(one: Parameter) -> list[Label | None]:
    """At least one value; a default that stands for "unknown" (-1) isn't an example."""
    values = [value.value if isinstance(value, enum.Enum) else value for value in one.examples]
    accepted = [_accepted(one.field, value) for value in values]
    good: list[Label | None] = [value for value in accepted if value is not None]
    return good or [json_value(_plain_value(one.field), one.field)]


def _accepted(field: Field, value: Any) -> Label | None:
    """The value as the field accepts it; None if it doesn't."""
    findings = Findings()
    signature = Signature(fields=(field,))
    table = check_columns(signature, {field.name: [value]}, 1, "values", findings)
    if findings.n_bad:
        return None
    return json_value(plain_values(table.columns[field.name])[0], field)


def _plain_value(field: Field) -> Any:
    if field.categories:
        return field.labels[0]
    low, high = field.bounds.minimum, field.bounds.maximum
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        middle = low / 2 + high / 2
        return math.ceil(middle) if field.type == "integer" else middle
    usual = _USUAL[field.type]
    if isinstance(usual, str):
        return usual[: field.max_length]
    if _accepted(field, usual) is not None:
        return usual
    nearest = high if low is None else low
    return float(nearest) if field.type == "float" and nearest is not None else nearest
