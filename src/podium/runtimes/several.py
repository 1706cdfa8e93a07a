"""Estimators with several outputs: one after another, in chains, and label matrices."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from podium.errors import SetupError
from podium.outputs import side_by_side
from podium.runtimes.steps import model_in
from podium.signature import Label, Output, Signature, Task
from podium.table import Array

# Rounding in single precision exceeds 1 by less.
ROUNDING = 1e-5


def names_of(n_outputs: int, names: Sequence[str]) -> list[str]:
    """The names of the outputs: those of the targets, if they are known."""
    return list(names) if len(names) == n_outputs else [f"y{i}" for i in range(n_outputs)]


def several_outputs(
    estimator: Any, frame: Any, predictions: Array, names: Sequence[str], task: Task
) -> tuple[Output, ...]:
    """The outputs of an estimator that predicts several at once.

    Args:
        frame: a few training rows.
        predictions: for these rows.
        names: one for each output.
    """
    if task != "classification":
        return tuple(Output(name=name, task=task) for name in names)
    classes = classes_of(estimator, len(names))
    if not all(map(_are_labels, predictions.T, classes)):
        # With a custom objective some libraries return the raw score of each class.
        return tuple(Output(name=name, task="value") for name in names)
    shares = _by_output(probabilities_of(estimator, frame), len(names))
    return tuple(
        Output(
            name=name,
            task=task,
            classes=labels,
            has_probabilities=are_shares(some, (len(frame), len(labels))),
        )
        for name, labels, some in zip(names, classes, shares, strict=True)
    )


def shares_of(estimator: Any, frame: Any, signature: Signature) -> NDArray[np.float64]:
    """The probabilities of the outputs that have some, side by side: (n_rows, n_probabilities)."""
    outputs = signature.outputs
    shares = _by_output(estimator.predict_proba(frame), len(outputs))
    parts = [some for some, one in zip(shares, outputs, strict=True) if one.has_probabilities]
    return np.concatenate([np.asarray(part, np.float64) for part in parts], axis=1)


def in_types(predictions: Array, outputs: Sequence[Output]) -> Array:
    """Predictions of shape (n_rows, n_outputs) in the types of the labels.

    A chain of classifiers returns all labels as doubles, and false beside numbers is 0.
    """
    if predictions.dtype.kind not in "fi":
        return predictions
    kinds = [{type(label) for label in one.classes} for one in outputs]
    own: Any = predictions.dtype
    dtypes = [np.int64 if k == {int} else np.bool_ if k == {bool} else own for k in kinds]
    if all(dtype == own for dtype in dtypes):
        return predictions
    columns = zip(predictions.T, dtypes, strict=True)
    return side_by_side([column.astype(dtype) for column, dtype in columns])


def probabilities_of(estimator: Any, frame: Any) -> Any:
    """What `predict_proba` returns; None if it can't be called."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return estimator.predict_proba(frame)
    except Exception:  # noqa: BLE001 - no such method, or one that this configuration lacks
        return None


def in_columns(shares: Any, n_rows: int) -> NDArray[np.float64]:
    """Probabilities with a column for each class: pygam returns those of the second class alone."""
    array = np.asarray(shares, np.float64)
    if array.ndim == 1 and len(array) == n_rows:
        return np.column_stack([1 - array, array])
    return np.atleast_2d(array)


def are_shares(numbers: Any, shape: tuple[int, int]) -> bool:
    """Whether these are probabilities; those of a raw score, or of a custom objective, may be any."""
    if numbers is None:
        return False
    numbers = np.asarray(numbers)
    is_within = bool(((numbers > -ROUNDING) & (numbers < 1 + ROUNDING)).all())
    return is_within and numbers.shape == shape


def labels_in(classes: Any) -> tuple[Label, ...]:
    """The classes of one output, as plain values.

    Raises:
        SetupError: one isn't a text, a number or a boolean.
    """
    labels = tuple(np.asarray(classes).tolist())
    odd = next((one for one in labels if not isinstance(one, (bool, int, float, str))), None)
    if odd is not None:
        raise SetupError(
            f"its classes are of type {type(odd).__name__}: {odd!r}",
            hint="a class is a text, a number or a boolean: fit on y as text, y.astype(str)",
        )
    return labels


def _are_labels(predictions: Array, labels: tuple[Label, ...]) -> bool:
    return not labels or bool(np.isin(predictions, np.array(labels)).all())


def classes_of(estimator: Any, n_outputs: int) -> list[tuple[Label, ...]]:
    """The classes of each output; those of a label matrix are 0 and 1. Empty where they are unknown."""
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list) and len(classes) == n_outputs:
        lists = [labels_in(labels) for labels in classes]
        # A chain lists them in the order of its models.
        order = getattr(model_in(estimator), "order_", None)
        return lists if order is None else [lists[list(order).index(i)] for i in range(n_outputs)]
    # Some libraries list the labels, others the values that each of them has.
    if classes is not None and (len(classes) == n_outputs or labels_in(classes) == (0, 1)):
        return [(0, 1)] * n_outputs
    return [()] * n_outputs


def _by_output(shares: Any, n_outputs: int) -> list[Any]:
    """The probabilities of each output, shape (n_rows, n_classes), or None.

    Label matrices and chains have one column for each output: the probability of its second class.
    """
    if isinstance(shares, list) and len(shares) == n_outputs:
        return shares
    matrix = None if shares is None or isinstance(shares, list) else np.asarray(shares, np.float64)
    if matrix is None or matrix.ndim != 2 or matrix.shape[1] != n_outputs:
        return [None] * n_outputs
    return [np.stack([1 - second, second], axis=1) for second in matrix.T]
