"""Models without a target: their labels, the names of these labels, their scores and distances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from podium.runtimes.several import are_shares, probabilities_of
from podium.runtimes.steps import model_in, steps_of
from podium.signature import Label, Output, ScoreKind, Task
from podium.signature.labels import cluster_label
from podium.table import Array

_OUTLIER_WORDS = {-1: "outlier", 1: "normal"}
_METHODS: dict[ScoreKind, str] = {
    "decision_function": "decision_function",
    "log_likelihood": "score_samples",
}


def unsupervised_output(
    estimator: Any, frame: Any, predictions: Array, task: Task, name: str
) -> Output:
    """The output of a model of clusters or outliers.

    Args:
        predictions: for the rows of `frame`.
    """
    labels = (-1, 1) if task == "anomaly" else _cluster_labels(model_in(estimator))
    if not np.isin(predictions, labels).all():
        return Output(name=name, task=task)
    words = _OUTLIER_WORDS if task == "anomaly" else _cluster_words(labels)
    score = _score_kind(estimator, frame, predictions, task)
    return Output(
        name=name,
        task=task,
        classes=labels,
        words=tuple(words[label] for label in labels),
        has_probabilities=are_shares(probabilities_of(estimator, frame), (len(frame), len(labels))),
        score=score,
        has_distances=score == "distance",
    )


def scores_of(estimator: Any, frame: Any, kind: ScoreKind) -> NDArray[np.float64]:
    """The score of each row, shape (n_rows,).

    It is the estimator's own, or the distance to the centre of the row's cluster.
    """
    if kind != "distance":
        return np.asarray(getattr(estimator, _METHODS[kind])(frame), np.float64)
    model, features = _reached(estimator, frame)
    centres = np.asarray(_centres(model), np.float64)
    if _is_nearest(model):
        from sklearn.metrics import pairwise_distances_argmin

        nearest = pairwise_distances_argmin(features, centres)
    else:
        nearest = np.asarray(model.predict(features))
    if hasattr(features, "tocsr"):
        return _sparse_distances(features.tocsr(), centres, nearest)
    away = np.asarray(features, np.float64) - centres[nearest]
    distances: NDArray[np.float64] = np.sqrt((away**2).sum(axis=1))
    return distances


def distances_of(estimator: Any, frame: Any, labels: Sequence[Label]) -> NDArray[np.float64]:
    """The distance of each row to each cluster, shape (n_rows, n_clusters).

    A cluster of several centres is as far away as the nearest of them.

    Args:
        labels: of the clusters, in the order of the columns.
    """
    model, features = _reached(estimator, frame)
    centres = np.asarray(_centres(model), np.float64)
    if hasattr(features, "tocsr"):
        features = features.tocsr()
        far = [
            _sparse_distances(features, centre[None], np.zeros(features.shape[0], np.intp))
            for centre in centres
        ]
    else:
        rows = np.asarray(features, np.float64)
        far = [np.sqrt(((rows - centre) ** 2).sum(axis=1)) for centre in centres]
    of_centre = model.subcluster_labels_ if _is_nearest(model) else range(len(centres))
    distances = np.full((len(far[0]), len(labels)), np.inf)
    for label, one in zip(of_centre, far, strict=True):
        column = distances[:, labels.index(label)]
        np.minimum(column, one, out=column)
    return distances


def own_distances(
    distances: NDArray[np.float64], predictions: Array, labels: Sequence[Label]
) -> NDArray[np.float64]:
    """The distance of each row to its own cluster."""
    places = {label: place for place, label in enumerate(labels)}
    own = [places[label] for label in predictions.tolist()]
    return distances[np.arange(len(distances)), own]


def _cluster_labels(model: Any) -> tuple[int, ...]:
    """The labels that `predict` can return; none where the model doesn't list them."""
    if hasattr(model, "subcluster_labels_"):
        return tuple(np.unique(model.subcluster_labels_).tolist())
    of = _centres(model)
    of = getattr(model, "weights_", None) if of is None else of
    if of is not None:
        return tuple(range(len(of)))
    return tuple(np.unique(getattr(model, "labels_", ())).tolist())


def _cluster_words(labels: tuple[int, ...]) -> dict[int, str]:
    n_clusters = sum(label >= 0 for label in labels)
    return {
        label: cluster_label(label, n_clusters) if label >= 0 else "no cluster" for label in labels
    }


def _score_kind(estimator: Any, frame: Any, predictions: Array, task: Task) -> ScoreKind:
    """The kind of score."""
    kind: ScoreKind = "decision_function"
    if task == "clustering":
        kind = "log_likelihood" if _centres(model_in(estimator)) is None else "distance"
    try:
        scores = scores_of(estimator, frame, kind)
    except Exception:  # noqa: BLE001 - no such method, or one that this configuration lacks
        return ""
    if scores.shape != predictions.shape or not np.isfinite(scores).all():
        return ""
    # Another library's outlier detector might use the opposite sign.
    differs = (scores < 0) != (predictions == -1)
    return "" if task == "anomaly" and (differs & (scores != 0)).any() else kind


def _centres(model: Any) -> Any:
    name = "subcluster_centers_" if _is_nearest(model) else "cluster_centers_"
    centres = getattr(model, name, None)
    return centres if isinstance(centres, np.ndarray) and centres.ndim == 2 else None


def _is_nearest(model: Any) -> bool:
    """Whether a cluster has several centres, of which the nearest counts."""
    return hasattr(model, "subcluster_centers_")


def _reached(estimator: Any, frame: Any) -> tuple[Any, Any]:
    """That model, and its input for these rows."""
    if steps := steps_of(estimator):
        for _, step in steps[:-1]:
            if step is not None and not isinstance(step, str):  # "passthrough"
                frame = step.transform(frame)
        return _reached(steps[-1][1], frame)
    best = getattr(estimator, "best_estimator_", None)
    return (estimator, frame) if best is None else _reached(best, frame)


def _sparse_distances(rows: Any, centres: Array, nearest: Array) -> NDArray[np.float64]:
    """The same for sparse rows, without expanding them."""
    squares = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
    for number, centre in enumerate(centres):
        here = nearest == number
        squares[here] += centre @ centre - 2.0 * (rows[here] @ centre)
    distances: NDArray[np.float64] = np.sqrt(np.maximum(squares, 0.0))
    return distances
