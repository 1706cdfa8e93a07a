"""What is passed between the exporters of a model's steps: columns and predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from podium.signature import Label


class NotCompiled(Exception):
    """Why one step has no program; the original is served then.

    Exporters give the reason; the builder adds the step and the estimator.
    """

    def __init__(self, why: str, *, step: str = "", estimator: Any = None) -> None:
        super().__init__(why)
        self.why = why
        self.step = step
        self.estimator = estimator


@dataclass(frozen=True, slots=True)
class Input:
    """A column of the table, unchanged.

    Attributes:
        column: its index.
        fill: replaces a missing cell; None leaves it missing.
    """

    column: int
    fill: Label | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """A column of a matrix that an operation returns."""

    register: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Relabelled:
    """Labels that replace the values of another column, cell by cell.

    Attributes:
        base: the other column.
        labels: known values of it, and what replaces each; None is a missing value.
        missing: the label for a missing value; None leaves it missing.
        unknown: the label for any other value; None makes it missing.
        keeps_unknown: whether any other value stays as it is, instead.
        refuses_missing: whether a missing value is an error, instead.
        refuses_unknown: whether any other value is one.
    """

    base: Column
    labels: tuple[tuple[Label, Label | None], ...] = ()
    missing: Label | None = None
    unknown: Label | None = None
    keeps_unknown: bool = False
    refuses_missing: bool = False
    refuses_unknown: bool = False


Column: TypeAlias = Input | Computed | Relabelled
Features: TypeAlias = tuple[Column, ...]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The outputs of a model, as registers. Which of them are set depends on the model.

    Attributes:
        values: numbers, one column for each output: a regressor's predictions.
        index: the index of the predicted class.
        classes: the labels, in the order of the index and of the probabilities.
        probabilities: one column for each class.
        scores: `decision_function`: one column, or one for each class; of a cluster, how well a row
            fits.
        distances: to the centre of each cluster, in the order of the classes.
        outputs: each output by itself, if a classifier has several.
    """

    values: int | None = None
    index: int | None = None
    classes: tuple[Label, ...] | None = None
    probabilities: int | None = None
    scores: int | None = None
    distances: int | None = None
    outputs: tuple[Fitted, ...] = ()
