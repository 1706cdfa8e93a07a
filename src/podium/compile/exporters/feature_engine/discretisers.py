"""feature_engine's discretisers: numbers to bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.ensemble import probabilities_of, values_of
from podium.compile.exporters.feature_engine.columns import (
    Columns,
    named,
    numbers,
    remaining_columns,
    with_numbers,
)
from podium.compile.features import Features, NotCompiled, Relabelled
from podium.program.operations import Bin, Elementwise, Finite, Link, Select


def discretiser(estimator: Any, build: Builder, x: Features) -> Features:
    """The number of each value's bin, or its boundaries as a text."""
    columns, variables = named(estimator, x), list(estimator.variables_)
    edges = {name: estimator.binner_dict_[name] for name in variables}
    binned = _binned(build, columns, edges)
    columns = with_numbers(build, columns, variables, binned)
    if getattr(estimator, "errors", "ignore") == "raise":
        columns = with_numbers(build, columns, variables, build.add(Finite(binned)))
    if not estimator.return_boundaries:
        return remaining_columns(columns)
    return remaining_columns(_with_boundaries(columns, edges, estimator.precision))


def _binned(build: Builder, columns: Columns, edges: dict[Any, Any]) -> int:
    """The number of each value's bin; missing outside all of them.

    A bin includes its upper edge; the first one also its lower edge.
    """
    if any(np.ndim(some) == 0 for some in edges.values()):
        raise NotCompiled("its bins depend on the other rows of a batch; give it their edges")
    register = numbers(build, columns, list(edges), refuses_missing=True)
    bounds = [np.asarray(some, np.float64) for some in edges.values()]
    inner = [some[1:-1] for some in bounds]
    starts = np.cumsum([0, *map(len, inner)]).astype(np.int32)
    binned = build.add(Bin(register, np.concatenate(inner), starts))
    lowest, highest = (np.array([some[at] for some in bounds]) for at in (0, -1))
    if np.isinf(lowest).all() and np.isinf(highest).all():
        return binned
    below = build.add(Elementwise((register,), "less", (0, -1), lowest[None]))
    above = build.add(Elementwise((register,), "greater", (0, -1), highest[None]))
    outside = build.add(Elementwise((below, above), "logical_or", (0, 1), np.empty((0, 1))))
    missing = np.array([[np.nan]])
    return build.add(Elementwise((outside, binned), "where", (0, -1, 1), missing))


def _with_boundaries(columns: Columns, edges: dict[Any, Any], precision: int) -> Columns:
    """The columns, with bins as texts."""
    new = dict(columns)
    for name, some in edges.items():
        texts = _boundaries(some, precision)
        labels = tuple((float(place), text) for place, text in enumerate(texts))
        new[name] = Relabelled(base=columns[name], labels=labels)
    return new


def _boundaries(edges: Sequence[float], precision: int) -> list[str]:
    """The intervals as pandas writes them."""
    import pandas as pd

    none = pd.Series([], dtype=float)
    cut = pd.cut(none, list(edges), precision=precision, include_lowest=True)
    return [str(interval) for interval in cut.cat.categories]


def tree_discretiser(estimator: Any, build: Builder, x: Features) -> Features:
    """The prediction of a tree of each column by itself, or the number of its leaf."""
    columns, variables = named(estimator, x), list(estimator.variables_)
    if estimator.bin_output != "prediction":
        edges = {name: estimator.binner_dict_[name] for name in variables}
        columns = with_numbers(build, columns, variables, _binned(build, columns, edges))
        if estimator.bin_output == "boundaries":
            columns = _with_boundaries(columns, edges, estimator.precision)
        return remaining_columns(columns)
    register = numbers(build, columns, variables, refuses_missing=True)
    for name, column in zip(variables, build.features(register), strict=True):
        trees = estimator.binner_dict_[name]
        (columns[name],) = tree_values(build, trees, (column,), estimator)
    return remaining_columns(columns)


def tree_values(build: Builder, trees: Any, x: Features, estimator: Any) -> Features:
    """What a tree predicts: a number, or the probability of the second class; rounded.

    Args:
        estimator: says whether it is a regression, and to how many decimals it rounds.
    """
    fitted = build.model(trees, x, "tree")
    if estimator.regression:
        values = values_of(fitted)
    else:
        values = build.add(Select(probabilities_of(fitted), np.array([1], np.int32)))
    return build.features(rounded(build, values, estimator.precision))


def rounded(build: Builder, x: int, decimals: int | None) -> int:
    """Numbers to so many decimals, as numpy rounds them: multiplied, rounded, divided."""
    if decimals is None:
        return x
    factor = 10.0**decimals
    return build.scale(build.add(Link(build.scale(x, multiply=factor), "rint")), divide=factor)


TRANSFORMERS = {
    "feature_engine.ArbitraryDiscretiser": discretiser,
    "feature_engine.DecisionTreeDiscretiser": tree_discretiser,
    "feature_engine.EqualFrequencyDiscretiser": discretiser,
    "feature_engine.EqualWidthDiscretiser": discretiser,
    "feature_engine.GeometricWidthDiscretiser": discretiser,
}
