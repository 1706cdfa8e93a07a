"""What a page shows of one answer."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from podium.bundle.card import Card
from podium.signature import Signature
from podium.web.numbers import number_text, percent_text

# The twelve most probable classes are a picture; the others go into a list that can be opened.
BARS_MAX = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """The probability of one class; `width` is its share of the picture's 100 units."""

    label: str
    width: str
    percent: str
    is_top: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One answer for people.

    Attributes:
        parts: name, value and unit of each output.
        code: an answer that is no number or label, as JSON; else "".
        bars: the most probable classes; `more` the others.
    """

    parts: tuple[tuple[str, str, str], ...]
    code: str
    bars: tuple[Bar, ...]
    more: tuple[Bar, ...]
    warnings: tuple[tuple[str, str], ...]


def result_of(signature: Signature, answer: Mapping[str, Any]) -> Result:
    """The result in an answer, as a record keeps it: prediction, probabilities, warnings."""
    prediction = answer["prediction"]
    bars = _bars(answer.get("probabilities") or {}, prediction)
    labels = {field.name: field.label for field in signature.fields}
    warnings = tuple(
        (labels.get(one["field"], one["field"]), one["message"])
        for one in answer.get("warnings", ())
    )
    is_plain = isinstance(prediction, (bool, int, float, str)) or len(signature.outputs) > 1
    return Result(
        parts=_parts(signature, prediction) if is_plain else (),
        code="" if is_plain else json.dumps(prediction, indent=2, ensure_ascii=False),
        bars=bars[:BARS_MAX],
        more=bars[BARS_MAX:],
        warnings=warnings,
    )


def known_by(card: Card) -> str:
    """The figure that a model is known by, in a sentence; "" when there is none."""
    if not card.metrics:
        return ""
    metric = card.metrics[0]
    value = number_text(metric.value) + (f" {metric.unit}" if metric.unit else "")
    if metric.name in ("accuracy", "balanced_accuracy"):
        value = percent_text(metric.value)
    rows = f"{card.n_metric_rows:,} rows"
    where = (
        f"{rows} that it had not seen" if card.metrics_on == "holdout" else f"{rows} of its data"
    )
    return f"On {where}, its {metric.title} is {value}."


def curl_command(address: str, row: Mapping[str, Any]) -> str:
    """The command that asks the same of the API."""
    body = msgspec.json.encode(dict(row)).decode()
    return (
        f"curl {shlex.quote(address)} \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def _parts(signature: Signature, prediction: Any) -> tuple[tuple[str, str, str], ...]:
    if len(signature.outputs) == 1:
        return ((signature.output.label, _text(prediction), signature.output.unit),)
    return tuple((one.label, _text(prediction[one.name]), one.unit) for one in signature.outputs)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _bars(probabilities: Mapping[str, float], prediction: Any) -> tuple[Bar, ...]:
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])
    named = _text(prediction) if not isinstance(prediction, float) else str(prediction)
    return tuple(
        Bar(label, f"{share * 100:.2f}", percent_text(share), label == named)
        for label, share in ranked
    )
