"""Why a model gave its answer, for people: bars, and words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from podium.explanations.explanation import Explanation
from podium.signature import Field, Signature
from podium.signature.labels import label_text, plain_text, shown_label
from podium.web.bidi import isolated
from podium.web.numbers import SPACE, number_text, percent_text, with_unit

# More fields than this are added up in one bar.
BARS_MAX = 10
NO_CAUSE = (
    "A contribution says what moved the answer of this model, compared with other rows. "
    "It doesn't say what causes the outcome."
)
_MINUS, _TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class WhyBar:
    """The contribution of one field.

    Attributes:
        own: the field's value in the row.
        start: where the bar begins, of 100 units with 0 in the middle; `width` is its length.
        text: the contribution, with its sign.
    """

    label: str
    own: str
    start: str
    width: str
    text: str
    is_up: bool


@dataclass(frozen=True, slots=True)
class Why:
    """An explanation.

    Attributes:
        words: what is explained, and what moved it most.
        bars: the largest contributions, then those of all other fields together.
        note: how they were computed, if they are estimates; "" if they are exact.
    """

    words: str
    bars: tuple[WhyBar, ...]
    note: str
    no_cause: str = NO_CAUSE


def why_of(signature: Signature, found: Explanation, inputs: Mapping[str, Any]) -> Why:
    """An explanation as a page shows it.

    Args:
        inputs: the row as plain JSON values.
    """
    scale = _Scale(signature, found)
    fields = {field.name: field for field in signature.fields}
    ranked = sorted(found.contributions.items(), key=lambda one: -abs(one[1]))
    moved = [(name, amount) for name, amount in ranked if amount]
    shown, rest = moved[:BARS_MAX], moved[BARS_MAX:]
    total = sum(amount for _, amount in rest)
    widest = max([abs(amount) for _, amount in shown] + [abs(total)]) if shown else 1.0
    bars = [
        _bar(fields[name].label, _own(fields[name], inputs.get(name)), amount, widest, scale)
        for name, amount in shown
    ]
    if rest:
        bars.append(_bar(f"{len(rest)} other fields", "", total, widest, scale))
    return Why(_words(scale, found, bars), tuple(bars), _note(found, scale))


class _Scale:
    """How the numbers of an explanation are written."""

    def __init__(self, signature: Signature, found: Explanation) -> None:
        output, is_single = signature.outputs[found.output], len(signature.outputs) == 1
        self.link = found.link
        self.is_binary = found.label is not None and len(output.classes) == 2
        self.unit = "" if output.score else output.unit
        if found.label is None:
            self.of = "the score" if output.score else "the prediction"
            self.of += "" if is_single else f" of {isolated(output.label)}"
            return
        word = (
            output.words[found.label] if output.words else label_text(output.classes[found.label])
        )
        word = isolated(shown_label(word))
        of = f"of “{word}”" if is_single else f"that {isolated(output.label)} is “{word}”"
        self.of = f"the probability {of}"
        if found.link == "log-odds" and not self.is_binary:
            self.of = f"the log-odds {of} against the other classes"

    def value(self, number: float) -> str:
        """A base or a value."""
        if self.link == "probability":
            return percent_text(min(max(number, 0.0), 1.0))
        if self.link == "log-odds" and self.is_binary:
            return percent_text(1 / (1 + math.exp(-max(min(number, 700.0), -700.0))))
        if self.link == "log":
            number = math.exp(min(number, 700.0))
        return with_unit(number_text(number), self.unit)

    def change(self, amount: float) -> str:
        """A contribution, with its sign."""
        if self.link == "probability":
            return f"{_signed(100 * amount, 1)}{SPACE}points"
        if self.link == "log-odds":
            return f"{_signed(amount, 2)}{SPACE}log-odds"
        if self.link == "log":
            return f"{_TIMES}{SPACE}{math.exp(min(amount, 700.0)):.3g}"
        sign = "+" if amount > 0 else _MINUS
        return with_unit(f"{sign}{number_text(abs(amount))}", self.unit)


def _signed(number: float, digits: int) -> str:
    text = f"{abs(number):.{digits}f}"
    return f"{'+' if number > 0 else _MINUS}{text}" if float(text) else f"± {text}"


def _bar(label: str, own: str, amount: float, widest: float, scale: _Scale) -> WhyBar:
    width = max(48 * abs(amount) / widest, 0.5)
    start = 50.0 if amount > 0 else 50 - width
    return WhyBar(label, own, f"{start:.2f}", f"{width:.2f}", scale.change(amount), amount > 0)


def _own(field: Field, value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)) and field.type in ("float", "integer"):
        return with_unit(number_text(value), field.unit)
    text = plain_text(value)
    return f"{text[:40]}…" if len(text) > 40 else text


def _words(scale: _Scale, found: Explanation, bars: list[WhyBar]) -> str:
    base, value = scale.value(found.base), scale.value(found.value)
    rows = f"{found.n_background} other row{'s' if found.n_background != 1 else ''}"
    sentence = f"On average over {rows}, {scale.of} is {base}; here it is {value}."
    named = [f"{isolated(bar.label)} ({bar.text})" for bar in bars[:2] if bar.own]
    if not named:
        return f"{sentence} No field differs in a way that matters to the model."
    return f"{sentence} What moved it most: {' and '.join(named)}."


def _note(found: Explanation, scale: _Scale) -> str:
    if found.standard_errors is None:
        return ""
    error = max(found.standard_errors.values(), default=0.0)
    most = scale.change(1.96 * error).lstrip("+") if scale.link != "log" else f"{1.96 * error:.2g}"
    return f"Estimated from a sample: each contribution is within {most} of the exact one, 19 times of 20."
