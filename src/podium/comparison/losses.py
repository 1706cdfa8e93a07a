"""Losses: how far a recorded answer is from the truth, and the figures that mean losses make."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.errors import SetupError
from podium.outputs import Probabilities
from podium.packing.metrics import plain_label
from podium.signature import Label, Output
from podium.signature.labels import label_text

Losses: TypeAlias = tuple[float, ...]
_Means: TypeAlias = NDArray[np.float64]

# A probability of exactly 0 would make every mean infinite: clipped as in `packing.metrics`.
_EPS = float(np.finfo(np.float64).eps)
# The squares of the squares of larger errors, which variances are made of, would be infinite.
_ERROR_MAX = 1e75
_LABELS_MAX = 10_000
# Columns after the losses, of which other figures are made: of labels the codes of both, whether the
# second of two classes happened, and its probability; of numbers the square and the truth.
HAPPENED, PREDICTED, IS_POSITIVE, SHARE = 3, 4, 5, 6
SQUARE, NUMBER = 1, 2


class Answer(msgspec.Struct, frozen=True):
    """What is compared of a recorded answer."""

    prediction: Any = None
    probabilities: Probabilities | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure that a version is known by.

    Attributes:
        column: of the losses that it is made of.
        of_mean: the figure, of their mean.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    column: int
    of_mean: Callable[[_Means], _Means]

    @property
    def is_root(self) -> bool:
        """Whether it is the root of the mean, and else linear in it."""
        return self.of_mean is np.sqrt


def _rest(means: _Means) -> _Means:
    return 1 - means


def _same(means: _Means) -> _Means:
    return means


# The first one decides, where nothing else is asked for.
CLASSIFICATION = (
    Measure("accuracy", "accuracy", "higher", 0, _rest),
    Measure("log_loss", "log loss", "lower", 1, _same),
    Measure("brier_score", "Brier score", "lower", 2, _same),
)
REGRESSION = (
    Measure("mean_absolute_error", "mean absolute error", "lower", 0, _same),
    Measure("root_mean_squared_error", "root mean squared error", "lower", 1, np.sqrt),
)
QUANTILE = (Measure("mean_pinball_loss", "mean pinball loss", "lower", 0, _same),)


def measures_of(output: Output) -> tuple[Measure, ...]:
    """The measures of an output's task.

    Raises:
        SetupError: there are none: what is right can't be said of it.
    """
    if output.task == "classification":
        return CLASSIFICATION
    if output.task == "regression":
        return REGRESSION if output.quantile is None else QUANTILE
    raise SetupError(
        f"versions of a model of {output.task} can't be compared",
        hint="models of classification and regression can, whose predictions are right or wrong",
    )


def columns_of(output: Output) -> int:
    """How many numbers the losses of a row are."""
    return SHARE + 1 if output.task == "classification" else NUMBER + 1


def deciding_measure(measures: Sequence[Measure], name: str = "") -> Measure:
    """The measure of these that decides which version is better: the first one by default.

    Raises:
        SetupError: there is none of this name, or it isn't a mean of losses.
    """
    means = [one for one in measures if not one.is_root]
    for one in means:
        if one.name == (name or means[0].name):
            return one
    known = ", ".join(one.name for one in means)
    raise SetupError(f"{name!r} can't decide between versions", hint=f"known: {known}")


class Scorer(Protocol):
    """What makes losses of a version's answers; one for each version."""

    def losses(self, answer: Answer, truth: Any) -> Losses | None:
        """The losses of one answer, NaN where there is none; None where it can't be compared."""
        ...


class ClassLosses:
    """Losses of class labels: whether it is another one, the log loss, and the Brier score; then codes
    and shares, as the columns above.

    Args:
        classes: of the model. Labels of other types count as theirs, 1 as True and as "1", unless
            two classes would be the same then, such as "01" and "1".
        codes: of the labels, which grow.
    """

    def __init__(self, classes: Sequence[Label], codes: dict[str, int]) -> None:
        is_plain = len(set(map(_plain, classes))) == len(classes)
        self._text = _plain if is_plain else label_text
        self._codes = codes
        self._positive = self._text(classes[1]) if len(classes) == 2 else None
        self._names: dict[str, str | None] = {}  # as the probabilities call each label

    def losses(self, answer: Answer, truth: Any) -> Losses | None:
        """The losses of one answer; a true label that the version doesn't know was improbable."""
        if not isinstance(truth, (str, int, float)):
            return None
        if not isinstance(answer.prediction, (str, int, float)):
            return None
        happened, predicted = self._text(truth), self._text(answer.prediction)
        error = float(predicted != happened)
        codes = self._code(happened), self._code(predicted)
        if not answer.probabilities:
            return error, math.nan, math.nan, *codes, math.nan, math.nan
        shares: Any = answer.probabilities  # of one output
        share = shares.get(self._name(happened, shares) or "", 0.0)
        squares = sum(one * one for one in shares.values())
        surprise = -math.log(min(max(share, _EPS), 1 - _EPS))
        positive = math.nan, math.nan
        if self._positive is not None:
            second = shares.get(self._name(self._positive, shares) or "", 0.0)
            positive = float(happened == self._positive), second
        return error, surprise, squares - 2 * share + 1, *codes, *positive

    def _code(self, label: str) -> float:
        """All labels after many share a code."""
        if len(self._codes) >= _LABELS_MAX:
            return self._codes.get(label, _LABELS_MAX)
        return self._codes.setdefault(label, len(self._codes))

    def _name(self, label: str, shares: Mapping[str, float]) -> str | None:
        if label not in self._names:
            if len(self._names) == _LABELS_MAX:
                self._names.clear()
            self._names[label] = next((one for one in shares if self._text(one) == label), None)
        return self._names[label]


class NumberLosses:
    """Losses of numbers: the absolute error, and the squared one; then the truth.

    Args:
        quantile: that the numbers estimate: the pinball loss then takes the absolute error's place.
    """

    def __init__(self, quantile: float | None = None) -> None:
        self._quantile = quantile

    def losses(self, answer: Answer, truth: Any) -> Losses | None:
        """The losses of one answer."""
        predicted, happened = _number(answer.prediction), _number(truth)
        error = min(abs(predicted - happened), _ERROR_MAX)
        number = min(max(happened, -_ERROR_MAX), _ERROR_MAX)
        if math.isnan(error):
            return None
        share = 1.0
        if self._quantile is not None:
            share = self._quantile if happened > predicted else 1 - self._quantile
        return share * error, error * error, number


@lru_cache(maxsize=_LABELS_MAX, typed=True)
def _plain(label: str | float | bool) -> str:
    return plain_label(label)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan
