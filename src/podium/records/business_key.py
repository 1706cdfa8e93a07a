"""Business keys: the callers' own names for what is predicted, such as an order's number."""

from __future__ import annotations

import math
from hashlib import sha256

from podium.records.storable import KEY_LENGTH, text_problem


def business_key_of(value: object) -> str | None:
    """The key that a record has, and is looked up by, where a caller wrote this; None for none.

    Keys are compared as texts, character by character, without blanks at their ends. A whole number
    is the same key however it is written (`12` and `12.0`), and one that is too long is its SHA-256.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = int(value) if value.is_integer() else value
    text = str(value).strip()
    if not text or text_problem(text) is not None:
        return None
    return text if len(text) <= KEY_LENGTH else f"sha256:{sha256(text.encode()).hexdigest()}"
