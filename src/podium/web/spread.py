"""The distribution of values in training, as the small histogram beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podium.bundle.baseline import Histogram
from podium.signature import Range

# A chart that is a few centimetres wide has no room for more bars.
BARS_MAX = 20
HEIGHT = 100
_BAR, _GAP = 10, 1
_SHARES = 200


@dataclass(frozen=True, slots=True)
class Spread:
    """A histogram in the units of an SVG that is `width` by `HEIGHT`.

    Attributes:
        path: of all bars.
        mark: the position of the marked value, from the left; None without one.
    """

    path: str
    width: int
    mark: float | None = None


def spread_of(histogram: Histogram, marked: float | None = None) -> Spread | None:
    """The chart of a histogram; None if it would show nothing: it has one bar or none.

    Args:
        marked: a number to mark among the bins; at the edge if it lies beyond them.
    """
    counts = histogram.counts[:BARS_MAX]
    if len(counts) < 2:
        return None
    most = max(counts)
    # Every bin that isn't empty is visible: at least three hundredths of the height.
    heights = [max(round(HEIGHT * n / most), 3) if n else 0 for n in counts]
    path = "".join(
        f"M{_BAR * i} {HEIGHT}v-{height}h{_BAR - _GAP}v{height}z"
        for i, height in enumerate(heights)
        if height
    )
    mark = None if marked is None else _place(histogram.edges, marked)
    return Spread(path, _BAR * len(counts) - _GAP, mark)


def shares_of(counts: Sequence[int]) -> Spread | None:
    """One bar that is divided as the counts are; None if there is nothing to divide."""
    total = sum(counts)
    if len(counts) < 2 or not total:
        return None
    path, left = "", 0.0
    for n in counts:
        width = _SHARES * n / total
        # A gap after each part that is wide enough to have one.
        path += f"M{left:.2f} 0h{max(width - _GAP, width / 2):.2f}V{HEIGHT}H{left:.2f}z"
        left += width
    return Spread(path, _SHARES)


def ends_of(histogram: Histogram) -> Range:
    """The least and the greatest value; no bounds if it counts labels."""
    if not histogram.edges:
        return Range()
    return Range(histogram.edges[0], histogram.edges[-1])


def _place(edges: tuple[float, ...], value: float) -> float | None:
    """The position of a value among bars that are all drawn with the same width."""
    if len(edges) < 2:
        return None
    value = min(max(value, edges[0]), edges[-1])
    last = len(edges) - 2
    i = next((i for i in range(last) if value < edges[i + 1]), last)
    within = (value - edges[i]) / (edges[i + 1] - edges[i])
    return round(_BAR * i + within * (_BAR - _GAP), 1)
