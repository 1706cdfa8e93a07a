"""What a field accepts, in words, for errors and documentation."""

from __future__ import annotations

from collections.abc import Sequence

from podium.signature.fields import Field
from podium.signature.labels import Label, label_text, plain_text
from podium.signature.reading import FILES, Written


def accepted(one: Field, written: Written = "values") -> str:
    """What a field accepts, in a few words."""
    null = "an empty value" if written == "form" or written in FILES else "null"
    low, high = one.bounds.minimum, one.bounds.maximum
    span = span_text(low, high)
    within = "" if not span else f" of {span}" if None in (low, high) else f" from {span}"
    unit = f" in {one.unit}" if one.unit else ""
    zone = f", in {one.zone} where it has no offset" if one.zone else ""
    words = {
        "float": f"a number{within}{unit}",
        "integer": f"a whole number{within}{unit}",
        "boolean": "true or false",
        "category": f"one of {labels_text(one.labels)}" if one.unknown == "refuse" else "a label",
        "text": f"a text of at most {one.max_length} characters",
        "date": f"a date like 2024-03-01{within}",
        "datetime": f"a date and time like 2024-03-01T13:45:00{zone}{within}",
    }
    return words[one.type] + ("" if one.missing == "refuse" else f", or {null}")


def span_text(low: float | str | None, high: float | str | None) -> str:
    """The values between two bounds, one of which may be missing."""
    if low is not None and high is not None:
        return f"{plain_text(low)} to {plain_text(high)}"
    if low is not None:
        return f"at least {plain_text(low)}"
    return "" if high is None else f"at most {plain_text(high)}"


def labels_text(labels: Sequence[Label]) -> str:
    """The first labels, and how many more there are."""
    texts = ", ".join(map(label_text, labels[:12]))
    return texts if len(labels) <= 12 else f"{texts} and {len(labels) - 12} more"
