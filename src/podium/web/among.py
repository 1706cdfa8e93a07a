"""Where a prediction lies among the model's predictions for its training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from podium.bundle.baseline import Baseline, Histogram
from podium.signature import Output, ScoreKind, Signature
from podium.signature.labels import label_text, shown_label
from podium.web.numbers import number_text, percent_text, range_text
from podium.web.spread import Spread, ends_of, spread_of

LABELS_SHOWN = 8
SCORES: dict[ScoreKind, str] = {
    "decision_function": "Decision score",
    "distance": "Distance to the centre of its cluster",
    "log_likelihood": "Log-likelihood",
}


@dataclass(frozen=True, slots=True)
class Among:
    """Compares a prediction with those for the training rows.

    Attributes:
        spread: the histogram of those, with a mark for this one; None if it would show nothing.
        caption: of this histogram.
        share: how many of the training rows have the same label; "" if unknown.
    """

    spread: Spread | None
    caption: str
    share: str = ""


def among_answers(
    signature: Signature, baseline: Baseline, answer: Mapping[str, Any]
) -> Among | None:
    """Where the number or score of a prediction lies among those of the training rows.

    None if it has neither, or if nothing is known about the training rows.
    """
    output = signature.output
    histogram = baseline.outputs.get(output.name)
    if histogram is None or len(signature.outputs) > 1:
        return None
    if output.words:
        spread, caption = _score(output, baseline.scores, answer.get("score"))
        share = _share(output, histogram, answer["prediction"])
        return Among(spread, caption, share) if share or caption else None
    number = _number(answer["prediction"]) if output.task == "regression" else None
    spread = None if number is None else spread_of(histogram, number)
    if spread is None or spread.mark is None:
        return None
    ends = range_text(ends_of(histogram), output.unit)
    return Among(spread, f"This prediction among those for the training rows, {ends}.")


def output_facts(output: Output, baseline: Baseline) -> list[tuple[str, str]]:
    """The predictions of a model without a target for its training rows: title and text."""
    histogram = baseline.outputs.get(output.name)
    if not output.words or histogram is None or not histogram.n_rows:
        return []
    counts = dict(zip(histogram.labels, histogram.counts, strict=False))
    named = [
        f"{shown_label(word)} ({percent_text(counts.get(label_text(label), 0) / histogram.n_rows)})"
        for label, word in zip(output.classes, output.words, strict=True)
    ]
    rest = len(named) - LABELS_SHOWN
    labels = ", ".join(named[:LABELS_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")
    facts = [("Labels of the training rows", labels)]
    if output.score and baseline.scores is not None:
        ends = range_text(ends_of(baseline.scores))
        below = "; outliers score below 0" if output.score == "decision_function" else ""
        facts.append((SCORES[output.score], f"{ends} in training{below}"))
    return facts


def _score(output: Output, histogram: Histogram | None, score: object) -> tuple[Spread | None, str]:
    """The histogram of the scores, and its caption."""
    number = _number(score)
    if not output.score or number is None:
        return None, ""
    title = f"{SCORES[output.score]}: {number_text(number)}"
    below = " Outliers score below 0." if output.score == "decision_function" else ""
    if histogram is None or not histogram.edges:
        return None, f"{title}.{below}"
    ends = range_text(ends_of(histogram))
    return spread_of(histogram, number), f"{title}, in training {ends}.{below}"


def _share(output: Output, histogram: Histogram, prediction: object) -> str:
    """How many training rows have the same label."""
    if prediction not in output.classes:
        return ""
    counts = dict(zip(histogram.labels, histogram.counts, strict=False))
    n = counts.get(label_text(prediction), 0)
    if not histogram.n_rows:
        return ""
    share = f"{n:,} of {histogram.n_rows:,} training rows ({percent_text(n / histogram.n_rows)})"
    if output.task != "clustering":
        return f"{share} have this label."
    n_clusters = sum(isinstance(label, int) and label >= 0 for label in output.classes)
    of = f" The {n_clusters:,} clusters are numbered from 0." if n_clusters > 1 else ""
    return f"{share} are in this cluster.{of}"


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type] # it is one
