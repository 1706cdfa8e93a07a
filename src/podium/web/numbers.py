"""Numbers as people read them."""

from __future__ import annotations

from podium.signature import INTEGER_MAX, Label
from podium.signature.reading import label_text


def number_text(value: float) -> str:
    """A number with four significant digits, its thousands set apart; whole ones in full."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))
    if abs(value) >= 10_000:
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:.4g}"


def plain_text(value: Label) -> str:
    """A value in full, as it would be typed: a whole number without its `.0`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < INTEGER_MAX:
        return str(int(value))
    return label_text(value)


def percent_text(share: float) -> str:
    """A probability in percent; never 0 or 100 unless it is exactly that."""
    percent = share * 100
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f} %"
