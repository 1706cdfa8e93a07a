"""The baseline: the distribution of each field in training, for detecting drift later."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.bundle.spread import Spread
from podium.outputs import Outputs
from podium.signature import Field, Signature
from podium.signature.labels import label_text
from podium.table import Array, Table, is_missing, plain_values

Period: TypeAlias = Literal["hour", "day", "week"]
PERIODS: tuple[Period, ...] = ("hour", "day", "week")
N_BINS = 20
TOP_CATEGORIES = 50
# Of more classes each would have too few rows to tell anything.
N_CLASSES = 20


class Histogram(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The distribution of the training rows.

    Attributes:
        n_rows: rows in total, including the missing ones.
        n_missing: rows without a value.
        edges: of the bins, one more than counts: numbers, seconds since 1970 for times, characters
            for texts. Bins include their left edge, the last one both.
        labels: of the categories that are counted individually.
        counts: rows in each bin or category.
        cuts: edges of the bins that later values are counted in, one more than `cut_counts`. Each
            holds about as many training rows as the others, and a value that many rows share has
            one of its own. They include their left edge, the last one both.
        cut_counts: rows in each of these bins, never 0.
        n_other: rows with a rarer category.
        mean: of the numbers.
        deviation: their standard deviation.
        spreads: of the training rows' hours, days and weeks, where their times are known.
    """

    n_rows: int
    n_missing: int = 0
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    cuts: tuple[float, ...] = ()
    cut_counts: tuple[int, ...] = ()
    n_other: int = 0
    mean: float | None = None
    deviation: float | None = None
    spreads: dict[Period, Spread] = {}

    def spread_of(self, period: Period) -> Spread:
        """The spread of such parts of the training rows, or of shorter ones: these lie farther."""
        shorter = reversed(PERIODS[: PERIODS.index(period) + 1])
        return next((self.spreads[one] for one in shorter if one in self.spreads), Spread())


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """One histogram for each field, by name, and one of the predictions for the same rows.

    Attributes:
        scores: of the numbers beside the labels of a model without a target.
        probabilities: of each class, where there is one output with few classes.
    """

    fields: dict[str, Histogram] = {}
    outputs: dict[str, Histogram] = {}
    scores: Histogram | None = None
    probabilities: dict[str, Histogram] = {}


def baseline_of(signature: Signature, table: Table, predicted: Outputs) -> Baseline:
    """The baseline of the training rows.

    Args:
        table: with the signature's fields.
        predicted: the model's output for these rows.
    """
    fields = {f.name: histogram_of(f, table.columns[f.name]) for f in signature.fields}
    outputs = {
        output.name: _labels(column, len(output.words)) if output.classes else _any(column)
        for output, column in zip(signature.outputs, predicted.columns(), strict=True)
    }
    scores = None if predicted.scores is None else _numbers(predicted.scores)
    return Baseline(
        fields=fields,
        outputs=outputs,
        scores=scores,
        probabilities=_probabilities(signature, predicted),
    )


def _probabilities(signature: Signature, predicted: Outputs) -> dict[str, Histogram]:
    classes = signature.output.classes
    if predicted.probabilities is None or len(signature.outputs) > 1 or len(classes) > N_CLASSES:
        return {}
    columns = zip(classes, predicted.probabilities.T, strict=True)
    return {label_text(label): _numbers(column) for label, column in columns}


def histogram_of(field: Field, column: Array) -> Histogram:
    """The histogram of one field's column."""
    numbers = numbers_of(field, column)
    return _labels(column) if numbers is None else _numbers(numbers)


def numbers_of(field: Field, column: Array) -> NDArray[np.float64] | None:
    """A field's column as the numbers that its histogram counts; None where it counts labels."""
    if field.type in ("category", "boolean"):
        return None
    if field.type == "text":
        return np.array([np.nan if v is None else len(v) for v in column], np.float64)
    if field.type in ("date", "datetime"):
        seconds: NDArray[np.float64] = column.astype("datetime64[s]").astype(np.float64)
        seconds[np.isnat(column)] = np.nan
        return seconds
    return column.astype(np.float64)


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
    with np.errstate(over="ignore", invalid="ignore"):  # doubles that are as large as there are
        counts, edges = np.histogram(finite, bins=_edges(finite))
        mean, deviation = float(finite.mean()), float(finite.std())
    cuts = _cuts(finite)
    return Histogram(
        n_rows=len(values),
        n_missing=n_missing,
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        cuts=tuple(cuts.tolist()),
        cut_counts=tuple(count_between(cuts, finite)[1:-1].tolist()),
        mean=mean,
        deviation=deviation,
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


def _cuts(finite: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of bins with about equally many rows each; at most about twice N_BINS of them."""
    values, counts = np.unique(finite, return_counts=True)
    if len(values) <= N_BINS:
        return np.append(values, values[-1])
    shared = values[counts * N_BINS >= len(finite)]
    rest = finite[~np.isin(finite, shared)]
    shares = np.linspace(0.0, 1.0, max(N_BINS - len(shared), 1), endpoint=False)
    inner = np.sort(rest)[(shares * (len(rest) - 1)).astype(np.intp)]
    ends = values[np.minimum(np.searchsorted(values, shared) + 1, len(values) - 1)]
    # Each edge is a value, so that no bin is empty.
    edges = np.unique(np.concatenate([values[:1], inner, shared, ends]))
    return np.append(edges, values[-1])


def count_between(edges: NDArray[np.float64], finite: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many values lie below, in each bin, and above: shape (n_edges + 1,)."""
    at = np.searchsorted(edges, finite, side="right")
    at[finite == edges[-1]] = len(edges) - 1
    return np.bincount(at, minlength=len(edges) + 1)


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
