"""The baseline: the distribution of each field in training, for detecting drift later."""

from __future__ import annotations

import msgspec
import numpy as np

from podium.outputs import Outputs
from podium.signature import Field, Signature
from podium.signature.labels import label_text
from podium.table import Array, Table, is_missing, plain_values

N_BINS = 20
TOP_CATEGORIES = 50


class Histogram(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The distribution of the training rows.

    Attributes:
        n_rows: rows in total, including the missing ones.
        n_missing: rows without a value.
        edges: of the bins, one more than counts: numbers, seconds since 1970 for times, characters
            for texts. Bins include their left edge, the last one both.
        labels: of the categories that are counted individually.
        counts: rows in each bin or category.
        n_other: rows with a rarer category.
        mean: of the numbers.
        deviation: their standard deviation.
    """

    n_rows: int
    n_missing: int = 0
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    n_other: int = 0
    mean: float | None = None
    deviation: float | None = None


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """One histogram for each field, by name, and one of the predictions for the same rows.

    Attributes:
        scores: of the numbers beside the labels of a model without a target.
    """

    fields: dict[str, Histogram] = {}
    outputs: dict[str, Histogram] = {}
    scores: Histogram | None = None


def baseline_of(signature: Signature, table: Table, predicted: Outputs) -> Baseline:
    """The baseline of the training rows.

    Args:
        table: with the signature's fields.
        predicted: the model's output for these rows.
    """
    fields = {f.name: histogram_of(f, table.columns[f.name]) for f in signature.fields}
    columns = predicted.predictions.reshape(len(predicted), -1)
    outputs = {
        output.name: _labels(column, len(output.words)) if output.classes else _any(column)
        for output, column in zip(signature.outputs, columns.T, strict=True)
    }
    scores = None if predicted.scores is None else _numbers(predicted.scores)
    return Baseline(fields=fields, outputs=outputs, scores=scores)


def histogram_of(field: Field, column: Array) -> Histogram:
    """The histogram of one field's column."""
    if field.type in ("category", "boolean"):
        return _labels(column)
    if field.type == "text":
        lengths = np.array([np.nan if v is None else len(v) for v in column], np.float64)
        return _numbers(lengths)
    if field.type in ("date", "datetime"):
        seconds = column.astype("datetime64[s]").astype(np.float64)
        seconds[np.isnat(column)] = np.nan
        return _numbers(seconds)
    return _numbers(column.astype(np.float64))


def _any(column: Array) -> Histogram:
    if column.dtype.kind in "if":
        return _numbers(column.astype(np.float64))
    if all(isinstance(v, (bool, int, float, str)) for v in column):
        return _labels(column)
    return Histogram(n_rows=len(column))


def _numbers(values: Array) -> Histogram:
    finite = values[np.isfinite(values)]
    n_missing = len(values) - len(finite)
    if not len(finite):
        return Histogram(n_rows=len(values), n_missing=n_missing)
    counts, edges = np.histogram(finite, bins=_edges(finite))
    return Histogram(
        n_rows=len(values),
        n_missing=n_missing,
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        mean=float(finite.mean()),
        deviation=float(finite.std()),
    )


def _edges(finite: Array) -> Array:
    """Bin edges: one for each value if there are few, otherwise of equal width."""
    different = np.unique(finite)
    if len(different) <= N_BINS:
        return np.append(different, np.nextafter(different[-1], np.inf))
    edges = np.linspace(finite.min(), finite.max(), N_BINS + 1)
    # Values so close, or so far apart, that doubles can't divide the range.
    if not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        return np.array([different[0], np.nextafter(different[-1], np.inf)])
    return edges


def _labels(column: Array, n_least: int = 0) -> Histogram:
    """The frequency of each label; only the most frequent ones if there are very many."""
    missing = is_missing(column)
    texts = [label_text(v) for v in plain_values(column[~missing])]
    labels, counts = np.unique(np.array(texts, dtype=object), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    n_counted = max(TOP_CATEGORIES, n_least)
    top = order[:n_counted]
    return Histogram(
        n_rows=len(column),
        n_missing=int(missing.sum()),
        labels=tuple(str(labels[i]) for i in top),
        counts=tuple(int(counts[i]) for i in top),
        n_other=int(counts[order[n_counted:]].sum()),
    )
