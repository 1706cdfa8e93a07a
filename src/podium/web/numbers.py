"""Numbers and times, formatted for people."""

from __future__ import annotations

import re

from podium.bundle.card import Card, Metric
from podium.records.export import time_text
from podium.signature import Range
from podium.web.bidi import isolated

_OFFSET = re.compile(r"(?<=:\d\d)[+-]\d{2}:\d{2}$", re.ASCII)
_SHARES = frozenset({"accuracy", "balanced_accuracy"})
# Between a number and its unit, so that no line breaks there.
SPACE = "\u00a0"


def number_text(value: float) -> str:
    """A number with four significant digits and separated thousands; integers in full."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))
    if abs(value) >= 10_000:
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:.4g}"


def percent_text(share: float) -> str:
    """A probability in percent; 0 or 100 only if it is exactly that."""
    percent = share * 100
    if 0 < percent < 0.1:
        return f"<{SPACE}0.1{SPACE}%"
    if 99.9 < percent < 100:
        return f">{SPACE}99.9{SPACE}%"
    return f"{percent:.1f}{SPACE}%"


def range_text(seen: Range, unit: str = "") -> str:
    """The least and the greatest value, `33.1 to 59.6 mm`; "" if either is unknown."""
    if seen.minimum is None or seen.maximum is None:
        return ""
    low, high = _bound(seen.minimum), _bound(seen.maximum)
    return with_unit(low if low == high else f"{low} to {high}", unit)


def with_unit(number: str, unit: str) -> str:
    """A number and its unit, if it has one."""
    return f"{number}{SPACE}{unit}" if unit else number


def moment_text(time_us: int) -> str:
    """A time in UTC, to the second."""
    return time_text(time_us)[:19].replace("T", " ")


def metric_text(metric: Metric) -> str:
    """The value of a metric, and its standard deviation over the folds of a cross-validation."""
    value = _figure(metric, metric.value)
    if metric.spread is None:
        return value
    return f"{value}{SPACE}±{SPACE}{_figure(metric, metric.spread)}"


def headline(card: Card) -> str:
    """The main metric of a model, and the rows it was measured on; "" if there is none."""
    if not card.metrics:
        return ""
    figure = f"{_label(card.metrics[0])} {metric_text(card.metrics[0])}"
    if card.metrics_on == "cross-validation":
        return f"{card.n_folds}-fold cross-validation: {figure}."
    if card.warning:
        return f"Measured on {card.measured_on}: {figure}. {card.warning}"
    return f"{figure[0].upper()}{figure[1:]} on {card.measured_on}."


def _label(metric: Metric) -> str:
    return f"{metric.title} of {isolated(metric.output)}" if metric.output else metric.title


def _figure(metric: Metric, value: float) -> str:
    """A share in percent, anything else as a number with its unit."""
    if metric.name in _SHARES:
        return percent_text(value)
    return with_unit(number_text(value), metric.unit)


def _bound(bound: float | str) -> str:
    if not isinstance(bound, str):
        return number_text(bound)
    # The time zone is shown beside it, so the offset is left out.
    return _OFFSET.sub("", bound.replace("T", " "))
