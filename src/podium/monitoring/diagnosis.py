"""Where a model errs: the confusion matrix, the calibration, and the residuals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.signature import Label
from podium.signature.labels import label_text

CLASSES_MAX, BINS = 20, 10
# Of the normal distribution: 95 %.
_Z = 1.96
_RESIDUAL_MAX = 1e150
Places: TypeAlias = NDArray[np.int64]


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """How often each class was predicted where each was true.

    Attributes:
        classes: their labels; the last one stands for all others.
        counts: rows by true class, then by predicted class.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class CalibrationBin(msgspec.Struct, frozen=True, kw_only=True):
    """Rows with about the same probability of what was predicted.

    Attributes:
        predicted: the mean probability.
        happened: the share of rows in which it happened; between `low` and `high` at 95 % confidence.
    """

    n_rows: int
    predicted: float
    happened: float
    low: float
    high: float


class Residuals(msgspec.Struct, frozen=True, kw_only=True):
    """The true value less the predicted one.

    Attributes:
        quantiles: at 5, 25, 50, 75 and 95 %.
        edges: of bins, one more than `counts`; the outer ones are the least and the greatest.
    """

    mean: float
    deviation: float
    quantiles: tuple[float, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]


def wilson(share: float, n: int) -> tuple[float, float]:
    """The interval of a share of n, at 95 % confidence.

    Source: Wilson (1927), Journal of the American Statistical Association 22(158), 209-212.
    """
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def confusion(classes: Sequence[Label], true: Places, predicted: Places) -> Confusion | None:
    """The confusion matrix; None of a classifier whose classes aren't known.

    Args:
        true: the places of the true classes, shape (n_rows,); negative for any other label.
        predicted: those of the predicted ones.
    """
    labels = [label_text(one) for one in classes]
    if not labels:
        return None
    shown = min(len(labels), CLASSES_MAX)
    # Rare classes and labels that the model doesn't know share the last place.
    rows, columns = (np.where((one < 0) | (one >= shown), shown, one) for one in (true, predicted))
    counts = np.bincount(rows * (shown + 1) + columns, minlength=(shown + 1) ** 2)
    return Confusion(
        classes=(*labels[:shown], "others"),
        counts=tuple(map(tuple, counts.reshape(shown + 1, shown + 1).tolist())),
    )


def calibration(
    shares: NDArray[np.float64] | None, true: Places, predicted: Places
) -> tuple[CalibrationBin, ...]:
    """Bins with about equally many rows, in order of the probability.

    Args:
        shares: the probabilities, shape (n_rows, n_classes); without them there are no bins.
    """
    if shares is None:
        return ()
    if shares.shape[1] == 2:
        chance, happened = shares[:, 1], true == 1
    else:
        rows = np.flatnonzero(predicted >= 0)
        chance, happened = shares[rows, predicted[rows]], (true == predicted)[rows]
    order = np.argsort(chance, kind="stable")
    bins = [one for one in np.array_split(order, BINS) if len(one)]
    found = []
    for one in bins:
        share = float(happened[one].mean())
        low, high = wilson(share, len(one))
        found.append(
            CalibrationBin(
                n_rows=len(one),
                predicted=float(chance[one].mean()),
                happened=share,
                low=low,
                high=high,
            )
        )
    return tuple(found)


def residuals_of(residuals: NDArray[np.float64]) -> Residuals | None:
    """Their distribution; None where there are none.

    Args:
        residuals: shape (n_rows,), finite.
    """
    if not len(residuals):
        return None
    # The squares of larger ones would be infinite.
    residuals = np.clip(residuals, -_RESIDUAL_MAX, _RESIDUAL_MAX)
    inner = np.quantile(residuals, (0.01, 0.99))
    # Between the outer hundredths the bins have equal widths: one row far away leaves no bin empty.
    edges = np.unique(
        [residuals.min(), *np.linspace(inner[0], inner[1], 2 * BINS + 1), residuals.max()]
    )
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
        counts = np.array([len(residuals)])
    else:
        counts, _ = np.histogram(residuals, bins=edges)
    return Residuals(
        mean=float(residuals.mean()),
        deviation=float(residuals.std()),
        quantiles=tuple(np.quantile(residuals, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
    )
