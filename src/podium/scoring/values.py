"""Conversion of cells between formats."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from podium.signature.labels import label_text


def values(cells: Any) -> Sequence[Any]:
    """Cells as plain Python values; the times of an Arrow array as ISO 8601 texts."""
    if hasattr(cells, "to_pylist"):
        import pyarrow as pa

        if pa.types.is_temporal(cells.type) and not pa.types.is_duration(cells.type):
            # Via Python, nanoseconds would be lost or would need pandas.
            cells = cells.cast(pa.string())
        cells = cells.to_pylist()
    listed: Sequence[Any] = cells
    return listed


def texts(cells: Any) -> list[Any]:
    """Cells as CSV text: empty for a missing one, JSON for a structured one."""
    return [_text(value) for value in values(cells)]


def json_text(value: object) -> str:
    """A value as JSON."""
    return msgspec.json.encode(value, enc_hook=str).decode()


def _text(value: Any) -> Any:
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return label_text(value)
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (dict, list)):
        return json_text(value)
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)
