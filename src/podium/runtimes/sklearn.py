"""Fitted estimators with scikit-learn's interface, run as they are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.errors import ModelError, SetupError
from podium.runtimes.frames import frame_for
from podium.runtimes.protocol import RuntimeFeatures
from podium.signature import Label, Output, Signature, Task
from podium.table import Array, Outputs, Table


class SklearnRuntime:
    """The original estimator behind the Runtime protocol."""

    features = RuntimeFeatures()

    def __init__(self, estimator: Any, signature: Signature) -> None:
        self.estimator = estimator
        self.signature = signature

    def predict(self, table: Table) -> Outputs:
        """The estimator's own answers.

        Raises:
            ModelError: the estimator raised.
        """
        frame = frame_for(self.signature, table)
        try:
            with warnings.catch_warnings():
                # They are about training or about how the frame was made: nothing for a caller.
                warnings.simplefilter("ignore")
                return self._outputs(frame)
        except Exception as error:
            raise ModelError(f"the model raised {type(error).__name__}") from error

    def _outputs(self, frame: Any) -> Outputs:
        predictions = _plain(self.estimator.predict(frame))
        if len(self.signature.outputs) == 1 and predictions.ndim == 2 and predictions.shape[1] == 1:
            predictions = predictions[:, 0]
        if not self.signature.output.has_probabilities:
            return Outputs(predictions)
        probabilities = np.asarray(self.estimator.predict_proba(frame), np.float64)
        return Outputs(predictions, probabilities)


def outputs_of(
    estimator: Any, frame: Any, names: Sequence[str], known: Array | None
) -> tuple[Output, ...]:
    """What the estimator answers, found out by asking it.

    Args:
        frame: a few training rows, as `frame_for` makes them.
        names: of the targets, as far as known.
        known: the true target of the training rows, for its classes where the estimator has none.

    Raises:
        SetupError: it has no `predict`, isn't fitted, or refuses the rows.
    """
    if not callable(getattr(estimator, "predict", None)):
        raise SetupError(
            f"{type(estimator).__name__} has no predict()",
            hint="pack a fitted estimator; one that only transforms goes into a Pipeline before it",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = _plain(estimator.predict(frame))
    except Exception as error:
        fitted = "" if "NotFitted" not in type(error).__name__ else " It isn't fitted yet."
        raise SetupError(
            f"{type(estimator).__name__} can't predict the rows that were given: {error}.{fitted}",
            hint="give X as the estimator was fitted on: the same columns, in the same kind of table",
        ) from error
    if len(answer) != len(frame):
        raise SetupError(f"the estimator answered {len(answer)} rows for {len(frame)}")
    task = _task(estimator)
    classes = getattr(estimator, "classes_", None)
    if answer.ndim == 2 and answer.shape[1] > 1:
        return _several(answer.shape[1], names, task, classes)
    name = names[0] if names else "prediction"
    if task != "classification":
        return (Output(name=name, task=task),)
    if classes is None:
        classes = np.unique(answer if known is None else known)
    return (
        Output(
            name=name,
            task="classification",
            classes=_labels(classes),
            has_probabilities=_has_probabilities(estimator, frame, len(classes)),
        ),
    )


def describe(estimator: Any) -> str:
    """The estimator in a few words: `Pipeline: SimpleImputer, LinearRegression`."""
    name = type(estimator).__name__
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps:
        return f"{name}: {', '.join(type(step).__name__ for _, step in steps)}"
    inner = getattr(estimator, "best_estimator_", None) or getattr(estimator, "estimator", None)
    return f"{name}: {describe(inner)}" if inner is not None and inner is not estimator else name


def _task(estimator: Any) -> Task:
    kind = getattr(estimator, "_estimator_type", None)
    if kind is None:
        try:
            kind = estimator.__sklearn_tags__().estimator_type
        except AttributeError:
            kind = "classifier" if hasattr(estimator, "classes_") else "regressor"
    tasks: dict[str | None, Task] = {
        "classifier": "classification",
        "clusterer": "clustering",
        "outlier_detector": "anomaly",
        "DensityEstimator": "clustering",
        "density_estimator": "clustering",
    }
    return tasks.get(kind, "regression")


def _several(n_outputs: int, names: Sequence[str], task: Task, classes: Any) -> tuple[Output, ...]:
    given = list(names) if len(names) == n_outputs else [f"y{i}" for i in range(n_outputs)]
    lists = classes if isinstance(classes, list) else [()] * n_outputs
    return tuple(
        Output(name=name, task=task, classes=_labels(labels) if task == "classification" else ())
        for name, labels in zip(given, lists, strict=True)
    )


def _has_probabilities(estimator: Any, frame: Any, n_classes: int) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            probabilities = np.asarray(estimator.predict_proba(frame))
    except Exception:  # noqa: BLE001 - no such method, or one that this configuration lacks
        return False
    return probabilities.shape == (len(frame), n_classes)


def _labels(classes: Any) -> tuple[Label, ...]:
    return tuple(np.asarray(classes).tolist())


def _plain(answer: Any) -> Array:
    """Predictions as a numpy array; texts as Python's own."""
    array = np.asarray(answer)
    return array.astype(object) if array.dtype.kind in "US" else array
