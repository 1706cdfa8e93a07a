"""Explainable boosting machines of interpret: each term is a table over bins, walked as a tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Column, Features, Fitted, Input, NotCompiled
from podium.compile.labels import classes_of
from podium.compile.nodes import Tree, forest_of
from podium.compile.registers import Codes
from podium.program.arrays import Floats
from podium.program.operations import Above, Largest, Link, Pair
from podium.signature import Label

# Bins of this many cells in one term; three features of 32 bins each have fewer.
CELLS_MAX = 100_000


class Axis(NamedTuple):
    """One feature of a term.

    Attributes:
        column: of the forest's matrix.
        thresholds: ascending; a value <= one lies in a bin before it.
        first: the bin of values up to the first threshold.
        missing: the bin of a missing value; None if that has a code.
    """

    column: int
    thresholds: Floats
    first: int
    missing: int | None


def classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The sums of the terms, by the logistic function or softmax."""
    scores = _sums(estimator, build, x)
    classes = classes_of(estimator)
    if estimator.link_ == "logit" and len(classes) == 2:
        shares = build.add(Pair(build.add(Link(scores, "sigmoid"))))
        index = build.add(Above(scores))
        return Fitted(index=index, classes=classes, probabilities=shares, scores=scores)
    if estimator.link_ != "mlogit":
        raise NotCompiled(f"its link {estimator.link_!r} isn't known")
    shares, index = build.add(Link(scores, "softmax")), build.add(Largest(scores))
    return Fitted(index=index, classes=classes, probabilities=shares, scores=scores)


def regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The sums of the terms, or their exponential."""
    sums = _sums(estimator, build, x)
    if estimator.link_ not in ("identity", "log"):
        raise NotCompiled(f"its link {estimator.link_!r} isn't known")
    return Fitted(values=sums if estimator.link_ == "identity" else build.add(Link(sums, "exp")))


def _sums(estimator: Any, build: Builder, x: Features) -> int:
    """The intercept and the terms, added in their order."""
    used = sorted({feature for term in estimator.term_features_ for feature in term})
    if not used:
        raise NotCompiled("it has no terms")
    columns: dict[tuple[int, int], Axis] = {}
    parts: list[Column] = []
    for feature in used:
        is_nominal = isinstance(estimator.bins_[feature][0], Mapping)
        if not is_nominal:
            parts.append(x[feature])
        for level, bins in enumerate(estimator.bins_[feature]):
            if is_nominal:
                column, columns[feature, level] = _categories(build, x[feature], bins, len(parts))
                parts.append(column)
            else:
                cuts = np.nextafter(np.asarray(bins, np.float64), -np.inf)
                columns[feature, level] = Axis(len(parts) - 1, cuts, 1, 0)
    trees = _trees(estimator, columns)
    base = np.atleast_1d(np.asarray(estimator.intercept_, np.float64))
    return build.add(forest_of(build.matrix(tuple(parts)), trees, base))


def _trees(estimator: Any, columns: Mapping[tuple[int, int], Axis]) -> list[Tree]:
    """A tree for each term; a term of several features has coarser bins."""
    trees = []
    for features, scores in zip(estimator.term_features_, estimator.term_scores_, strict=True):
        table = np.asarray(scores, np.float64)
        if table.size > CELLS_MAX:
            raise NotCompiled(f"a term has {table.size} cells; up to {CELLS_MAX} are known")
        levels = (min(len(estimator.bins_[feature]), len(features)) - 1 for feature in features)
        axes = [columns[key] for key in zip(features, levels, strict=True)]
        trees.append(_tree(table.reshape(*table.shape[: len(axes)], -1), axes))
    return trees


def _categories(
    build: Builder, column: Column, bins: Mapping[str, int], place: int
) -> tuple[Column, Axis]:
    """A column of bins by category: 0 is missing, the last one any other category."""
    unknown = max(bins.values(), default=0) + 1
    labels = _labels(build, column, bins)
    codes = Codes({k: float(v) for k, v in labels.items()}, 0.0, float(unknown))
    (coded,) = build.features(build.codes((column,), [codes]))
    return coded, Axis(place, np.arange(unknown, dtype=np.float64) + 0.5, 0, None)


def _labels(build: Builder, column: Column, bins: Mapping[str, int]) -> dict[Label, int]:
    """The bins by value: the library knows each as a text."""
    kind = build.field(column).type if isinstance(column, Input) else "float"
    if kind == "boolean":
        return {text == "True": number for text, number in bins.items()}
    if not build.is_number(column):
        return dict(zip(bins.keys(), bins.values(), strict=True))
    try:
        return {float(text): number for text, number in bins.items()}
    except ValueError as error:
        raise NotCompiled("it has texts as categories of a column of numbers") from error


class _Growing:
    """A table over bins of several features, as a tree that grows; equal neighbours share a leaf."""

    def __init__(self, axes: Sequence[Axis], n_outputs: int) -> None:
        self.axes, self.inner = axes, [0.0] * n_outputs
        # Of each node: its children, the column and the threshold, if missing goes left, the value.
        self.nodes: list[list[Any]] = []

    def add(self, column: int, threshold: float, missing_left: int, values: Any) -> int:
        """A node without children."""
        self.nodes.append([-1, -1, column, threshold, missing_left, values])
        return len(self.nodes) - 1

    def grow(self, some: Floats, depth: int) -> int:
        """The node for a part of the table, whose features up to `depth` are decided."""
        if depth == len(self.axes):
            return self.add(0, 0.0, 0, some.tolist())
        axis = self.axes[depth]
        part = some[axis.first : axis.first + len(axis.thresholds) + 1]
        flat = part.reshape(len(part), -1)
        differs = np.flatnonzero((flat[1:] != flat[:-1]).any(axis=1))
        last = [*differs.tolist(), len(part) - 1]
        thresholds = axis.thresholds[differs].tolist()
        if axis.missing is None or (not len(differs) and (some[axis.missing] == part[0]).all()):
            return self.split(part, last, thresholds, depth)
        node = self.add(axis.column, -np.inf, 1, self.inner)
        self.nodes[node][0] = self.grow(some[axis.missing], depth + 1)
        self.nodes[node][1] = self.split(part, last, thresholds, depth)
        return node

    def split(self, part: Floats, last: list[int], thresholds: list[float], depth: int) -> int:
        """The node for some bins of a feature.

        Args:
            last: a bin before each threshold, and behind the last one.
        """
        if not thresholds:
            return self.grow(part[last[0]], depth + 1)
        at = len(thresholds) // 2
        node = self.add(self.axes[depth].column, thresholds[at], 0, self.inner)
        self.nodes[node][0] = self.split(part, last[: at + 1], thresholds[:at], depth)
        self.nodes[node][1] = self.split(part, last[at + 1 :], thresholds[at + 1 :], depth)
        return node


def _tree(table: Floats, axes: Sequence[Axis]) -> Tree:
    """A balanced tree; the last axis of the table has a number for each output."""
    growing = _Growing(axes, table.shape[-1])
    growing.grow(table, 0)
    left, right, column, threshold, missing_left, values = zip(*growing.nodes, strict=True)
    return Tree(
        np.array(left),
        np.array(right),
        np.array(column),
        np.array(threshold, np.float64),
        np.array(values, np.float64),
        np.array(missing_left),
    )


MODELS: Mapping[str, Callable[[Any, Builder, Features], Fitted]] = {
    "interpret.DPExplainableBoostingClassifier": classifier,
    "interpret.DPExplainableBoostingRegressor": regressor,
    "interpret.ExplainableBoostingClassifier": classifier,
    "interpret.ExplainableBoostingRegressor": regressor,
}
