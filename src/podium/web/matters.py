"""What matters to a model, for its page: its fields, their curves, and its errors."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from podium.bundle import Bundle
from podium.bundle.baseline import Histogram
from podium.bundle.importance import FieldImportance, OutputImportance, Pair
from podium.explanations.curves import Grid
from podium.signature import Field, Output
from podium.signature.cells import column_for
from podium.web.bidi import isolated
from podium.web.curve_chart import CurveChart, Scale, chart_of
from podium.web.numbers import number_text, percent_text, with_unit
from podium.web.spread import Spread, spread_of

# As many as anybody reads; the API has all of them.
BARS_MAX, CHARTS_MAX, PAIRS_MAX = 15, 6, 8
_LOSSES = {
    "mean_absolute_error": "mean absolute error",
    "log_loss": "log loss",
    "error_rate": "share of wrong predictions",
}
_ON = {"holdout": "held-out rows", "training": "training rows"}


@dataclass(frozen=True, slots=True)
class MatterBar:
    """One field; `width` is its share of the 100 units of the chart."""

    label: str
    width: str
    size: str
    loss: str


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """The rows whose predicted probability was alike."""

    predicted: str
    happened: str
    n_rows: str


@dataclass(frozen=True, slots=True)
class Matters:
    """What a page shows of an output.

    Attributes:
        output: its label; "" if the model has one output.
        by: what the bars show, in words.
        bars: the most important fields, and the number of others.
        of: what the curves are about, in words; `ends` of their common scale.
        pairs: sentences about fields that go together.
        measured_on: which rows the errors were measured on, in words.
        confusion: labels, and rows of counts; None if there is none.
        calibration_of: the class of the calibration.
        residuals: their histogram, and its ends as a text.
    """

    output: str
    by: str
    loss: str
    bars: tuple[MatterBar, ...]
    n_others: int
    of: str
    ends: tuple[str, str]
    charts: tuple[CurveChart, ...]
    pairs: tuple[str, ...]
    measured_on: str
    confusion: tuple[tuple[str, ...], tuple[tuple[str, tuple[int, ...]], ...]] | None
    calibration_of: str
    calibration: tuple[CalibrationLine, ...]
    residuals: tuple[Spread, str] | None


def matters_of(bundle: Bundle) -> tuple[Matters, ...]:
    """What to show of each output of a model; nothing if nothing was measured."""
    found = bundle.importance
    if found is None:
        return ()
    outputs = {one.name: one for one in bundle.signature.outputs}
    return tuple(
        _matters(bundle, one, outputs.get(one.output, bundle.signature.output), found.pairs)
        for one in found.outputs
    )


def _matters(
    bundle: Bundle, found: OutputImportance, output: Output, pairs: tuple[Pair, ...]
) -> Matters:
    fields = {field.name: field for field in bundle.signature.fields}
    ranked = _ranked(found)
    scale, charts = _charts(bundle, found, output, ranked, fields)
    return Matters(
        output=output.label if found.output else "",
        by="mean size of its contribution" if _has_sizes(found) else "",
        loss=_LOSSES.get(found.metric, ""),
        bars=_bars(found, output, ranked[:BARS_MAX], fields),
        n_others=max(len(ranked) - BARS_MAX, 0),
        of="" if scale is None else scale.of,
        ends=("", "") if scale is None else (scale.text(scale.low), scale.text(scale.high)),
        charts=charts,
        pairs=tuple(
            f"{isolated(fields[one.first].label)} and {isolated(fields[one.second].label)}"
            f" ({number_text(one.rho)})"
            for one in pairs[:PAIRS_MAX]
        ),
        measured_on=f"{found.n_rows:,} {_ON.get(found.measured_on, 'rows')}",
        confusion=_confusion(found),
        calibration_of="" if found.calibration is None else found.calibration.label,
        calibration=_calibration(found),
        residuals=_residuals(found, output),
    )


def _has_sizes(found: OutputImportance) -> bool:
    return any(one.size is not None for one in found.fields.values())


def _ranked(found: OutputImportance) -> list[tuple[str, FieldImportance]]:
    has_sizes = _has_sizes(found)

    def weight(item: tuple[str, FieldImportance]) -> float:
        return -((item[1].size if has_sizes else item[1].loss) or 0.0)

    ranked = sorted(found.fields.items(), key=weight)
    # The rest are rounding errors.
    least = 1e-6 * weight(ranked[0]) if ranked else 0.0
    return [one for one in ranked if weight(one) < least]


def _bars(
    found: OutputImportance,
    output: Output,
    ranked: list[tuple[str, FieldImportance]],
    fields: dict[str, Field],
) -> tuple[MatterBar, ...]:
    has_sizes = _has_sizes(found)
    amounts = [max((one.size if has_sizes else one.loss) or 0.0, 0.0) for _, one in ranked]
    widest = max(amounts, default=0.0) or 1.0
    return tuple(
        MatterBar(
            fields[name].label,
            f"{100 * amount / widest:.1f}",
            "" if one.size is None else _size(found.link, one.size, output.unit),
            "" if one.loss is None else _loss(found.metric, one.loss, output.unit),
        )
        for (name, one), amount in zip(ranked, amounts, strict=True)
    )


def _size(link: str, size: float, unit: str) -> str:
    if link == "probability":
        return f"{100 * size:.1f} points"
    if link == "identity":
        return with_unit(number_text(size), unit)
    return f"{number_text(size)} {link}"


def _loss(metric: str, loss: float, unit: str) -> str:
    sign = "+" if loss > 0 else ""
    if metric == "error_rate":
        return f"{100 * loss:+.1f} points"
    text = f"{sign}{number_text(loss)}" if abs(loss) >= 1e-6 else "0"
    return with_unit(text, unit) if metric == "mean_absolute_error" else text


def _charts(
    bundle: Bundle,
    found: OutputImportance,
    output: Output,
    ranked: list[tuple[str, FieldImportance]],
    fields: dict[str, Field],
) -> tuple[Scale | None, tuple[CurveChart, ...]]:
    shown = [(fields[name], one) for name, one in ranked if one.means][:CHARTS_MAX]
    if not shown:
        return None, ()
    numbers = np.array([mean for _, one in shown for mean in one.means])
    is_share = found.of == "probability"
    of = f"the probability of “{isolated(found.label)}”" if is_share else f"the {found.of}"
    unit = output.unit if found.of == "prediction" else ""
    scale = Scale(of, numbers, is_share=is_share, unit=unit)
    # Of several outputs on one page no two have the same id.
    place = bundle.signature.outputs.index(output)
    prefix = f"m{place}-" if found.output else "m"
    charts = []
    for number, (field, one) in enumerate(shown):
        with suppress(ValueError):  # times with an offset aren't drawn
            grid = Grid(column_for(field, one.values), one.values)
            histogram = bundle.baseline.fields.get(field.name)
            charts.append(
                chart_of(f"{prefix}{number}", field, grid, np.array(one.means), histogram, scale)
            )
    return scale, tuple(charts)


def _confusion(
    found: OutputImportance,
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[int, ...]], ...]] | None:
    confusion = found.confusion
    if confusion is None:
        return None
    return confusion.labels, tuple(zip(confusion.labels, confusion.counts, strict=True))


def _calibration(found: OutputImportance) -> tuple[CalibrationLine, ...]:
    one = found.calibration
    if one is None:
        return ()
    return tuple(
        CalibrationLine(percent_text(predicted), percent_text(happened), f"{n:,}")
        for predicted, happened, n in zip(one.predicted, one.happened, one.counts, strict=True)
    )


def _residuals(found: OutputImportance, output: Output) -> tuple[Spread, str] | None:
    if found.residuals is None:
        return None
    edges, counts = found.residuals.edges, found.residuals.counts
    spread = spread_of(Histogram(n_rows=sum(counts), edges=edges, counts=counts), 0.0)
    if spread is None:
        return None
    unit = output.unit
    ends = f"{number_text(edges[0])} to {with_unit(number_text(edges[-1]), unit)}"
    return spread, ends
