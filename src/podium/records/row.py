"""How a record writes a row: its inputs as JSON, and its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from podium.signature.labels import label_text


def rows_json(names: Sequence[str], columns: Sequence[Sequence[Any]], n_rows: int) -> list[bytes]:
    """Each row as a JSON object of names and values.

    Args:
        columns: JSON values, in the order of the names.

    Raises:
        ValueError: the columns differ in length.
    """
    encode = msgspec.json.encode
    if not names:
        return [b"{}"] * n_rows
    return [encode(dict(zip(names, cells, strict=True))) for cells in zip(*columns, strict=True)]


def outcome_of(prediction: object) -> tuple[str, float | None]:
    """A prediction as a text to filter by, and as a number if it is one."""
    if isinstance(prediction, float):
        return str(prediction), prediction
    if isinstance(prediction, (bool, int, str)):
        is_number = isinstance(prediction, int) and not isinstance(prediction, bool)
        return label_text(prediction), float(prediction) if is_number else None
    return msgspec.json.encode(prediction).decode(), None
