"""Labels as encoders know them, told apart from what is missing."""

from __future__ import annotations

from typing import Any

from podium.compile.features import NotCompiled
from podium.signature import Label


def label_of(value: Any) -> Label | None:
    """The value as Python's own, or None where it is missing.

    Raises:
        NotCompiled: it is neither a text, a number nor a boolean.
    """
    value = value.item() if hasattr(value, "item") else value
    if value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if not isinstance(value, (bool, int, float, str)):
        raise NotCompiled(f"a category of type {type(value).__name__} isn't known here")
    return value
