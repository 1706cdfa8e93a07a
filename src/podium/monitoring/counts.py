"""Values counted in the bins of the baseline: counts that can be added, over workers and hours.

Each histogram of a baseline has a fixed row of slots, and a column of values becomes one count a
slot. The training rows are counted in the same slots, so that the two can be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.bundle.baseline import Baseline, Histogram, count_between, numbers_of
from podium.outputs import Outputs
from podium.signature import Field, Signature
from podium.signature.labels import label_text
from podium.table import Array, Table, is_missing, plain_values

Counts = NDArray[np.int64]
Kind = Literal["field", "prediction", "score", "probability", "refused", "latency"]


class Counted(NamedTuple):
    """What is counted: a field, the predictions of an output, the scores, a class's probabilities,
    the refused cells of a field, the latency of requests.

    Attributes:
        name: of the field, the output or the class; "" for scores and latencies.
    """

    kind: Kind
    name: str = ""


SCORE = Counted("score")
MISSING, RARE, UNSEEN = "missing", "another, rare", "not in the training data"


def slots_of(histogram: Histogram) -> tuple[str, ...]:
    """What each slot counts, in words.

    Of numbers: the missing ones, those below all of training, the bins, those above. Of labels: the
    missing ones, the frequent ones by name, the rare ones, those that training didn't have.
    """
    if is_ordered(histogram):
        edges = _edges(histogram)
        pairs = pairwise(edges)
        bins = [
            f"{left:.6g}" if left == right else f"{left:.6g}..{right:.6g}" for left, right in pairs
        ]
        return (MISSING, f"below {edges[0]:.6g}", *bins, f"above {edges[-1]:.6g}")
    return (MISSING, *histogram.labels, RARE, UNSEEN)


def is_ordered(histogram: Histogram) -> bool:
    """Whether the slots between the first and the last stand in order: those of numbers do."""
    return bool(histogram.cuts or histogram.edges)


def trained(histogram: Histogram) -> Counts:
    """The training rows, counted: shape (n_slots,)."""
    if is_ordered(histogram):
        bins = histogram.cut_counts if histogram.cuts else histogram.counts
        return np.array([histogram.n_missing, 0, *bins, 0], np.int64)
    return np.array([histogram.n_missing, *histogram.counts, histogram.n_other, 0], np.int64)


def known_labels(field: Field) -> frozenset[str]:
    """The labels of a field's categories: what training had, the frequent and the rare ones."""
    return frozenset(label_text(one.value) for one in field.categories)


def count_field(
    histogram: Histogram, field: Field, column: Array, known: frozenset[str] | None = None
) -> Counts:
    """A field's values, counted: shape (n_slots,).

    Args:
        known: `known_labels(field)`, if it is at hand.
    """
    numbers = numbers_of(field, column)
    if numbers is not None:
        return _count_numbers(histogram, numbers)
    return _count_labels(histogram, column, known_labels(field) if known is None else known)


def count_table(
    baseline: Baseline,
    signature: Signature,
    table: Table,
    known: Mapping[str, frozenset[str]] = {},
) -> dict[Counted, Counts]:
    """Each field's values, counted.

    Args:
        known: `known_labels` of some fields, if they are at hand.
    """
    return {
        Counted("field", field.name): count_field(
            baseline.fields[field.name], field, table.columns[field.name], known.get(field.name)
        )
        for field in signature.fields
        if field.name in baseline.fields
    }


def count_outputs(
    baseline: Baseline, signature: Signature, outputs: Outputs
) -> dict[Counted, Counts]:
    """Predictions, scores and probabilities, counted."""
    found: dict[Counted, Counts] = {}
    for output, column in zip(signature.outputs, outputs.columns(), strict=True):
        histogram = baseline.outputs.get(output.name)
        if histogram is None or not histogram.counts:
            continue
        if is_ordered(histogram):
            counts = _count_numbers(histogram, column.astype(np.float64))
        else:
            counts = _count_labels(histogram, column, set(map(label_text, output.classes)))
        found[Counted("prediction", output.name)] = counts
    if baseline.scores is not None and outputs.scores is not None:
        found[SCORE] = _count_numbers(baseline.scores, outputs.scores)
    if outputs.probabilities is not None and baseline.probabilities:
        names = map(label_text, signature.output.classes)
        for name, shares in zip(names, outputs.probabilities.T, strict=True):
            counts = _count_numbers(baseline.probabilities[name], shares)
            found[Counted("probability", name)] = counts
    return found


def histograms_of(baseline: Baseline) -> dict[Counted, Histogram]:
    """The histograms of all that is counted."""
    found = {Counted("field", name): one for name, one in baseline.fields.items()}
    found |= {Counted("prediction", name): one for name, one in baseline.outputs.items()}
    if baseline.scores is not None:
        found[SCORE] = baseline.scores
    found |= {Counted("probability", name): one for name, one in baseline.probabilities.items()}
    return {what: one for what, one in found.items() if one.counts}


def _edges(histogram: Histogram) -> tuple[float, ...]:
    """Those of the bins; bundles of the first format have bins of equal width alone."""
    return histogram.cuts or histogram.edges


def _count_numbers(histogram: Histogram, numbers: NDArray[np.float64]) -> Counts:
    finite = numbers[np.isfinite(numbers)]
    n_missing = len(numbers) - len(finite)
    if not is_ordered(histogram):  # nothing but missing values in training
        return np.array([n_missing, 0, len(finite)], np.int64)
    edges = np.array(_edges(histogram), np.float64)
    return np.concatenate([[n_missing], count_between(edges, finite)])


def _count_labels(histogram: Histogram, column: Array, known: Collection[str]) -> Counts:
    places = {label: place for place, label in enumerate(histogram.labels, 1)}
    n_labels = len(places)
    counts = np.zeros(n_labels + 3, np.int64)
    for value, n in _tallied(column):
        if value is None:
            counts[0] += n
            continue
        label = label_text(value)
        other = n_labels + 1 if label in known else n_labels + 2
        counts[places.get(label, other)] += n
    return counts


def _tallied(column: Array) -> Iterable[tuple[Any, int]]:
    """Each different value, None where it is missing, and how often it is there."""
    if column.dtype.kind != "O":
        missing = is_missing(column)
        values, numbers = np.unique(column[~missing], return_counts=True)
        return [
            (None, int(missing.sum())),
            *zip(plain_values(values), numbers.tolist(), strict=True),
        ]
    cells = column.tolist()
    if len(set(map(type, cells)) - {type(None)}) > 1:  # 1, 1.0 and True would count as one
        return [(value, 1) for value in plain_values(column)]
    try:
        tallied = Counter(cells).items()
    except TypeError:  # lists and objects have no hash
        return [(value, 1) for value in plain_values(column)]
    return [(v.item() if isinstance(v, np.generic) else v, n) for v, n in tallied]
