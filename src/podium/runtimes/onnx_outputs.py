"""The meaning of an ONNX graph's outputs: labels, probabilities, class scores, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from podium.errors import ModelError, SetupError
from podium.outputs import Outputs
from podium.signature import Label, Output, Signature
from podium.table import Array, plain_values

# How a tensor of scores becomes probabilities: softmax: columns of any numbers, one for each class;
# sigmoid: one such column, for the second of two classes; share: one column that already is the
# probability of the second class.
Link: TypeAlias = Literal["", "softmax", "sigmoid", "share"]
LINKS: tuple[Link, ...] = ("", "softmax", "sigmoid", "share")


def described(
    tensors: Sequence[Any], targets: Sequence[Array], names: Sequence[str]
) -> tuple[Output, ...]:
    """The graph's outputs, inferred from its predictions and the true targets.

    A graph that returns labels, or rows of probabilities that sum to 1, is a classifier. One that
    returns other numbers is a classifier if the targets are labels: strings, booleans, or as many
    integers as there are columns.

    Args:
        tensors: the graph's tensors for some rows.
        targets: the true targets of these rows, one column each.
        names: of the targets, if known.

    Raises:
        SetupError: predictions and targets don't match.
    """
    name = names[0] if names else "prediction"
    maps, labels, numbers = _map_of(tensors), _labels_of(tensors), _numbers_of(tensors)
    if maps is not None:
        return (_classes(name, tuple(maps[0]), True),)
    if labels is not None:
        matrix = next((n for n in numbers if n.ndim == 2 and n.shape[1] > 1), None)
        return (_of_labels(name, labels, matrix, targets),)
    if not numbers:
        raise SetupError("the ONNX graph returns neither labels nor numbers")
    n_columns = _n_columns(numbers[0])
    if n_columns > 1:
        return _of_columns(numbers[0], targets, names)
    classes = _classes_of(targets, 2)
    if classes and (not _are_integers(classes) or _is_share(numbers[0])):
        return (_classes(name, classes, True),)
    return (Output(name=name, task="regression"),)


def link_of(tensors: Sequence[Any], output: Output) -> Link:
    """How the graph's numbers become the probabilities of this output's classes.

    Raises:
        SetupError: they can't: there are too few or too many of them.
    """
    numbers = _numbers_of(tensors)
    if output.task != "classification" or _map_of(tensors) or not numbers:
        return ""
    if _labels_of(tensors) is not None:
        return ""
    first, n_classes = numbers[0], len(output.classes)
    n_columns = _n_columns(first)
    if n_columns == 1 and n_classes == 2:
        return "share" if _is_share(first) else "sigmoid"
    if n_columns != n_classes:
        raise SetupError(
            f"the graph returns {n_columns} numbers a row, but the target has {n_classes} classes: "
            f"{', '.join(map(str, output.classes[:10]))}",
            hint="give the classes in the order of the columns: signature={'outputs': "
            "[{'task': 'classification', 'classes': [...]}]}",
        )
    return "" if _sum_to_one(first) else "softmax"


def outputs_from(tensors: Sequence[Any], signature: Signature, link: Link = "") -> Outputs:
    """ONNX's outputs as ours.

    Raises:
        ModelError: they don't match the signature.
    """
    output = signature.output
    if output.task != "classification":
        return Outputs(_flat(np.asarray(tensors[0])))
    probabilities = _probabilities(tensors, output.classes, link)
    labels = _labels_of(tensors)
    if labels is None:
        if probabilities is None:
            raise ModelError("the ONNX graph returns neither a label nor probabilities")
        classes = np.array(output.classes, dtype=object)
        predictions = _typed(classes[probabilities.argmax(axis=1)], output.classes)
    else:
        predictions = _typed(_flat(labels), output.classes)
    return Outputs(predictions, probabilities if output.has_probabilities else None)


def _map_of(tensors: Sequence[Any]) -> list[dict[Label, float]] | None:
    """The output of a ZipMap: a dict of probabilities by label for each row."""
    return next((a for a in tensors if isinstance(a, list) and a and isinstance(a[0], dict)), None)


def _labels_of(tensors: Sequence[Any]) -> Array | None:
    arrays = [np.asarray(a) for a in tensors if not _is_map(a)]
    kinds = "iuUOb"
    return next(
        (a for a in arrays if a.dtype.kind in kinds and (a.ndim == 1 or a.shape[1:] == (1,))), None
    )


def _numbers_of(tensors: Sequence[Any]) -> list[Array]:
    arrays = [np.asarray(a) for a in tensors if not _is_map(a)]
    return [a for a in arrays if a.dtype.kind == "f" and a.ndim in (1, 2)]


def _is_map(tensor: Any) -> bool:
    return isinstance(tensor, list) and bool(tensor) and isinstance(tensor[0], dict)


def _of_labels(name: str, labels: Array, matrix: Array | None, targets: Sequence[Array]) -> Output:
    if targets:
        classes: tuple[Label, ...] = tuple(np.unique(targets[0]).tolist())
    elif matrix is not None:
        classes = tuple(range(matrix.shape[1]))
    else:
        classes = tuple(np.unique(labels).tolist())
    if matrix is not None and len(classes) != matrix.shape[1]:
        raise SetupError(
            f"the ONNX graph returns {matrix.shape[1]} probabilities, but the target has "
            f"{len(classes)} classes: {', '.join(map(str, classes[:10]))}"
        )
    return _classes(name, classes, matrix is not None)


def _of_columns(
    numbers: Array, targets: Sequence[Array], names: Sequence[str]
) -> tuple[Output, ...]:
    n_columns = numbers.shape[1]
    name = names[0] if names else "prediction"
    if len(targets) == n_columns:
        output_names = names if len(names) == n_columns else [f"y{i}" for i in range(n_columns)]
        return tuple(Output(name=one, task="regression") for one in output_names)
    classes = _classes_of(targets, n_columns)
    if classes or _sum_to_one(numbers):
        return (_classes(name, classes or tuple(range(n_columns)), True),)
    if targets:
        raise SetupError(
            f"the graph returns {n_columns} numbers a row; the target has neither so many columns "
            f"nor {n_columns} classes",
            hint="pass y as it was in training",
        )
    return tuple(Output(name=f"y{i}", task="regression") for i in range(n_columns))


def _classes(name: str, classes: tuple[Label, ...], has_probabilities: bool) -> Output:
    return Output(
        name=name,
        task="classification",
        classes=classes,
        has_probabilities=has_probabilities,
    )


def _classes_of(targets: Sequence[Array], n_classes: int) -> tuple[Label, ...]:
    """The labels of the only target, in order; none if their number is another one."""
    if len(targets) != 1 or not len(targets[0]):
        return ()
    labels: tuple[Label, ...] = tuple(np.unique(targets[0]).tolist())
    if _are_integers(labels) and set(labels) <= set(range(n_classes)):
        return tuple(range(n_classes))  # numbered classes, some of which may not occur in the rows
    is_number = targets[0].dtype.kind == "f"
    return labels if len(labels) == n_classes and not is_number else ()


def _are_integers(labels: Sequence[Label]) -> bool:
    return all(isinstance(one, int) and not isinstance(one, bool) for one in labels)


def _n_columns(numbers: Array) -> int:
    return 1 if numbers.ndim == 1 else int(numbers.shape[1])


def _is_share(numbers: Array) -> bool:
    finite = numbers[np.isfinite(numbers)]
    return bool(len(finite)) and bool(((finite >= 0) & (finite <= 1)).all())


def _sum_to_one(numbers: Array) -> bool:
    sums = numbers[np.isfinite(numbers).all(axis=1)].sum(axis=1)
    return _is_share(numbers) and bool(np.allclose(sums, 1, atol=1e-4))


def _probabilities(tensors: Sequence[Any], classes: Sequence[Label], link: Link) -> Array | None:
    maps = _map_of(tensors)
    if maps is not None:
        return np.array([[row[label] for label in classes] for row in maps], np.float64)
    for numbers in _numbers_of(tensors):
        numbers = numbers.astype(np.float64)
        if link in ("sigmoid", "share") and _n_columns(numbers) == 1:
            second = numbers.reshape(-1)
            second = second if link == "share" else _sigmoid(second)
            return np.column_stack([1 - second, second])
        if numbers.ndim == 2 and numbers.shape[1] == len(classes):
            return _softmax(numbers) if link == "softmax" else numbers
    return None


def _sigmoid(scores: Array) -> Array:
    small = np.exp(-np.abs(scores))
    return np.where(scores >= 0, 1 / (1 + small), small / (1 + small))


def _softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _typed(labels: Array, classes: Sequence[Label]) -> Array:
    """Labels with the type of the classes."""
    values = plain_values(labels)
    if classes and isinstance(classes[0], bool):
        return np.array([bool(value) for value in values], np.bool_)
    if labels.dtype.kind in "UO" and not all(isinstance(one, str) for one in classes):
        return np.array(values)
    return labels.astype(object) if labels.dtype.kind == "U" else labels


def _flat(array: Array) -> Array:
    array = array.astype(np.float64) if array.dtype.kind == "f" else array
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
