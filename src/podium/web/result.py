"""What a page shows of one prediction."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from podium.signature import Output, Signature, Threshold
from podium.signature.labels import label_text, plain_text, shown_label
from podium.web.numbers import number_text, percent_text

# A phone shows the five most probable classes with the answer; the others are in a list that can be
# expanded, unless they are so few that opening it would be more work than reading them.
BARS_MAX, FEW = 5, 2
# Labels longer than this are placed above their bars, so that the bars have a common length.
LABEL_MAX = 16
# Predictions up to these lengths are shown as large numbers and as headlines; longer ones as text.
FIGURE_MAX, HEADLINE_MAX = 16, 60
# The classes of a label that a row has or hasn't.
_YES_OR_NO = (["0", "1"], ["false", "true"])


@dataclass(frozen=True, slots=True)
class Bar:
    """The probability of one class, or the distance to one cluster.

    Attributes:
        width: of the 100 units of the chart.
        percent: what is written at its end.
        mark: the threshold of the class, if it isn't simply the most probable one.
    """

    label: str
    width: str
    percent: str
    is_top: bool
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """Probabilities that are drawn together, or distances.

    Attributes:
        of: the output; "" if nothing else has some.
        bars: the most probable ones, or the nearest; `more` the others.
        each: what each bar is about: a class, an output that a row has or hasn't, or a cluster.
    """

    of: str
    bars: tuple[Bar, ...]
    more: tuple[Bar, ...]
    each: Literal["class", "output", "cluster"] = "class"

    @property
    def measure(self) -> str:
        """What the bars show, up to the name of each."""
        return "Distance to" if self.each == "cluster" else "Probability of"

    @property
    def others(self) -> str:
        """What those that aren't drawn at once are called."""
        return "classes" if self.each == "class" else f"{self.each}s"

    @property
    def has_long_labels(self) -> bool:
        """Whether labels are placed above their bars."""
        return any(len(bar.label) > LABEL_MAX for bar in (*self.bars, *self.more))


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
    """A prediction for people.

    Attributes:
        of: what was predicted, if the signature has a label for it.
        parts: one for each output.
        code: a prediction that isn't a number or a label, as JSON; otherwise "".
        shares: the probabilities of each output that has some, and the distances to clusters.
        threshold: from where on one of two classes is predicted, in a sentence, or "".
        warnings: the field's label, and the message.
    """

    of: str
    parts: tuple[Part, ...]
    code: str
    shares: tuple[Shares, ...]
    warnings: tuple[tuple[str, str], ...]
    threshold: str = ""

    @property
    def title(self) -> str:
        """The prediction in a few words, for the page's title."""
        words = ", ".join(f"{part.value} {part.unit}".strip() for part in self.parts)
        return f"{words[:HEADLINE_MAX]}…" if len(words) > HEADLINE_MAX else words or "Answer"


def result_of(
    signature: Signature, answer: Mapping[str, Any], *, is_current: bool = True
) -> Result:
    """The result of a prediction as a record holds it: prediction, probabilities, warnings.

    Args:
        is_current: whether this version made it: another one may have other outputs.
    """
    prediction = answer["prediction"]
    parts = _parts(signature, answer)
    threshold = signature.output.threshold if is_current else None
    probabilities = answer.get("probabilities") or {}
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
        shares=(
            *_shares(signature, probabilities, prediction, threshold),
            *_distances(signature.output, answer.get("distances") or {}, prediction),
        ),
        warnings=warnings,
        threshold="" if threshold is None else threshold.sentence,
    )


def curl_command(address: str, row: Mapping[str, Any]) -> str:
    """The command that requests the same from the API."""
    body = msgspec.json.encode(dict(row)).decode()
    return (
        f"curl {shlex.quote(address)} \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def _parts(signature: Signature, answer: Mapping[str, Any]) -> tuple[Part, ...]:
    """One part for each output; none if the prediction can't be shown as numbers or text."""
    outputs = signature.outputs
    prediction = shown_label(answer.get("label") or "") or answer["prediction"]
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


def _with_chosen(ranked: list[tuple[str, float]], chosen: str | None) -> list[tuple[str, float]]:
    """The classes, and the chosen one among those that are drawn."""
    place = next((i for i, (label, _) in enumerate(ranked) if label == chosen), 0)
    if place < BARS_MAX:
        return ranked
    return [
        *ranked[: BARS_MAX - 1],
        ranked[place],
        *ranked[BARS_MAX - 1 : place],
        *ranked[place + 1 :],
    ]


def _shares(
    signature: Signature,
    probabilities: Mapping[str, Any],
    prediction: Any,
    threshold: Threshold | None,
) -> tuple[Shares, ...]:
    """The probabilities of each output; those of a label matrix are drawn together."""
    if not any(isinstance(share, dict) for share in probabilities.values()):
        words = _words(signature.output)
        bars = tuple(
            replace(bar, label=words.get(bar.label, bar.label))
            for bar in _bars(probabilities, prediction, threshold)
        )
        return (_cut("", bars),) if bars else ()
    labels = {output.name: output.label for output in signature.outputs}
    chosen = prediction if isinstance(prediction, dict) else {}
    if all(list(shares) in _YES_OR_NO for shares in probabilities.values()):
        seconds = [(name, list(shares.values())[1]) for name, shares in probabilities.items()]
        ranked = sorted(seconds, key=lambda item: -item[1])
        bars = tuple(_bar(labels.get(n, n), share, bool(chosen.get(n))) for n, share in ranked)
        return (replace(_cut("", bars), each="output"),)
    return tuple(
        _cut(labels.get(name, name), _bars(shares, chosen.get(name), None))
        for name, shares in probabilities.items()
    )


def _words(output: Output) -> dict[str, str]:
    words = map(shown_label, output.words)
    return dict(zip(map(label_text, output.classes), words, strict=False))


def _distances(
    output: Output, distances: Mapping[str, float], prediction: Any
) -> tuple[Shares, ...]:
    """The distances to the clusters, the nearest first; its own among those that are drawn."""
    if not distances:
        return ()
    words, chosen, longest = _words(output), label_text(prediction), max(distances.values()) or 1.0
    ranked = sorted(distances.items(), key=lambda item: item[1])
    if len(ranked) > BARS_MAX + FEW:
        ranked = _with_chosen(ranked, chosen)
    bars = tuple(
        Bar(
            words.get(label, label), f"{100 * far / longest:.2f}", number_text(far), label == chosen
        )
        for label, far in ranked
    )
    return (replace(_cut("", bars), each="cluster"),)


def _cut(of: str, bars: tuple[Bar, ...]) -> Shares:
    n_shown = BARS_MAX if len(bars) > BARS_MAX + FEW else len(bars)
    return Shares(of, bars[:n_shown], bars[n_shown:])


def _bar(label: str, share: float, is_top: bool, mark: str | None = None) -> Bar:
    return Bar(label, f"{share * 100:.2f}", percent_text(share), is_top, mark)


def _bars(
    probabilities: Mapping[str, float], prediction: Any, threshold: Threshold | None
) -> tuple[Bar, ...]:
    chosen = label_text(prediction) if isinstance(prediction, (bool, int, float, str)) else None
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])
    if len(ranked) > BARS_MAX + FEW:  # some models don't choose the most probable class
        ranked = _with_chosen(ranked, chosen)
    marks = {}
    if threshold is not None and threshold.of == "probability":
        marks[label_text(threshold.label)] = f"{threshold.value * 100:.2f}"
    return tuple(_bar(label, share, label == chosen, marks.get(label)) for label, share in ranked)
