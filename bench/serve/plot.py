"""Bars on a logarithmic scale, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#2563eb", "#0d9488", "#d97706")
WIDTH, LEFT, BAR, GAP = 760, 210, 12, 10


def bars(title: str, groups: Sequence[str], values: Mapping[str, Sequence[float]]) -> str:
    """A group of bars for each name, one for each value; zeros are left out."""
    most = math.log10(max((max(row) for row in values.values()), default=10.0) or 10.0)
    height = 40 + len(values) * (len(groups) * BAR + GAP)
    size = f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *_legend(groups),
    ]
    y = 32
    for name, row in values.items():
        middle = y + len(groups) * BAR / 2 + 4
        parts.append(
            f'<text x="{LEFT - 8}" y="{middle:.0f}" text-anchor="end">{escape(name)}</text>'
        )
        for i, value in enumerate(row):
            parts += _bar(y + i * BAR, value, most, COLOURS[i % len(COLOURS)])
        y += len(groups) * BAR + GAP
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(y: int, value: float, most: float, colour: str) -> list[str]:
    if value <= 0:
        return []
    length = (WIDTH - LEFT - 80) * max(0.0, math.log10(max(value, 1.0))) / most
    return [
        f'<rect x="{LEFT}" y="{y}" width="{length:.0f}" height="{BAR - 2}" fill="{colour}"/>',
        f'<text x="{LEFT + length + 6:.0f}" y="{y + BAR - 3}" font-size="10">{value:,.0f}</text>',
    ]


def _legend(groups: Sequence[str]) -> list[str]:
    parts = []
    for i, group in enumerate(groups):
        x = LEFT + i * 120
        parts.append(
            f'<rect x="{x}" y="8" width="10" height="10" fill="{COLOURS[i % len(COLOURS)]}"/>'
            f'<text x="{x + 15}" y="17">{escape(group)}</text>'
        )
    return parts
