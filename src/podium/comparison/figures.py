"""Figures that are no means of losses, as a card has them: balanced accuracy, F1, ROC AUC and R².

Each comes as one number for each row, whose mean is the figure: the figure itself plus the row's
influence on it. So the spread of these numbers tells how far the figure may be off, as that of losses
does.

Source: Hampel (1974), The influence curve and its role in robust estimation, Journal of the American
Statistical Association 69, 383-393; of the ROC AUC: DeLong, DeLong, Clarke-Pearson (1988), Biometrics
44(3), 837-845.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from podium.comparison.losses import HAPPENED, IS_POSITIVE, NUMBER, PREDICTED, SHARE, SQUARE
from podium.signature import Output

_Rows: TypeAlias = NDArray[np.float64]


class Figure(NamedTuple):
    """A figure of a version.

    Attributes:
        columns: of the losses that it is made of.
        of_rows: the number of each row, from these columns; None where there is no such figure.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    columns: tuple[int, ...]
    of_rows: Callable[..., _Rows | None]


def figures_of(output: Output) -> tuple[Figure, ...]:
    """The figures of an output's task."""
    if output.quantile is not None:  # a quantile explains no variance
        return ()
    return {"classification": _OF_CLASSES, "regression": _OF_NUMBERS}.get(output.task, ())


def balanced_accuracy(happened: _Rows, predicted: _Rows) -> _Rows:
    """The mean recall of the classes that happened.

    Args:
        happened: codes of classes, shape (n_rows,), and `predicted` likewise.
    """
    codes = happened.astype(np.int64)
    hits = (happened == predicted).astype(np.float64)
    counts = np.bincount(codes)
    recalls = np.bincount(codes, hits) / np.maximum(counts, 1)
    n_classes = np.count_nonzero(counts)
    value = recalls[counts > 0].mean()
    shares = counts[codes] / len(codes)
    influence = (hits - recalls[codes]) / (shares * n_classes)
    rows: _Rows = value + influence
    return rows


def f1_macro(happened: _Rows, predicted: _Rows) -> _Rows:
    """The mean F1 of the classes that happened or were predicted; arguments as above."""
    real, named = happened.astype(np.int64), predicted.astype(np.int64)
    n_codes = int(max(real.max(), named.max())) + 1
    hits = real == named
    sizes = np.bincount(real, minlength=n_codes) + np.bincount(named, minlength=n_codes)
    doubled = 2.0 * np.bincount(real, hits, n_codes)
    scores = doubled / np.maximum(sizes, 1)
    n_classes = np.count_nonzero(sizes)
    value = scores[sizes > 0].mean()
    shares = np.maximum(sizes, 1) / len(real)
    own, other = (scores / shares)[real], (scores / shares)[named]
    influence = (np.where(hits, 2 / shares[real], 0.0) - own - other) / n_classes
    rows: _Rows = value + influence
    return rows


def roc_auc(is_positive: _Rows, share: _Rows) -> _Rows | None:
    """The probability that a random positive has a higher share than a random negative.

    Args:
        is_positive: 1 or 0 of each row, shape (n_rows,).
        share: the probability of being positive, shape (n_rows,).
    """
    positive = is_positive == 1
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return None
    ranks, above = _ranks(share), np.empty(len(share))
    above[positive] = (ranks[positive] - _ranks(share[positive])) / n_negative
    above[~positive] = 1 - (ranks[~positive] - _ranks(share[~positive])) / n_positive
    value = above[positive].mean()
    shares = np.where(positive, n_positive, n_negative) / len(positive)
    rows: _Rows = value + (above - value) / shares
    return rows


def r2(number: _Rows, square: _Rows) -> _Rows | None:
    """The share of the variance that is explained.

    Args:
        number: the truth, shape (n_rows,).
        square: of the error, shape (n_rows,).
    """
    away = (number - number.mean()) ** 2
    spread, error = away.mean(), square.mean()
    if not spread or not np.isfinite(spread):
        return None
    influence = -(square - error) / spread + error * (away - spread) / spread**2
    rows: _Rows = 1 - error / spread + influence
    return rows


def _ranks(values: _Rows) -> _Rows:
    """From 1 on; equal values share the mean of theirs."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: _Rows = (np.cumsum(counts) - (counts - 1) / 2)[where]
    return ranks


_CODES = (HAPPENED, PREDICTED)
_OF_CLASSES = (
    Figure("balanced_accuracy", "balanced accuracy", "higher", _CODES, balanced_accuracy),
    Figure("f1_macro", "F1 (macro)", "higher", _CODES, f1_macro),
    Figure("roc_auc", "ROC AUC", "higher", (IS_POSITIVE, SHARE), roc_auc),
)
_OF_NUMBERS = (Figure("r2", "R²", "higher", (NUMBER, SQUARE), r2),)
