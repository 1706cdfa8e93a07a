"""What a page shows about a model: its card, its metrics, and the fields it takes."""

from __future__ import annotations

from dataclasses import dataclass

from podium.bundle import Bundle
from podium.bundle.baseline import Histogram
from podium.bundle.card import Metric
from podium.signature import Field, Range
from podium.signature.labels import label_text
from podium.web.among import output_facts
from podium.web.numbers import metric_text, number_text, percent_text, range_text
from podium.web.spread import Spread, spread_of

# More fields than this are collapsed, or the page would show nothing else.
FIELDS_OPEN_MAX = 12
# Nobody looks through more histograms than this: those of 400 fields were a third of the page.
SPREADS_MAX = 100
LABELS_SHOWN = 3
LABEL_MAX = 40
_TYPES = {
    "float": "number",
    "integer": "whole number",
    "boolean": "yes or no",
    "category": "category",
    "text": "text",
    "date": "date",
    "datetime": "date and time",
}


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field as the table of fields shows it.

    Attributes:
        name: the column's name, which programs use.
        training: its values in the training data; "" if `shares` shows them.
        shares: the most frequent labels, and the shares of the training rows that had them.
        n_others: the number of other labels.
        missing: the share of the training rows without a value, or "".
    """

    name: str
    label: str
    type: str
    is_optional: bool
    is_used: bool
    training: str
    shares: tuple[tuple[str, str], ...]
    n_others: int
    missing: str
    spread: Spread | None


@dataclass(frozen=True, slots=True)
class About:
    """What the page shows about a model besides its form.

    Attributes:
        metrics: each with its formatted value.
        answers: for a model without a target, its outputs for its training rows.
        is_long: whether there are so many fields that they are collapsed.
    """

    metrics: tuple[tuple[Metric, str], ...]
    answers: tuple[tuple[str, str], ...]
    fields: tuple[FieldLine, ...]
    is_long: bool

    @property
    def has_training(self) -> bool:
        """Whether anything is known about the training data."""
        return any(line.training or line.shares for line in self.fields)

    @property
    def has_spreads(self) -> bool:
        """Whether any field has a histogram."""
        return any(line.spread for line in self.fields)

    @property
    def has_missing(self) -> bool:
        """Whether any field had missing values in training."""
        return any(line.missing for line in self.fields)


def about_of(bundle: Bundle) -> About:
    """What to show about a packed model."""
    fields = bundle.signature.fields
    histograms = bundle.baseline.fields
    drawn = histograms if len(fields) <= SPREADS_MAX else {}
    return About(
        metrics=tuple((one, metric_text(one)) for one in bundle.card.metrics),
        answers=tuple(output_facts(bundle.signature.output, bundle.baseline)),
        fields=tuple(
            _line(field, histograms.get(field.name), drawn.get(field.name)) for field in fields
        ),
        is_long=len(fields) > FIELDS_OPEN_MAX,
    )


def _line(field: Field, histogram: Histogram | None, drawn: Histogram | None) -> FieldLine:
    shares = _shares(field, histogram)
    return FieldLine(
        name=field.name,
        label=field.label,
        type=_TYPES[field.type],
        is_optional=field.missing == "accept",
        is_used=field.is_used,
        training="" if shares else _training(field, histogram),
        shares=tuple((label[:LABEL_MAX], percent_text(n)) for label, n in shares[:LABELS_SHOWN]),
        n_others=max(len(shares) - LABELS_SHOWN, 0),
        missing=percent_text(field.missing_share) if field.missing_share else "",
        spread=None if drawn is None else spread_of(drawn),
    )


def _shares(field: Field, histogram: Histogram | None) -> list[tuple[str, float]]:
    """The labels in the training data, most frequent first; none for other kinds of fields."""
    if any(category.frequency for category in field.categories):
        ranked = sorted(field.categories, key=lambda one: -one.frequency)
        return [(label_text(one.value), one.frequency) for one in ranked]
    n_known = 0 if histogram is None else histogram.n_rows - histogram.n_missing
    if histogram is None or not n_known:
        return []
    shares = [n / n_known for n in histogram.counts]
    return list(zip(histogram.labels, shares, strict=False))


def _training(field: Field, histogram: Histogram | None) -> str:
    """The training data of a field without labels, in a few words."""
    seen = range_text(field.seen, field.unit or field.zone)
    if histogram is None or histogram.mean is None:
        return seen
    if field.type == "text":
        return range_text(Range(histogram.edges[0], histogram.edges[-1]), "characters")
    is_number = field.type in ("float", "integer")
    return f"{seen}, mean {number_text(histogram.mean)}" if seen and is_number else seen
