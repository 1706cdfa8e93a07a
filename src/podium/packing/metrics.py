"""Metrics: how far predictions are from the targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.bundle.card import Metric
from podium.outputs import Outputs
from podium.signature import Label, Output
from podium.table import Array


class Measured(NamedTuple):
    """Metrics, and why some are missing.

    Attributes:
        metrics: the first is the main one.
        notes: in sentences.
    """

    metrics: tuple[Metric, ...] = ()
    notes: tuple[str, ...] = ()


def measure(output: Output, outputs: Outputs, truth: Array) -> Measured:
    """The usual metrics for the output's task.

    Args:
        outputs: the model's predictions, n_rows of them.
        truth: the true values, shape (n_rows,).
    """
    if not len(truth) or output.task not in ("regression", "classification"):
        return Measured()
    if output.task == "regression":
        numbers = numbers_of(truth)
        if numbers is None:
            return Measured(notes=(f"No error was measured: {_sample(truth)} isn't a number.",))
        predicted = np.asarray(outputs.predictions, np.float64)
        quantile = output.quantile
        if quantile is None or quantile == 0.5:  # the median's absolute error is twice its loss
            figures = _regression(predicted, numbers, output.unit)
        else:
            figures = (_pinball(predicted, numbers, quantile, output.unit),)
    else:
        happened = places_of(truth.tolist(), output.classes)
        if (happened < 0).all():
            examples = ", ".join(map(repr, output.classes[:5]))
            why = f"the target's values, like {_sample(truth)}, aren't among the model's classes"
            do = f"({examples}). Give y as the model was fitted on it."
            return Measured(notes=(f"Nothing was measured: {why} {do}",))
        figures = _classification(output.classes, outputs, happened)
    return _finite_only(figures)


def numbers_of(truth: Array) -> NDArray[np.float64] | None:
    """True values as numbers; None if one isn't a number."""
    if truth.dtype.kind in "mM":
        return None
    try:
        return np.asarray(truth, np.float64)
    except (TypeError, ValueError):
        return None


def places_of(truth: Sequence[Any], classes: Sequence[Label]) -> NDArray[np.int64]:
    """The index of each true label among the model's classes; -2 if it isn't one of them.

    Targets may have other types than the estimator's classes, or be texts from a file: True is 1 is
    1.0, and the text "1" is 1 unless a class is that text.
    """
    exact = {(type(label), label): place for place, label in enumerate(classes)}
    by_value: dict[Any, int] = {label: place for place, label in enumerate(classes)}
    texts = [plain_label(label) for label in classes]
    # "01" and "1" are two classes: neither is what a number 1 means.
    by_text = {text: place for place, text in enumerate(texts) if texts.count(text) == 1}

    def place_of(label: Any) -> int:
        if (type(label), label) in exact:
            return exact[type(label), label]
        return by_value.get(label, by_text.get(plain_label(label), -2))

    return np.array([place_of(label) for label in truth], np.int64)


def plain_label(label: Any) -> str:
    """A label as it would appear in a file: 1, True, 1.0 and the text "1.0" are one."""
    if isinstance(label, str):
        text = label.strip()
        if text.lower() in ("true", "false"):
            return "1" if text.lower() == "true" else "0"
        try:
            number = float(text)
        except ValueError:
            return text
        return f"{number:.17g}" if text.lower()[-1:].isdigit() or text[-1:] == "." else text
    return f"{float(label):.17g}" if isinstance(label, (bool, int, float)) else str(label)


def _sample(truth: Array) -> str:
    return repr(truth.tolist()[0])[:60]


def _finite_only(figures: Sequence[Metric]) -> Measured:
    """Without those that can't be stored, and with a note about them."""
    finite = tuple(one for one in figures if math.isfinite(one.value))
    left = [one.title for one in figures if one not in finite]
    if not left:
        return Measured(finite)
    note = f"Not every figure could be measured: {', '.join(left)} wouldn't be finite numbers."
    return Measured(finite, (note,))


def _regression(predicted: Array, truth: NDArray[np.float64], unit: str) -> tuple[Metric, ...]:
    with np.errstate(all="ignore"):  # overflows are removed afterwards
        error = predicted - truth
        spread = float(((truth - truth.mean()) ** 2).sum())
        figures = [
            _metric("mean_absolute_error", np.abs(error).mean(), "lower", unit),
            _metric("root_mean_squared_error", np.sqrt((error**2).mean()), "lower", unit),
            _metric("median_absolute_error", np.median(np.abs(error)), "lower", unit),
        ]
        if spread:
            share = 1 - np.float64((error**2).sum()) / spread
            figures.append(_metric("r2", share, "higher", title="R²"))
    return tuple(figures)


def _pinball(predicted: Array, truth: NDArray[np.float64], quantile: float, unit: str) -> Metric:
    """The loss that a model of a quantile minimizes: least where so many values are below it.

    Source: Koenker and Bassett (1978), Econometrica 46(1), 33-50.
    """
    with np.errstate(all="ignore"):  # overflows are removed afterwards
        missed = truth - predicted
        losses = np.maximum(quantile * missed, (quantile - 1) * missed)
    return _metric("mean_pinball_loss", losses.mean(), "lower", unit)


def _classification(
    classes: Sequence[Label], outputs: Outputs, t: NDArray[np.int64]
) -> tuple[Metric, ...]:
    """Labels that the model doesn't know count as wrong, and have no column of probabilities."""
    p = places_of(outputs.predictions.tolist(), classes)
    p = np.where(p < 0, -1, p)
    present = [i for i in range(len(classes)) if (t == i).any()]
    recalls = [float((p[t == i] == i).mean()) for i in present]
    figures = [_metric("accuracy", (p == t).mean(), "higher")]
    figures.append(_metric("balanced_accuracy", np.mean(recalls), "higher"))
    figures.append(_metric("f1_macro", _f1_macro(p, t), "higher", title="F1 (macro)"))
    is_labelled = t >= 0
    if outputs.probabilities is not None:
        probabilities = outputs.probabilities[is_labelled]
        figures.append(_metric("log_loss", log_loss(probabilities, t[is_labelled]), "lower"))
        if len(classes) == 2 and len(present) == 2:
            area = roc_auc(probabilities[:, 1], t[is_labelled] == 1)
            figures.append(_metric("roc_auc", area, "higher", title="ROC AUC"))
    return tuple(figures)


def log_loss(probabilities: NDArray[np.float64], happened: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood of the true classes: 0 is best.

    Args:
        probabilities: shape (n_rows, n_classes), rows sum to 1.
        happened: the index of the true class, shape (n_rows,).
    """
    # A probability of exactly 0 would make the mean infinite: as usual, clip at float64's eps.
    eps = np.finfo(np.float64).eps
    shares = probabilities[np.arange(len(happened)), happened]
    return float(-np.log(np.clip(shares, eps, 1 - eps)).mean())


def roc_auc(scores: NDArray[np.float64], happened: NDArray[np.bool_]) -> float:
    """The probability that a random positive scores above a random negative; ties count half.

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
