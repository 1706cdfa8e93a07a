"""Figures of merit: how far answers are from the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from podium.bundle.card import Metric
from podium.signature import Label, Output
from podium.table import Array, Outputs


def measure(output: Output, outputs: Outputs, truth: Array) -> tuple[Metric, ...]:
    """The usual figures for the output's task; the first is the one the model is known by.

    Args:
        outputs: the model's answers, n_rows of them.
        truth: what really was, shape (n_rows,).
    """
    if not len(truth):
        return ()
    if output.task == "regression":
        return _regression(np.asarray(outputs.predictions, np.float64), truth, output.unit)
    if output.task == "classification":
        return _classification(output.classes, outputs, truth.tolist())
    return ()


def _regression(predicted: Array, truth: Array, unit: str) -> tuple[Metric, ...]:
    truth = np.asarray(truth, np.float64)
    error = predicted - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    figures = [
        _metric("mean_absolute_error", np.abs(error).mean(), "lower", unit),
        _metric("root_mean_squared_error", np.sqrt((error**2).mean()), "lower", unit),
        _metric("median_absolute_error", np.median(np.abs(error)), "lower", unit),
    ]
    if spread:
        figures.append(_metric("r2", 1 - float((error**2).sum()) / spread, "higher", title="R²"))
    return tuple(figures)


def _classification(
    classes: Sequence[Label], outputs: Outputs, truth: list[Label]
) -> tuple[Metric, ...]:
    index = {(type(label), label): i for i, label in enumerate(classes)}
    predicted = [index.get((type(v), v), -1) for v in outputs.predictions.tolist()]
    # Labels that the model doesn't know count as wrong, and have no column of probabilities.
    happened = [index.get((type(v), v), -2) for v in truth]
    p, t = np.array(predicted), np.array(happened)
    seen = [i for i in range(len(classes)) if (t == i).any()]
    recalls = [float((p[t == i] == i).mean()) for i in seen]
    figures = [_metric("accuracy", (p == t).mean(), "higher")]
    if recalls:
        figures.append(_metric("balanced_accuracy", np.mean(recalls), "higher"))
        figures.append(_metric("f1_macro", _f1_macro(p, t), "higher", title="F1 (macro)"))
    known = t >= 0
    if outputs.probabilities is not None and known.any():
        probabilities = outputs.probabilities[known]
        figures.append(_metric("log_loss", log_loss(probabilities, t[known]), "lower"))
        if len(classes) == 2 and len(seen) == 2:
            area = roc_auc(probabilities[:, 1], t[known] == 1)
            figures.append(_metric("roc_auc", area, "higher", title="ROC AUC"))
    return tuple(figures)


def log_loss(probabilities: NDArray[np.float64], happened: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood of what happened: 0 is best.

    Args:
        probabilities: shape (n_rows, n_classes), rows sum to 1.
        happened: the column that came true, shape (n_rows,).
    """
    # A probability of exactly 0 would make the mean infinite: as elsewhere, clip at float64's eps.
    eps = np.finfo(np.float64).eps
    came_true = probabilities[np.arange(len(happened)), happened]
    return float(-np.log(np.clip(came_true, eps, 1 - eps)).mean())


def roc_auc(scores: NDArray[np.float64], happened: NDArray[np.bool_]) -> float:
    """The chance that a random positive scores above a random negative; ties count half.

    Args:
        scores: shape (n_rows,).
        happened: whether each row is a positive; both kinds occur.

    Source: Mann and Whitney (1947), Annals of Mathematical Statistics 18(1), 50-60.
    """
    _, where, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    n_positive = int(happened.sum())
    n_negative = len(happened) - n_positive
    rank_sum = float(mean_ranks[where][happened].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def _f1_macro(predicted: Array, truth: Array) -> float:
    occurring = sorted({*predicted.tolist(), *truth.tolist()})
    scores = []
    for label in occurring:
        hit = int(((predicted == label) & (truth == label)).sum())
        n_named, n_real = int((predicted == label).sum()), int((truth == label).sum())
        scores.append(2 * hit / (n_named + n_real))
    return float(np.mean(scores))


def _metric(name: str, value: Any, better: str, unit: str = "", title: str = "") -> Metric:
    return Metric(
        name=name,
        title=title or name.replace("_", " "),
        value=float(value),
        better="higher" if better == "higher" else "lower",
        unit=unit,
    )
