"""Compares two predictions for the same rows: what differs, and by how much."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from podium.outputs import Outputs
from podium.table import Array, plain_values

# Probabilities below this are compared by their difference, not by their ratio: 1 - p of a certain
# class is only as exact as p.
PROBABILITY_FLOOR = 1e-3
# A score can be a small difference of large numbers (for a linear-kernel machine on centred data,
# 1e-4 from sums of thousands), which differs with the order of addition.
SCORE_TOLERANCE = 1e-6


@dataclass
class Findings:
    """The differences so far.

    Attributes:
        tolerance: the largest acceptable difference between numbers.
        scale: the least by which each output's difference is divided; NaN for labels.
        usual_score: the same for the scores and distances beside labels.
    """

    tolerance: float
    scale: Array
    usual_score: float = 0.0
    n_perturbed: int = 0
    n_refused: int = 0
    n_labels: int = 0
    difference: float = 0.0
    problems: list[str] = field(default_factory=list)

    def compare(self, description: str, theirs: Outputs, ours: Outputs) -> None:
        """Record every difference between two outputs for the same rows."""
        if theirs.predictions.shape != ours.predictions.shape:
            self.problem(
                description,
                f"predictions have shape {ours.predictions.shape}, not {theirs.predictions.shape}",
            )
            return
        their, our = (one.predictions.reshape(len(one), -1) for one in (theirs, ours))
        are_labels = np.isnan(self.scale)
        if are_labels.any():
            self._labels(description, their[:, are_labels], our[:, are_labels])
        if not are_labels.all():
            scale = self.scale[~are_labels]
            self._numbers(description, their[:, ~are_labels], our[:, ~are_labels], scale)
        if (theirs.probabilities is None) != (ours.probabilities is None):
            self.problem(description, "only one of them returns probabilities")
        elif theirs.probabilities is not None and ours.probabilities is not None:
            floor = np.array(PROBABILITY_FLOOR)
            self._numbers(description, theirs.probabilities, ours.probabilities, floor)
        for name in ("scores", "distances"):
            their_scores, our_scores = getattr(theirs, name), getattr(ours, name)
            if (their_scores is None) != (our_scores is None):
                self.problem(description, f"only one of them returns {name}")
            elif their_scores is not None:
                floor = np.array(max(self.usual_score, 1e-300))
                tolerance = max(self.tolerance, SCORE_TOLERANCE)
                self._numbers(description, their_scores, our_scores, floor, tolerance)

    def problem(self, description: str, problem: str) -> None:
        """Record a difference, and on which rows."""
        self.problems.append(f"{description}: {problem}")

    def _labels(self, description: str, theirs: Array, ours: Array) -> None:
        pairs = zip(plain_values(theirs.ravel()), plain_values(ours.ravel()), strict=True)
        differing = [(t, o) for t, o in pairs if type(t) is not type(o) or t != o]
        if differing:
            self.n_labels += len(differing)
            their, our = differing[0]
            self.problem(
                description, f"{len(differing)} labels differ, first {our!r} instead of {their!r}"
            )

    def _numbers(
        self,
        description: str,
        theirs: Array,
        ours: Array,
        floor: Array,
        tolerance: float | None = None,
    ) -> None:
        tolerance = self.tolerance if tolerance is None else tolerance
        theirs, ours = theirs.astype(np.float64), ours.astype(np.float64)
        with np.errstate(all="ignore"):
            off = np.abs(ours - theirs) / np.maximum(np.abs(theirs), floor)
        off = np.where((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), 0.0, off)
        most = float(np.max(np.where(np.isnan(off), np.inf, off), initial=0.0))
        self.difference = max(self.difference, most)
        if most > tolerance:
            at = np.unravel_index(int(np.nanargmax(off)), off.shape)
            self.problem(description, f"{float(ours[at])!r} instead of {float(theirs[at])!r}")
