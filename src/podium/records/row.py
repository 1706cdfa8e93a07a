"""How a record writes a row: its inputs as JSON, and its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from podium.signature.labels import label_text

_PLAIN_MIN, _PLAIN_MAX = 1e-4, 1e16
_json = msgspec.json.Encoder().encode


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
        # The shortest digits that give the number again, as JSON has them: in a quarter of the time.
        # Beyond these bounds Python writes an exponent, and JSON another one.
        if _PLAIN_MIN <= abs(prediction) < _PLAIN_MAX:
            return _json(prediction).decode(), prediction
        return str(prediction), prediction
    if isinstance(prediction, (bool, int, str)):
        is_number = isinstance(prediction, int) and not isinstance(prediction, bool)
        return label_text(prediction), float(prediction) if is_number else None
    return msgspec.json.encode(prediction).decode(), None
