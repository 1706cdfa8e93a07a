"""Labels, and how they are written as texts."""

from __future__ import annotations

import unicodedata
from typing import TypeAlias

Label: TypeAlias = bool | int | float | str

# Integers travel as JSON, which other languages read as doubles: exact up to here.
INTEGER_MAX = 2**53


def label_text(label: Label) -> str:
    """A label as people write it in a form, a file or on the command line."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label)


def plain_text(value: Label) -> str:
    """A value in full, as it would be typed: a whole number without its `.0`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < INTEGER_MAX:
        return str(int(value))
    return label_text(value)


def folded(text: str) -> str:
    """A text as it is compared where only spelling differs: case, spaces, Unicode form."""
    return unicodedata.normalize("NFC", " ".join(text.split())).casefold()
