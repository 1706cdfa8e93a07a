"""The baseline: how each field was spread in training, to tell later how far the world moved."""

from __future__ import annotations

import msgspec
import numpy as np

from podium.signature import Field, Signature
from podium.signature.reading import label_text
from podium.table import Array, Table, is_missing, plain_values

N_BINS = 20
TOP_CATEGORIES = 50


class Histogram(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many training rows fell where.

    Attributes:
        n_rows: rows in all, with the missing ones.
        n_missing: rows without a value.
        edges: of the bins, one more than counts: numbers, seconds since 1970 for times,
            characters for texts. Bins include their left edge, the last one both.
        labels: of the categories that are counted one by one.
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
    """One histogram a field, by name, and one of the model's own answers on the same rows."""

    fields: dict[str, Histogram] = {}
    outputs: dict[str, Histogram] = {}


def baseline_of(signature: Signature, table: Table, predictions: Array) -> Baseline:
    """The baseline of the training rows.

    Args:
        table: as the signature's fields have it.
        predictions: of the model for these rows, shape (n_rows,) or (n_rows, n_outputs).
    """
    fields = {f.name: histogram_of(f, table.columns[f.name]) for f in signature.fields}
    columns = predictions if predictions.ndim == 2 else predictions.reshape(-1, 1)
    outputs = {
        output.name: _labels(column) if output.classes else _any(column)
        for output, column in zip(signature.outputs, columns.T, strict=True)
    }
    return Baseline(fields=fields, outputs=outputs)


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
    known = values[np.isfinite(values)]
    n_missing = len(values) - len(known)
    if not len(known):
        return Histogram(n_rows=len(values), n_missing=n_missing)
    counts, edges = np.histogram(known, bins=_edges(known))
    return Histogram(
        n_rows=len(values),
        n_missing=n_missing,
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        mean=float(known.mean()),
        deviation=float(known.std()),
    )


def _edges(known: Array) -> Array:
    """Bin edges: one a value where there are few, else of equal width over the whole range."""
    different = np.unique(known)
    if len(different) <= N_BINS:
        return np.append(different, np.nextafter(different[-1], np.inf))
    edges = np.linspace(known.min(), known.max(), N_BINS + 1)
    # Values so close, or so far apart, that doubles can't divide the range.
    if not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        return np.array([different[0], np.nextafter(different[-1], np.inf)])
    return edges


def _labels(column: Array) -> Histogram:
    missing = is_missing(column)
    texts = [label_text(v) for v in plain_values(column[~missing])]
    labels, counts = np.unique(np.array(texts, dtype=object), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    top = order[:TOP_CATEGORIES]
    return Histogram(
        n_rows=len(column),
        n_missing=int(missing.sum()),
        labels=tuple(str(labels[i]) for i in top),
        counts=tuple(int(counts[i]) for i in top),
        n_other=int(counts[order[TOP_CATEGORIES:]].sum()),
    )
