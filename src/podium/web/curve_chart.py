"""The curves of an answer, drawn: a line over the training data, or a bar for each category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from podium.bundle.baseline import Histogram
from podium.explanations.curves import Grid
from podium.flow.version import LoadedVersion
from podium.signature import Field, Label, Range, Signature
from podium.signature.infer import json_value
from podium.signature.labels import label_text, plain_text, shown_label
from podium.table import Array, Table, is_missing, plain_values
from podium.web.numbers import number_text, percent_text, range_text, with_unit
from podium.web.result import LABEL_MAX
from podium.web.whatif import WhatIf

WIDTH, HEIGHT = 300, 100
# The training data is drawn below the line, this high at most.
DENSITY = 30
BARS_MAX = 8
# Where the scale of a probability may end.
SHARES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class CurveBar:
    """The answer for one category; `width` is its share of the 100 units of the chart."""

    label: str
    width: str
    text: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class Slider:
    """An input that moves along the curve; all as an HTML input takes it."""

    low: str
    high: str
    step: str
    value: str


@dataclass(frozen=True, slots=True)
class CurveChart:
    """The curve of one field.

    Attributes:
        id: of the field's widget in the form.
        own: the field's value in the row, as people read it.
        line: the path of the curve, in an SVG of WIDTH by HEIGHT; "" for categories.
        density: the path of the training data's histogram.
        mark: where the row's own value is: x and y; None if it is missing, or beyond the curve.
        ends: the least and the greatest value of the field.
        bars: of categories, the row's own among them.
        words: the least and the greatest answer.
        missing: the answer without a value; "" if it must be given.
        slider: None if the value can't be moved along a line.
    """

    id: str
    label: str
    own: str
    line: str
    density: str
    mark: tuple[str, str] | None
    ends: tuple[str, str]
    bars: tuple[CurveBar, ...]
    words: str
    missing: str
    slider: Slider | None

    @property
    def has_long_labels(self) -> bool:
        """Whether labels are placed above their bars."""
        return any(len(bar.label) > LABEL_MAX for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of a row's answer, with one common scale.

    Attributes:
        of: what is drawn: `the probability of "Gentoo"`.
        value: of that for the row itself.
        ends: the least and the greatest value of the scale.
        is_part: whether the prediction is something else than that value.
    """

    of: str
    value: str
    ends: tuple[str, str]
    is_part: bool
    charts: tuple[CurveChart, ...]


def curves_of(version: LoadedVersion, row: Table, found: WhatIf) -> Curves | None:
    """The charts of a row's curves; None if there are none."""
    if not found.curves:
        return None
    scale = scale_of(version.signature, found)
    ids = {field.name: f"f{i}" for i, field in enumerate(version.signature.fields)}
    histograms = version.bundle.baseline.fields
    charts = tuple(
        chart_of(
            ids[one.field.name],
            one.field,
            one.grid,
            one.numbers,
            histograms.get(one.field.name),
            scale,
            cell=row.columns[one.field.name],
        )
        for one in found.curves
    )
    return Curves(
        of=scale.of,
        value=scale.text(found.value),
        ends=(scale.text(scale.low), scale.text(scale.high)),
        is_part=scale.of != "the prediction",
        charts=charts,
    )


class Scale:
    """The vertical scale of all curves on a page.

    Args:
        of: what is drawn, in words.
        numbers: all that are drawn.
        own: the number of the row itself, if the curves are about one.
        is_share: whether they are probabilities.
    """

    def __init__(
        self,
        of: str,
        numbers: NDArray[np.float64],
        *,
        is_share: bool,
        unit: str = "",
        own: float = 0.0,
    ) -> None:
        self.of = of
        self.own = own
        self.unit = unit
        self.is_share = is_share
        self.low, self.high = float(numbers.min()), float(numbers.max())
        if is_share:
            # Of many classes each is improbable: then the lines would all lie at the bottom.
            self.low, self.high = 0.0, next((one for one in SHARES if one >= self.high), 1.0)

    def share(self, number: float) -> float:
        """How far up the scale a number is, from 0 to 1."""
        spread = self.high - self.low
        return (number - self.low) / spread if spread else 0.5

    def y(self, number: float) -> str:
        """Its place in the chart, from the top."""
        return f"{4 + (HEIGHT - 8) * (1 - self.share(number)):.1f}"

    def text(self, number: float) -> str:
        """The number for people."""
        return percent_text(number) if self.is_share else with_unit(number_text(number), self.unit)


def scale_of(signature: Signature, found: WhatIf) -> Scale:
    """The scale of a row's curves."""
    output, label = signature.outputs[found.number.output], found.number.label
    numbers = np.concatenate([[found.value], *(one.numbers for one in found.curves)])
    is_single = len(signature.outputs) == 1
    of = "the score" if output.score else "the prediction"
    of += "" if is_single else f" of {output.label}"
    if label is not None:
        word = output.words[label] if output.words else label_text(output.classes[label])
        how = "the probability of" if output.has_probabilities else "whether it is"
        if not is_single:
            how = "the probability that" if output.has_probabilities else "whether"
            how = f"{how} {output.label} is"
        of = f"{how} “{shown_label(word)}”"
    unit = "" if label is not None or output.score else output.unit
    return Scale(of, numbers, is_share=label is not None, unit=unit, own=found.value)


def chart_of(
    id_: str,
    field: Field,
    grid: Grid,
    answers: NDArray[np.float64],
    histogram: Histogram | None,
    scale: Scale,
    *,
    cell: Array | None = None,
) -> CurveChart:
    """The chart of one field.

    Args:
        answers: one for each value of the grid.
        cell: the row's own value, shape (1,); None if the curve is about no row.
    """
    own = None
    if cell is not None and not is_missing(cell)[0]:
        own = json_value(plain_values(cell)[0], field)
    is_known = ~is_missing(grid.cells)
    missing = "" if is_known.all() else scale.text(float(answers[~is_known][0]))
    numbers = answers[is_known]
    low, high = scale.text(float(numbers.min())), scale.text(float(numbers.max()))
    words = f"Always {low}" if low == high else f"From {low} to {high}"
    nothing = "" if cell is None else "not known"
    own_text = nothing if own is None else _text(field, own)
    if field.type in ("category", "boolean"):
        bars = _bars(field, grid, answers, own, scale)
        return CurveChart(
            id_, field.label, own_text, "", "", None, ("", ""), bars, words, missing, None
        )
    xs = _numbers(grid.cells[is_known])
    at = None if own is None or cell is None else float(_numbers(cell)[0])
    is_within = at is not None and xs[0] <= at <= xs[-1]
    line = _line(xs, numbers, at if is_within else None, scale)
    mark = None
    if at is not None and is_within:
        mark = (f"{_x(xs, at):.1f}", scale.y(scale.own))
    labels = [label for label in grid.labels if label is not None]
    return CurveChart(
        id_,
        field.label,
        own_text,
        line,
        _density(histogram, xs),
        mark,
        (_text(field, labels[0]), _text(field, labels[-1])),
        (),
        words,
        missing,
        _slider(field, labels, own) if is_within else None,
    )


def _bars(
    field: Field, grid: Grid, answers: NDArray[np.float64], own: Label | None, scale: Scale
) -> tuple[CurveBar, ...]:
    """The first categories, the row's own, and the answer without a value."""
    pairs = list(zip(grid.labels, answers.tolist(), strict=True))
    known = [(label, number) for label, number in pairs if label is not None]
    chosen = known[:BARS_MAX]
    if own is not None and all(label != own for label, _ in chosen):
        chosen.append((own, scale.own))
    return tuple(
        CurveBar(
            _text(field, label),
            f"{max(100 * scale.share(number), 0.5):.1f}",
            scale.text(number),
            label == own,
        )
        for label, number in chosen
    )


def _line(xs: NDArray[np.float64], numbers: Array, at: float | None, scale: Scale) -> str:
    points = list(zip(xs.tolist(), numbers.tolist(), strict=True))
    if at is not None:  # the mark is on the line
        points = sorted([*((x, n) for x, n in points if x != at), (at, scale.own)])
    path = "L".join(f"{_x(xs, x):.1f} {scale.y(number)}" for x, number in points)
    return f"M{path}"


def _density(histogram: Histogram | None, xs: NDArray[np.float64]) -> str:
    """The training data's histogram on the same axis."""
    if histogram is None or len(histogram.edges) < 2:
        return ""
    most = max(histogram.counts)
    edges, counts = histogram.edges, histogram.counts
    parts = []
    is_each = len(counts) > 1 and len(edges) <= 21 and not _is_even(edges)
    for left, right, n in zip(edges, edges[1:], counts, strict=False):
        if not n:
            continue
        if is_each:  # a bar for each value
            a = _x(xs, left) - WIDTH / 100
            b = a + WIDTH / 50
        else:
            a, b = _x(xs, left), _x(xs, right)
        a, b = max(a, 0.0), min(b, float(WIDTH))
        if b > a:
            height = max(DENSITY * n / most, 1)
            parts.append(f"M{a:.1f} {HEIGHT}v-{height:.1f}h{b - a:.1f}v{height:.1f}z")
    return "".join(parts)


def _is_even(edges: Sequence[float]) -> bool:
    widths = np.diff(edges)
    return bool(widths.max() <= 1.001 * widths.min())


def _x(xs: NDArray[np.float64], value: float) -> float:
    return float(WIDTH * (value - xs[0]) / (xs[-1] - xs[0]))


def _numbers(cells: Array) -> NDArray[np.float64]:
    if cells.dtype.kind == "M":
        return cells.astype("datetime64[s]").astype(np.float64)
    return cells.astype(np.float64)


def _slider(field: Field, labels: Sequence[Label], own: Label | None) -> Slider | None:
    if field.type not in ("float", "integer") or own is None:
        return None
    step = "1" if field.type == "integer" else "any"
    return Slider(plain_text(labels[0]), plain_text(labels[-1]), step, plain_text(own))


def _text(field: Field, label: Label) -> str:
    if field.type in ("float", "integer"):
        return with_unit(number_text(float(label)), field.unit)
    if field.type == "boolean":
        return "yes" if label else "no"
    if field.type == "category":
        return label_text(label)
    return range_text(Range(str(label), str(label)))
