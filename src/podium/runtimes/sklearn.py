"""Fitted estimators with scikit-learn's interface, run as they are."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from podium.errors import ModelError, SetupError
from podium.outputs import Outputs, side_by_side
from podium.runtimes.formulas import words_of
from podium.runtimes.frames import frame_for
from podium.runtimes.protocol import RuntimeFeatures
from podium.runtimes.refusals import refusing_rows, without_predict
from podium.runtimes.several import (
    are_shares,
    in_columns,
    in_types,
    labels_in,
    names_of,
    probabilities_of,
    several_outputs,
    shares_of,
)
from podium.runtimes.steps import past_steps
from podium.runtimes.thresholds import threshold_of
from podium.runtimes.together import Together, quantile_of
from podium.runtimes.unsupervised import (
    distances_of,
    own_distances,
    scores_of,
    unsupervised_output,
)
from podium.runtimes.versions import skew, skew_hint
from podium.signature import Output, Signature, Task
from podium.table import Array, Table


class SklearnRuntime:
    """The original estimator behind the Runtime protocol."""

    features = RuntimeFeatures()

    def __init__(
        self, estimator: Any, signature: Signature, libraries: Mapping[str, str] | None = None
    ) -> None:
        self.estimator = estimator
        self.signature = signature
        self._libraries = libraries or {}  # versions that it was packed with

    def predict(self, table: Table) -> Outputs:
        """The estimator's own predictions.

        Raises:
            ModelError: the estimator raised, or dropped rows.
        """
        frame = frame_for(self.signature, table)
        try:
            with warnings.catch_warnings():
                # They concern training or how the frame was created: callers can't act on them.
                warnings.simplefilter("ignore")
                outputs = predict_with(self.estimator, frame, self.signature)
        except Exception as error:
            if table.n_rows == 1 and (beside := self._beside_itself(table)) is not None:
                return beside
            message = f"the model raised {type(error).__name__}"
            if differs := skew(self._libraries):
                message = f"{message}; it was packed with {differs}"
                raise ModelError(message, hint=skew_hint(self._libraries)) from error
            raise ModelError(message) from error
        if len(outputs) != table.n_rows:  # a step that removes rows with gaps, or outliers
            raise ModelError(f"the model predicted {len(outputs)} of {table.n_rows} rows")
        return outputs

    def _beside_itself(self, table: Table) -> Outputs | None:
        """The prediction for a row among two of its kind; None if that is refused as well.

        Some transformers return a vector for a single row, which the next step then refuses.
        """
        try:
            return self.predict(Table.concat([table, table])).rows(slice(0, 1))
        except ModelError:
            return None


def predict_with(estimator: Any, frame: Any, signature: Signature) -> Outputs:
    """The estimator's own predictions, in the form that the signature describes."""
    if isinstance(estimator, Together):
        return _of_each(estimator, frame, signature)
    estimator, frame = past_steps(estimator, frame)
    predictions = _plain(estimator.predict(frame))
    if len(signature.outputs) == 1 and predictions.ndim == 2 and predictions.shape[1] == 1:
        predictions = predictions[:, 0]
    if len(signature.outputs) > 1:
        shares = shares_of(estimator, frame, signature) if signature.has_probabilities else None
        return Outputs(in_types(predictions, signature.outputs), shares)
    output = signature.output
    if output.has_distances:
        distances = distances_of(estimator, frame, output.classes)
        scores = own_distances(distances, predictions, output.classes) if output.score else None
        return Outputs(predictions, scores=scores, distances=distances)
    scores = scores_of(estimator, frame, output.score) if output.score else None
    if not output.has_probabilities:
        return Outputs(predictions, scores=scores)
    shares = in_columns(estimator.predict_proba(frame), len(predictions))
    return Outputs(predictions, shares, scores=scores)


def outputs_of(
    estimator: Any, frame: Any, names: Sequence[str], targets: Array | None
) -> tuple[Output, ...]:
    """The estimator's outputs, determined from its predictions.

    Args:
        frame: a few training rows, as `frame_for` creates them.
        names: of the targets, if known.
        targets: the true target of the training rows, for its classes if the estimator lists none.

    Raises:
        SetupError: it has no `predict`, isn't fitted, or refuses the rows.
    """
    if isinstance(estimator, Together):
        return _outputs_of_each(estimator, frame, names, targets)
    predictions, model, rows = _predictions_for(estimator, frame)
    task = task_of(estimator)
    names = getattr(estimator, "output_names_", None) or names
    classes = getattr(estimator, "classes_", None)
    if predictions.dtype.kind == "b" and task == "regression":  # pygam's classifiers list none
        task, classes = "classification", np.array([False, True])
    if predictions.ndim == 2 and predictions.shape[1] > 1:
        names = names_of(predictions.shape[1], names)
        return several_outputs(estimator, frame, predictions, names, task)
    name = names[0] if names else "prediction"
    if task in ("anomaly", "clustering"):
        return (unsupervised_output(estimator, frame, predictions, task, name),)
    if task != "classification":
        return (Output(name=name, task=task),)
    if classes is None:
        classes = np.unique(predictions if targets is None else targets)
    if not np.isin(predictions, np.asarray(classes)).all():
        # With a custom objective some libraries return the raw scores, and no classes.
        return (Output(name=name, task="value"),)
    return (
        Output(
            name=name,
            task="classification",
            classes=labels_in(classes),
            has_probabilities=_has_probabilities(model, rows, (len(frame), len(classes))),
            threshold=threshold_of(estimator, frame),
        ),
    )


def _has_probabilities(model: Any, rows: Any, shape: tuple[int, int]) -> bool:
    shares = probabilities_of(model, rows)
    return shares is not None and are_shares(in_columns(shares, shape[0]), shape)


def _predictions_for(estimator: Any, frame: Any) -> tuple[Array, Any, Any]:
    """The predictions, and what `past_steps` returns."""
    if isinstance(estimator, type) or not callable(getattr(estimator, "predict", None)):
        raise without_predict(estimator)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, rows = past_steps(estimator, frame)
            predictions = _plain(model.predict(rows))
    except Exception as error:
        raise refusing_rows(estimator, error) from error
    if len(predictions) != len(frame):
        raise SetupError(f"the estimator returned {len(predictions)} predictions for {len(frame)}")
    return predictions, model, rows


def describe(estimator: Any) -> str:
    """The estimator in a few words: `Pipeline: SimpleImputer, LinearRegression`."""
    if isinstance(estimator, Together):
        return "; ".join(f"{name}: {describe(one)}" for name, one in estimator.models.items())
    if words := words_of(estimator):
        return words
    name = type(estimator).__name__
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps:
        return f"{name}: {', '.join(type(step).__name__ for _, step in steps)}"
    inner = getattr(estimator, "best_estimator_", None) or getattr(estimator, "estimator", None)
    return f"{name}: {describe(inner)}" if inner is not None and inner is not estimator else name


def _of_each(together: Together, frame: Any, signature: Signature) -> Outputs:
    """The predictions of models that were packed together, side by side."""
    parts = [
        predict_with(model, frame, replace(signature, outputs=(output,)))
        for model, output in zip(together.models.values(), signature.outputs, strict=True)
    ]
    shares = [one.probabilities for one in parts if one.probabilities is not None]
    predictions = side_by_side([one.predictions for one in parts])
    return Outputs(predictions, np.concatenate(shares, axis=1) if shares else None)


def _outputs_of_each(
    together: Together, frame: Any, names: Sequence[str], targets: Array | None
) -> tuple[Output, ...]:
    """An output for each of them; numbers may be estimates of one and the same target."""
    outputs = []
    for name, model in together.models.items():
        found = outputs_of(model, frame, (name,), targets)
        if len(found) > 1:
            raise SetupError(
                f"{name} has {len(found)} outputs, of which models that are packed together have one",
                hint="pack it alone",
            )
        quantile = quantile_of(model) if found[0].task == "regression" else None
        # Scores, distances and thresholds stand beside a single output.
        beside = {"score": "", "has_distances": False, "threshold": None}
        outputs.append(replace(found[0], **beside, quantile=quantile))
    if len(names) == 1 and all(one.task == "regression" for one in outputs):
        return tuple(replace(one, target=names[0]) for one in outputs)
    return tuple(outputs)


def task_of(estimator: Any) -> Task:
    """What the estimator is for, as its class says."""
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


def _plain(predictions: Any) -> Array:
    """Predictions as a numpy array; strings as Python objects."""
    array = np.atleast_1d(np.asarray(predictions))  # some return a single number for a single row
    return array.astype(object) if array.dtype.kind in "US" else array
