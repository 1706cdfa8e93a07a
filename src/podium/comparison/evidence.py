"""Evidence: the losses of two versions, on the same rows or on rows of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.comparison.bootstrap import paired_interval
from podium.comparison.estimates import (
    Estimate,
    Groups,
    Interval,
    independent,
    interval,
    paired,
)
from podium.comparison.figures import Figure
from podium.comparison.losses import Measure
from podium.comparison.parts import Parts
from podium.comparison.samples import Sample, Shadowed
from podium.comparison.segments import (
    Segment,
    SegmentReader,
    independent_segments,
    paired_segments,
)

_Rows = NDArray[np.float64]
APART = (
    "The two didn't answer at the same time: whatever else has changed between them counts, too."
)


class OneOutput(NamedTuple):
    """How much better `b` is than `a` for one of several outputs.

    Attributes:
        name: of the output.
        improvement: of the mean loss, positive where `b` is better.
        at: the interval of it, which holds for all outputs at once.
    """

    name: str
    measure: Measure
    improvement: float
    at: Interval


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of two versions, `a` and `b`.

    Attributes:
        a: losses, shape (n_a, n_losses), and `b` likewise; row by row of the same, where paired.
        latencies_a: in microseconds, shape (n_a,).
        rows_a: what the reader of segments read, shape (n_a, n_fields).
        groups_a: of rows of one business key, shape (n_a,); None where each row has its own.
        notes: what to know about them, in sentences.
    """

    is_paired: bool
    a: _Rows
    b: _Rows
    latencies_a: _Rows
    latencies_b: _Rows
    rows_a: _Rows
    rows_b: _Rows
    groups_a: Groups = None
    groups_b: Groups = None
    notes: tuple[str, ...] = ()

    def columns(self, measure: Measure) -> tuple[_Rows, _Rows] | None:
        """The losses that a measure is made of; None where some are missing."""
        if not len(self.a) or not len(self.b):
            return None
        a, b = self.a[:, measure.column], self.b[:, measure.column]
        is_there = bool(np.isfinite(a).all() and np.isfinite(b).all())
        return (a, b) if is_there else None

    def estimate(self, measure: Measure) -> Estimate | None:
        """The difference of the mean losses; None where there are too few."""
        columns = self.columns(measure)
        if columns is None:
            return None
        return self._estimate(*columns)

    def figure(self, figure: Figure) -> tuple[float, float, Interval] | None:
        """A figure of both versions, and the interval of the difference; None where there is none."""
        columns = [one[:, figure.columns] if len(one) else one for one in (self.a, self.b)]
        if not all(len(one) and np.isfinite(one).all() for one in columns):
            return None
        a, b = (figure.of_rows(*one.T) for one in columns)
        estimate = None if a is None or b is None else self._estimate(a, b)
        if a is None or b is None or estimate is None:
            return None
        return float(a.mean()), float(b.mean()), interval(estimate)

    def _estimate(self, a: _Rows, b: _Rows) -> Estimate | None:
        if self.is_paired:
            return paired(a, b, self.groups_a)
        return independent(a, b, self.groups_a, self.groups_b)

    def interval(self, measure: Measure) -> Interval | None:
        """The interval of the difference `b - a` of a measure, for one look; None of too few rows."""
        columns, estimate = self.columns(measure), self.estimate(measure)
        if columns is None or estimate is None:
            return None
        if self.is_paired:
            return paired_interval(*columns, measure.of_mean, self.groups_a)
        low, high = interval(estimate)
        if measure.is_root:
            # The difference of the squares, divided by the sum of the roots.
            roots = sum(float(np.sqrt(one.mean())) for one in columns) or 1.0
            return Interval(low / roots, high / roots)
        return Interval(low, high) if measure.better == "lower" else Interval(-high, -low)

    def outputs(self, parts: Parts, measure: Measure) -> list[OneOutput]:
        """How much better `b` is for each of several outputs, the worst first.

        Args:
            measure: that decides; an output that doesn't have it is judged by its own first one.
        """
        found = []
        for one in parts.each if len(parts.each) > 1 else ():
            own = next((m for m in one.measures if m.name == measure.name), one.measures[0])
            estimate = self.estimate(own)
            if estimate is not None:
                low, high = interval(estimate, len(parts.each))
                found.append(OneOutput(one.name, own, -estimate.difference, Interval(-high, -low)))
        return sorted(found, key=lambda one: one.at.high)

    def segments(self, reader: SegmentReader, measure: Measure) -> list[Segment]:
        """How much better `b` is on each segment, the worst first."""
        columns = self.columns(measure)
        if columns is None:
            return []
        if self.is_paired:
            return paired_segments(reader, *columns, self.rows_a)
        return independent_segments(reader, *columns, self.rows_a, self.rows_b)


def paired_evidence(
    a: Sample, b_on_a: Shadowed | None, b: Sample, a_on_b: Shadowed | None
) -> Evidence | None:
    """What is known of the rows that both answered, one of them as a shadow; None where of none."""
    parts = []
    if b_on_a is not None:
        rows = b_on_a.rows
        own = a.losses[rows], b_on_a.losses, a.latencies[rows], b_on_a.latencies
        parts.append((*own, a.segments[rows], a.groups[rows]))
    if a_on_b is not None:
        rows = a_on_b.rows
        own = a_on_b.losses, b.losses[rows], a_on_b.latencies, b.latencies[rows]
        parts.append((*own, b.segments[rows], len(a) + b.groups[rows]))
    if not parts:
        return None
    of_a, of_b, latencies_a, latencies_b, segments, groups = (
        np.concatenate(some) for some in zip(*parts, strict=True)
    )
    codes = _groups(groups)
    return Evidence(True, of_a, of_b, latencies_a, latencies_b, segments, segments, codes, codes)


def _groups(groups: NDArray[np.int64]) -> Groups:
    """From 0 on, and None where each row is a group of its own."""
    different, codes = np.unique(groups, return_inverse=True)
    return None if len(different) == len(groups) else codes.astype(np.int64)


def independent_evidence(a: Sample, b: Sample) -> Evidence:
    """What is known of rows of their own, from the time in which both answered."""
    notes: tuple[str, ...] = ()
    rows_a, rows_b = (np.ones(len(one), bool) for one in (a, b))
    if len(a) and len(b):
        since, until = max(a.times.min(), b.times.min()), min(a.times.max(), b.times.max())
        both = [(one.times >= since) & (one.times <= until) for one in (a, b)]
        fewer = int(len(b) < len(a))
        # A few requests overlap at each swap: they are no time in which both answered.
        if both[fewer].sum() * 2 >= len(both[fewer]) and min(one.sum() for one in both) > 1:
            rows_a, rows_b = both
        else:
            notes = (APART,)
    return Evidence(
        False,
        a.losses[rows_a],
        b.losses[rows_b],
        a.latencies[rows_a],
        b.latencies[rows_b],
        a.segments[rows_a],
        b.segments[rows_b],
        _groups(a.groups[rows_a]),
        _groups(b.groups[rows_b]),
        notes,
    )
