"""Drift on the monitoring page: each field now and in training, over each other."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from podium.monitoring.counts import MISSING
from podium.monitoring.drift import ROWS_MIN
from podium.monitoring.report import Measured, Report
from podium.signature import Field, Signature
from podium.signature.fields import TIMES
from podium.web.charts import Overlay, overlay_of, shares_of
from podium.web.numbers import SPACE, number_text, percent_text, with_unit

# With more fields the rest are lines of a table: 400 charts are nobody's overview.
CHARTS_MAX = 16
# Of labels; the rest of them are in one line.
LABELS_MAX = 12
_DIFFERENCES = 3
# The share of values outside of the training range beyond which no mean is shown.
_OUTSIDE_MAX = 0.01
_DAY_S = 86_400
_NUMBER = re.compile(r"-?\d[\d.]*(?:e[+-]?\d+)?(?=\.\.|$)")
LEVELS = {"none": "as in training", "amber": "drifted", "red": "drifted far"}


@dataclass(frozen=True, slots=True)
class SlotLine:
    """A slot: the shares of rows that have it.

    Attributes:
        is_changed: whether it is among those that changed most.
        overlay: of labels: a bar of training and one of now, lying.
    """

    name: str
    before: str
    now: str
    is_changed: bool
    widths: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Distribution:
    """A field or an output, now and in training.

    Attributes:
        id: identifies it on the page.
        level: of the drift, for a class of the style; `words` are its name.
        figures: measures, as people read them.
        overlay: of numbers; None of labels.
        ends: of numbers: what is at the left and at the right.
        slots: those that have rows, now or in training.
        changes: those that changed most, as a sentence.
    """

    id: str
    title: str
    level: str
    words: str
    figures: str
    overlay: Overlay | None
    ends: tuple[str, str]
    slots: tuple[SlotLine, ...]
    changes: str


@dataclass(frozen=True, slots=True)
class Drifts:
    """All that was measured.

    Attributes:
        summary: what it shows, in a sentence.
        charts: those that drifted most.
        others: the rest: titles and figures.
    """

    summary: str
    charts: tuple[Distribution, ...]
    others: tuple[tuple[str, str, str], ...]


def drifts_of(report: Report, signature: Signature) -> Drifts:
    """What the page shows of a report."""
    measured = sorted(report.measured, key=lambda one: (_rank(one), -one.psi))
    shown = measured[:CHARTS_MAX]
    charts = tuple(_distribution(one, signature, place) for place, one in enumerate(shown))
    others = tuple(
        (title_of(one, signature), LEVELS[one.level], f"{max(one.psi, 0.0):.3f}")
        for one in measured[CHARTS_MAX:]
    )
    return Drifts(_summary(report), charts, others)


def title_of(measured: Measured, signature: Signature) -> str:
    """What was measured, in words."""
    field = _field(measured, signature)
    if field is not None:
        return f"Length of {field.label}" if field.type == "text" else field.label
    if measured.kind == "prediction":
        labels = [one.label for one in signature.outputs if one.name == measured.name]
        return f"Predicted {labels[0]}" if len(signature.outputs) > 1 and labels else "Predictions"
    if measured.kind == "score":
        return "Score"
    return f"Probability of {measured.name}" if measured.kind == "probability" else measured.name


def _rank(measured: Measured) -> int:
    return ("red", "amber", "none").index(measured.level)


def _summary(report: Report) -> str:
    if not report.has_baseline:
        return "The model was packed without training rows, so there is nothing to compare with."
    if report.n_counted < ROWS_MIN:
        return (
            f"{number_text(report.n_counted)} rows were counted in this time: it takes {ROWS_MIN} to "
            "tell drift from chance."
        )
    rows = f"{number_text(report.n_counted)} rows"
    if report.n_counted < report.n_rows:
        rows += f" (a sample of {number_text(report.n_rows)})"
    found = [sum(one.level == level for one in report.measured) for level in ("red", "amber")]
    if not any(found):
        return f"{rows} look like the training data."
    words = [
        f"{n} of {len(report.measured)} distributions {LEVELS[level]}"
        for n, level in zip(found, ("red", "amber"), strict=True)
        if n
    ]
    return f"Among {rows}, " + " and ".join(words) + "."


def _distribution(measured: Measured, signature: Signature, place: int) -> Distribution:
    names = _slots(measured, signature)
    used = [i for i, n in enumerate(measured.counts) if n or measured.trained[i]]
    is_ordered = measured.kolmogorov_smirnov is not None
    before, now = shares_of(measured.trained), shares_of(measured.counts)
    changed = sorted(used, key=lambda i: -abs(now[i] - before[i]))[:_DIFFERENCES]
    kept = used if is_ordered else _most(used, before, now)
    most = max((max(before[i], now[i]) for i in kept), default=1.0) or 1.0
    slots = tuple(
        SlotLine(
            names[i],
            percent_text(before[i]),
            percent_text(now[i]),
            i in changed,
            (round(100 * before[i] / most, 1), round(100 * now[i] / most, 1)),
        )
        for i in kept
    )
    return Distribution(
        f"drift-{place}",
        title_of(measured, signature),
        measured.level,
        LEVELS[measured.level],
        _figures(measured, signature),
        overlay_of([measured.trained[i] for i in used], [measured.counts[i] for i in used])
        if is_ordered
        else None,
        _ends([names[i] for i in used]) if is_ordered else ("", ""),
        slots,
        "; ".join(
            f"{names[i]}: {percent_text(before[i])} in training, {percent_text(now[i])} now"
            for i in changed
        ),
    )


def _most(used: Sequence[int], before: Sequence[float], now: Sequence[float]) -> list[int]:
    """The slots of labels that have the most rows, in their order."""
    kept = sorted(used, key=lambda i: -max(before[i], now[i]))[:LABELS_MAX]
    return sorted(kept)


def _ends(slots: Sequence[str]) -> tuple[str, str]:
    """The least and the greatest number in training."""
    bins = [one for one in slots if one != MISSING and not one.startswith(("below ", "above "))]
    if not bins:
        return ("", "")
    return bins[0].partition("..")[0], bins[-1].rpartition("..")[2]


def _figures(measured: Measured, signature: Signature) -> str:
    """The measures that people know, in a line."""
    found = [f"PSI {max(measured.psi, 0.0):.3f}"]
    if measured.wasserstein:
        moved = _moved(measured.wasserstein, measured, signature)
        least = "at least " if measured.n_outside else ""
        found.append(f"values moved by {least}{moved} on average")
    field = _field(measured, signature)
    # Bins don't tell how far outside of them a value is.
    is_told = measured.n_outside <= _OUTSIDE_MAX * measured.n_rows
    is_time = field is not None and field.type in TIMES
    if measured.mean is not None and is_told and not is_time:
        means = [_three_digits(n) for n in (measured.mean, measured.trained_mean or 0.0)]
        found.append(f"mean {with_unit(means[0], _unit(measured, signature))}, was {means[1]}")
    for n, words in (
        (measured.n_missing, "missing"),
        (measured.n_unseen, "not in the training data"),
        (measured.n_outside, "outside of the training range"),
        (measured.n_refused, "refused"),
    ):
        if n:
            found.append(f"{number_text(n)}{SPACE}{words}")
    if measured.is_constant:
        found.append("the same value in every row")
    return ", ".join(found)


def _moved(distance: float, measured: Measured, signature: Signature) -> str:
    """A distance with its unit, with three digits."""
    field = _field(measured, signature)
    if field is not None and field.type in TIMES:
        return f"{_three_digits(distance / _DAY_S)}{SPACE}days"
    return with_unit(_three_digits(distance), _unit(measured, signature))


def _three_digits(number: float) -> str:
    return number_text(float(f"{number:.3g}"))


def _unit(measured: Measured, signature: Signature) -> str:
    field = _field(measured, signature)
    if field is not None:
        return "characters" if field.type == "text" else field.unit
    if measured.kind == "prediction":
        return next((one.unit for one in signature.outputs if one.name == measured.name), "")
    return ""


def _field(measured: Measured, signature: Signature) -> Field | None:
    if measured.kind != "field":
        return None
    return next((one for one in signature.fields if one.name == measured.name), None)


def _slots(measured: Measured, signature: Signature) -> Sequence[str]:
    """The names of the slots; those of times have seconds since 1970, with six digits."""
    field = _field(measured, signature)
    if field is None or field.type not in TIMES:
        return measured.slots
    return [_NUMBER.sub(lambda found: _day(float(found[0])), one) for one in measured.slots]


def _day(seconds: float) -> str:
    try:
        return (dt.date(1970, 1, 1) + dt.timedelta(days=round(seconds / _DAY_S))).isoformat()
    except OverflowError:
        return "another time"
