"""A comparison of two versions, as the API tells it and people read it."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["paired", "independent", "none"]
Better = Literal["a", "b", ""]


SHARES = frozenset({"accuracy", "balanced_accuracy"})


def amount(measure: str, value: float) -> str:
    """A difference between two values of a measure, as people write it."""
    if measure in SHARES:
        return f"{100 * value:.3g} percentage points"
    return f"{value:.3g}"


def change(measure: str, value: float) -> str:
    """An improvement, in words."""
    return f"{'worse' if value < 0 else 'better'} by {amount(measure, abs(value))}"


def span(measure: str, low: float, high: float) -> str:
    """An interval of improvements, in brackets."""
    factor = 100 if measure in SHARES else 1
    return f"({factor * low:+.3g} to {factor * high:+.3g})"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two versions.

    Attributes:
        version: its name.
        aliases: those that point to it.
        n_truths: compared rows that it answered, and whose truth is known.
        latency_ms: the median time that an answer took; None where nothing was compared.
    """

    version: str
    digest: str
    aliases: tuple[str, ...]
    n_truths: int
    latency_ms: float | None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of both versions.

    Attributes:
        output: of which; "" if it is the mean of all.
        name: of the measure, as the field's libraries call it; `title` as people write it.
        better: which way is better.
        a: its value for one version, and `b` for the other.
        difference: `b - a`, and `low` to `high` its interval, at 95 % confidence for one look.
    """

    output: str
    name: str
    title: str
    better: Literal["higher", "lower"]
    a: float
    b: float
    difference: float
    low: float
    high: float


class Improvement(msgspec.Struct, frozen=True, kw_only=True):
    """How much better `b` is than `a` by the measure that decides; positive is better.

    Attributes:
        low: with `high`, the interval at 95 % confidence for one look.
        always_low: with `always_high`, the interval that may be looked at again and again.
        decided: the version that is better by the latter, once there are enough truths.
    """

    measure: str
    title: str
    value: float
    low: float
    high: float
    always_low: float
    always_high: float
    decided: Better


class SegmentReport(msgspec.Struct, frozen=True, kw_only=True):
    """How much better `b` is than `a` on the rows of a segment.

    Attributes:
        low: with `high`, the interval at 95 % confidence, of all segments at once.
    """

    field: str
    value: str
    n_rows: int
    improvement: float
    low: float
    high: float


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of a promotion.

    Attributes:
        name: truths, difference, outputs (of several), segments, latency, refused or signature.
        status: `unknown` where there is nothing to judge it by.
        sentence: what was found, with its figures.
    """

    name: str
    status: Literal["pass", "fail", "unknown"]
    sentence: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Which of two versions of a model is better, and whether `b` may take the place of `a`.

    Attributes:
        output: which output decides; "" if it is the mean of several.
        kind: `paired` where both answered the same rows; `independent` where each answered its own;
            `none` where one of them has no truth.
        truths_min: how many truths each needs before anything is decided.
        differences: by measure; empty where nothing can be compared.
        segments: the worst of the configured fields, worst first.
        notes: what to know about the figures, in sentences.
    """

    model: str
    output: str
    kind: Kind
    a: Side
    b: Side
    truths_min: int
    differences: tuple[Difference, ...] = ()
    improvement: Improvement | None = None
    segments: tuple[SegmentReport, ...] = ()
    gates: tuple[Gate, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n_truths(self) -> int:
        """Of the version that has fewer."""
        return min(self.a.n_truths, self.b.n_truths)

    @property
    def has_enough(self) -> bool:
        """Whether there are as many truths as are needed."""
        return self.n_truths >= self.truths_min

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why `b` may not take the place of `a`, in sentences; empty where it may."""
        return tuple(one.sentence for one in self.gates if one.status != "pass")

    @property
    def verdict(self) -> str:
        """Which one is better, in a sentence."""
        if not self.has_enough:
            return f"Not enough truths yet: {self.n_truths:,} of {self.truths_min:,}."
        decided = "" if self.improvement is None else self.improvement.decided
        if not decided:
            return "Neither version is better as far as is known."
        better, other = (self.b, self.a) if decided == "b" else (self.a, self.b)
        return f"Version {better.version} is better than {other.version}."
