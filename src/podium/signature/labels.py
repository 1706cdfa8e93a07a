"""Labels and their texts."""

from __future__ import annotations

import re
import unicodedata
from typing import TypeAlias

Label: TypeAlias = bool | int | float | str

# JSON integers are read as doubles in other languages: exact up to here.
INTEGER_MAX = 2**53

_CLUSTER = re.compile(r"(cluster \d+) of \d+")


def label_text(label: Label) -> str:
    """The text of a label in a form, a file or on the command line."""
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label)


def plain_text(value: Label) -> str:
    """A value in full, as it would be typed: an integral number without `.0`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < INTEGER_MAX:
        return str(int(value))
    return label_text(value)


def cluster_label(number: int, n_clusters: int) -> str:
    """The label of a cluster in responses and records."""
    return f"cluster {number} of {n_clusters}"


def shown_label(label: str) -> str:
    """A label for people: they read of 3 in `cluster 3 of 12` as the third, and clusters begin at 0."""
    found = _CLUSTER.fullmatch(label)
    return found[1] if found else label


def folded(text: str) -> str:
    """A text for comparisons that ignore case, spaces and Unicode form."""
    return unicodedata.normalize("NFC", " ".join(text.split())).casefold()
