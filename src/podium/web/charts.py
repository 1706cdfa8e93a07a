"""Charts of the monitoring pages, as the paths of an SVG that the templates draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 100
WIDTH = 600
# The widths of a slot's bars: that of training is behind that of now.
SLOT, WIDE, NARROW = 10, 9, 4


@dataclass(frozen=True, slots=True)
class Line:
    """A series over time, in the units of an SVG of `WIDTH` by `HEIGHT`.

    Attributes:
        path: without the moments that have no value.
    """

    path: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """Two distributions over the same slots, in the units of an SVG of `width` by `HEIGHT`.

    Attributes:
        before: the path of the wide bars, behind.
        now: the path of the narrow ones.
    """

    width: int
    before: str
    now: str


def line_of(times: Sequence[float], values: Sequence[float | None], most: float) -> Line:
    """A line through these values; the height of the chart is `most`.

    Args:
        times: in order, not empty.
    """
    start, span = times[0], max(times[-1] - times[0], 1.0)
    path, is_broken = [], True
    for moment, value in zip(times, values, strict=True):
        if value is None:
            is_broken = True
            continue
        x = WIDTH * (moment - start) / span
        y = HEIGHT * (1 - min(value / most, 1.0)) if most else float(HEIGHT)
        # A single point, between two gaps, is a dot.
        path.append(f"{'M' if is_broken else 'L'}{x:.1f} {y:.1f}{'h0' if is_broken else ''}")
        is_broken = False
    return Line("".join(path))


def overlay_of(before: Sequence[int], now: Sequence[int]) -> Overlay:
    """Shares of rows in each slot, before and now.

    Args:
        before: counts, one a slot.
        now: of the same slots.
    """
    shares_before, shares_now = shares_of(before), shares_of(now)
    most = max([*shares_before, *shares_now], default=0.0)
    return Overlay(
        SLOT * len(before) - (SLOT - WIDE),
        _bars(shares_before, most, WIDE),
        _bars(shares_now, most, NARROW),
    )


def shares_of(counts: Sequence[int]) -> list[float]:
    """The share of each count in all of them; nothing but 0 without any."""
    total = sum(counts)
    return [n / total if total else 0.0 for n in counts]


def _bars(shares: Sequence[float], most: float, width: int) -> str:
    """Bars in the middle of their slots; one that isn't empty is visible."""
    left = (WIDE - width) / 2
    heights = [max(round(HEIGHT * share / most, 1), 2) if share else 0 for share in shares]
    return "".join(
        f"M{SLOT * place + left:g} {HEIGHT}v-{height:g}h{width}v{height:g}z"
        for place, height in enumerate(heights)
        if height
    )
