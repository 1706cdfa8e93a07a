"""Outputs that are quantiles of one target: what lies below them, and where they cross."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from podium.outputs import Outputs
from podium.packing.metrics import numbers_of
from podium.packing.truth import Truth
from podium.signature import Signature

_ROWS = {
    "training": "training rows",
    "holdout": "held-out rows",
    "cross-validation": "rows that the model wasn't trained on",
}


def quantile_notes(signature: Signature, outputs: Outputs, truth: Truth, on: str) -> list[str]:
    """How many true values are below each quantile, and how often a lower one is above a higher one.

    Args:
        truth: a column for each output.

    Returns:
        Sentences; none if fewer than two outputs are quantiles.
    """
    levels = {
        place: one.quantile
        for place, one in enumerate(signature.outputs)
        if one.quantile is not None
    }
    if len(levels) < 2 or not signature.shared_target:
        return []
    places = sorted(levels, key=lambda place: levels[place])
    target = numbers_of(truth.columns[0])
    predicted = np.asarray(outputs.predictions[:, places], np.float64)
    names = [signature.outputs[place].name for place in places]
    rows, sentences = _ROWS.get(on, "rows"), []
    if target is not None and np.isfinite(target).any():
        known = np.isfinite(target)
        shares = (target[known, None] <= predicted[known]).mean(axis=0).tolist()
        found = [
            f"{name} {100 * share:.1f} % (meant: {100 * levels[place]:.4g} %)"
            for name, share, place in zip(names, shares, places, strict=True)
        ]
        sentences.append(f"True values of {rows} at or below {', '.join(found)}.")
    for (low, lower), (high, higher) in pairwise(zip(names, predicted.T, strict=True)):
        n_crossed = int((lower > higher).sum())
        if n_crossed:
            sentences.append(f"{low} is above {high} in {n_crossed:,} of {len(lower):,} {rows}.")
    return sentences
