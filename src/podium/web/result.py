"""What a page shows of one answer."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from podium.signature import Output, Signature, Threshold
from podium.signature.labels import label_text, plain_text
from podium.web.numbers import number_text, percent_text

# The twelve most probable classes are a picture; the others go into a list that can be opened.
BARS_MAX = 12
# Labels longer than this stand above their bars, so that the bars keep a common length.
LABEL_MAX = 16
# Answers up to these lengths are shown as figures, as headlines; longer ones are read as texts.
FIGURE_MAX, HEADLINE_MAX = 16, 60


@dataclass(frozen=True, slots=True)
class Bar:
    """The probability of one class; `width` is its share of the picture's 100 units.

    Attributes:
        mark: from where on the class is predicted, where that isn't simply the most probable one.
    """

    label: str
    width: str
    percent: str
    is_top: bool
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """The value of one output."""

    label: str
    value: str
    unit: str

    @property
    def size(self) -> Literal["figure", "headline", "prose"]:
        """How large it is shown."""
        if len(self.value) <= FIGURE_MAX:
            return "figure"
        return "headline" if len(self.value) <= HEADLINE_MAX else "prose"


@dataclass(frozen=True, slots=True)
class Result:
    """One answer for people.

    Attributes:
        of: what was predicted, where the signature has a name for it.
        parts: one an output.
        code: an answer that is no number or label, as JSON; else "".
        bars: the most probable classes; `more` the others.
        threshold: from where on one of two classes is predicted, in a sentence, or "".
        has_long_labels: some labels need a line of their own.
        warnings: the field's label, and what its reader should know.
    """

    of: str
    parts: tuple[Part, ...]
    code: str
    bars: tuple[Bar, ...]
    more: tuple[Bar, ...]
    warnings: tuple[tuple[str, str], ...]
    threshold: str = ""

    @property
    def has_long_labels(self) -> bool:
        """Whether labels stand above their bars."""
        return any(len(bar.label) > LABEL_MAX for bar in (*self.bars, *self.more))

    @property
    def title(self) -> str:
        """The answer in a few words, for the page's title."""
        words = ", ".join(f"{part.value} {part.unit}".strip() for part in self.parts)
        return f"{words[:HEADLINE_MAX]}…" if len(words) > HEADLINE_MAX else words or "Answer"


def result_of(
    signature: Signature, answer: Mapping[str, Any], *, is_current: bool = True
) -> Result:
    """The result in an answer, as a record keeps it: prediction, probabilities, warnings.

    Args:
        is_current: it is this version's: another one may have other outputs than the signature.
    """
    prediction = answer["prediction"]
    parts = _parts(signature, answer)
    threshold = signature.output.threshold if is_current else None
    bars = _bars(answer.get("probabilities") or {}, prediction, threshold)
    labels = {field.name: field.label for field in signature.fields}
    warnings = tuple(
        (labels.get(one["field"], one["field"]), one["message"])
        for one in answer.get("warnings", ())
    )
    label = signature.output.label
    return Result(
        of="" if len(parts) != 1 or label == Output().label else label,
        parts=parts,
        code="" if parts else json.dumps(prediction, indent=2, ensure_ascii=False),
        bars=bars[:BARS_MAX],
        more=bars[BARS_MAX:],
        warnings=warnings,
        threshold="" if threshold is None else threshold.sentence,
    )


def curl_command(address: str, row: Mapping[str, Any]) -> str:
    """The command that asks the same of the API."""
    body = msgspec.json.encode(dict(row)).decode()
    return (
        f"curl {shlex.quote(address)} \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def _parts(signature: Signature, answer: Mapping[str, Any]) -> tuple[Part, ...]:
    """One part an output; none where the answer is nothing that reads as figures or words."""
    outputs = signature.outputs
    prediction = answer.get("label") or answer["prediction"]
    if len(outputs) == 1 and isinstance(prediction, (bool, int, float, str)):
        return (_part(outputs[0], prediction),)
    if len(outputs) == 1 or not isinstance(prediction, dict):
        return ()
    if any(output.name not in prediction for output in outputs):
        return ()
    return tuple(_part(output, prediction[output.name]) for output in outputs)


def _part(output: Output, value: Any) -> Part:
    if isinstance(value, (bool, int, float)):
        # A class that is a number is a name: 10115 isn't ten thousand and something.
        is_amount = output.task in ("regression", "value") and not isinstance(value, bool)
        text = number_text(value) if is_amount else plain_text(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Part(output.label, text, output.unit)


def _bars(
    probabilities: Mapping[str, float], prediction: Any, threshold: Threshold | None
) -> tuple[Bar, ...]:
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])
    chosen = label_text(prediction) if isinstance(prediction, (bool, int, float, str)) else None
    marks = {}
    if threshold is not None and threshold.of == "probability":
        marks[label_text(threshold.label)] = f"{threshold.value * 100:.2f}"
    return tuple(
        Bar(label, f"{share * 100:.2f}", percent_text(share), label == chosen, marks.get(label))
        for label, share in ranked
    )
