"""Sliders beside number inputs: which range they span, and in which steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from podium.signature import Field

# A slider of some 100 to 200 pixels can't be set more exactly than this.
STEPS_MIN = 100
WIDTH_MIN = 1e-12  # of a range: the decimals of a narrower one can't be read


@dataclass(frozen=True, slots=True)
class Slider:
    """The attributes of a range input."""

    low: str
    high: str
    step: str
    value: str


def slider_of(field: Field) -> Slider | None:
    """A slider over a number's range in training, within its bounds; None if that isn't known.

    Its ends are whole steps, so they may lie up to a step outside of the range in training; it starts
    at the median.
    """
    if field.type not in ("float", "integer"):
        return None
    low, high = _edge(field, "minimum"), _edge(field, "maximum")
    if low is None or high is None or not WIDTH_MIN < high - low < math.inf:
        return None
    step, digits = _step(field, high - low)
    if step <= 0 or (high - low) / step > 1e9 or max(abs(low), abs(high)) / step > 1e15:
        return None
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    first = first + 1 if _is_outside(field, first * step) else first
    last = last - 1 if _is_outside(field, last * step) else last
    if last - first < 2:
        return None
    middle = field.quantiles[len(field.quantiles) // 2] if field.quantiles else (low + high) / 2
    at = min(max(round(middle / step), first), last)
    texts = (f"{number * step:.{digits}f}" for number in (first, last, 1, at))
    return Slider(*texts)


def _edge(field: Field, name: Literal["minimum", "maximum"]) -> float | None:
    """The end of the range in training, or of what is possible."""
    is_low = name == "minimum"
    seen = field.seen.minimum if is_low else field.seen.maximum
    bound = field.bounds.minimum if is_low else field.bounds.maximum
    if isinstance(seen, str) or isinstance(bound, str):
        return None
    if seen is None or bound is None:
        return bound if seen is None else seen
    return max(seen, bound) if is_low else min(seen, bound)


def _step(field: Field, width: float) -> tuple[float, int]:
    """A step and its decimals: the field's own, 1 for whole numbers, or a power of ten."""
    if field.type == "integer":
        return 1.0, 0
    if field.step is not None:
        text = f"{field.step:.12f}".rstrip("0")
        return field.step, len(text.partition(".")[2])
    digits = math.ceil(math.log10(STEPS_MIN / width))
    return 10.0**-digits, max(0, digits)


def _is_outside(field: Field, value: float) -> bool:
    low, high = field.bounds.minimum, field.bounds.maximum
    return (not isinstance(low, str) and low is not None and value < low) or (
        not isinstance(high, str) and high is not None and value > high
    )
