"""CatBoost's trees, of levels that share a split or of nodes with one each, and their splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.compile.builder import Builder
from podium.compile.exporters.catboost_counters import counters_of, hashes_of
from podium.compile.features import Column, Computed, Features, NotCompiled
from podium.compile.nodes import Tree
from podium.compile.registers import Codes
from podium.program.operations import Impute, Single

_Json = Mapping[str, Any]
# Trees with one split per level are expanded: a deep one has many nodes.
NODES_MAX = 8_000_000


class Test(NamedTuple):
    """The condition of a split.

    Attributes:
        column: its column.
        border: true above it.
        missing_left: whether a missing value isn't above.
        members: bits of the only category for which it is true, instead of a border.
    """

    column: int
    border: float
    missing_left: bool = True
    members: NDArray[np.uint32] | None = None


def tests_of(build: Builder, x: Features, model: _Json) -> tuple[Features, list[Test]]:
    """The columns that a model's trees test, and all tests in the order of their numbers.

    Raises:
        NotCompiled: it takes other features, or categories that aren't known.
    """
    info = model["features_info"]
    if set(info) - {"float_features", "categorical_features", "ctrs"}:
        raise NotCompiled("it has features that are neither numbers nor categories")
    floats = [f for f in info.get("float_features", ()) if f["borders"]]
    counters = info.get("ctrs", ())
    hashes = hashes_of(build, x, _places(info.get("categorical_features", ()), counters))
    columns: list[Column] = [x[int(f["flat_feature_index"])] for f in floats]
    tests = [
        Test(at, float(np.float32(border)), f["nan_value_treatment"] != "AsTrue")
        for at, f in enumerate(floats)
        for border in f["borders"]
    ]
    for feature in info.get("categorical_features", ()):
        values = feature.get("values", ())
        if values:
            hashed = hashes[int(feature["feature_index"])]
            codes = Codes({float(value): float(n) for n, value in enumerate(values)}, None, -1.0)
            tests += [Test(len(columns), 0.0, False, _only(n)) for n in range(len(values))]
            columns.append(Computed(build.codes((hashed,), [codes]), 0))
    if counters:
        for counter in counters:
            tests += [Test(len(columns), float(np.float32(b))) for b in counter["borders"]]
            columns.append(x[0])
        counted = counters_of(build, model, hashes, _compared_numbers(build, x, floats, counters))
        columns[-len(counted) :] = counted
    return tuple(columns), tests


def _places(features: Sequence[_Json], counters: Sequence[_Json]) -> dict[int, int]:
    """The columns of the categorical features that are used, by their numbers."""
    counted = {e.get("cat_feature_index") for counter in counters for e in counter["elements"]}
    return {
        int(f["feature_index"]): int(f["flat_feature_index"])
        for f in features
        if f.get("values") or f["feature_index"] in counted
    }


def _compared_numbers(
    build: Builder, x: Features, floats: Sequence[_Json], counters: Sequence[_Json]
) -> dict[int, Computed]:
    """The numbers that counters combine with categories, in single precision."""
    combined = {e.get("float_feature_index") for counter in counters for e in counter["elements"]}
    used = [f for f in floats if f["feature_index"] in combined]
    if not used:
        return {}
    rows = build.add(Single(build.matrix(tuple(x[int(f["flat_feature_index"])] for f in used))))
    are_above = [f["nan_value_treatment"] == "AsTrue" for f in used]
    if any(are_above):
        rows = build.add(Impute(rows, np.where(are_above, np.inf, np.nan)))
    return {int(f["feature_index"]): Computed(rows, at) for at, f in enumerate(used)}


def _only(code: int) -> NDArray[np.uint32]:
    members = np.zeros(code // 32 + 1, np.uint32)
    members[-1] = np.uint32(1) << np.uint32(code % 32)
    return members


def trees_of(model: _Json, width: int, tests: Sequence[Test]) -> list[Tree]:
    """The trees of a model with sums of this width.

    Raises:
        NotCompiled: they would have too many nodes.
    """
    if "oblivious_trees" not in model:
        return [_of_nodes(tree, width, tests) for tree in model["trees"]]
    written = model["oblivious_trees"]
    n_nodes = sum(2 ** (len(tree["splits"] or ()) + 1) for tree in written)
    if n_nodes > NODES_MAX:
        raise NotCompiled(f"its trees would have {n_nodes} nodes")
    return [_of_levels(tree, width, tests) for tree in written]


def _of_levels(tree: _Json, width: int, tests: Sequence[Test]) -> Tree:
    """A tree whose nodes of one level share their split."""
    splits = tree["splits"] or []
    depth = len(splits)
    n_inner, n_leaves = 2**depth - 1, 2**depth
    node = np.arange(n_inner + n_leaves)
    level = np.repeat(np.arange(depth + 1), 2 ** np.arange(depth + 1))
    is_leaf = node >= n_inner
    used = [tests[split["split_index"]] for split in splits] + [Test(0, 0.0)]
    # The first split is the lowest bit of a leaf's index, and the highest of its position here.
    path = np.arange(n_leaves)
    number = sum((((path >> (depth - 1 - i)) & 1) << i for i in range(depth)), np.zeros_like(path))
    values = np.zeros((len(node), width))
    values[is_leaf] = np.reshape(tree["leaf_values"], (n_leaves, width))[number]
    by_node = [used[n] for n in level]
    return _tree(
        np.where(is_leaf, -1, 2 * node + 1), np.where(is_leaf, -1, 2 * node + 2), by_node, values
    )


def _of_nodes(tree: _Json, width: int, tests: Sequence[Test]) -> Tree:
    """A tree that was grown node by node."""
    nodes = list(_walk(tree))
    at = {id(node): place for place, node in enumerate(nodes)}
    values = np.zeros((len(nodes), width))
    left, right = np.full(len(nodes), -1), np.full(len(nodes), -1)
    by_node = [Test(0, 0.0)] * len(nodes)
    for place, node in enumerate(nodes):
        if "split" in node:
            by_node[place] = tests[node["split"]["split_index"]]
            left[place], right[place] = at[id(node["left"])], at[id(node["right"])]
        else:
            values[place] = node["value"]
    return _tree(left, right, by_node, values)


def _tree(
    left: NDArray[Any], right: NDArray[Any], tests: Sequence[Test], values: NDArray[Any]
) -> Tree:
    """The tree of these nodes, each with its test."""
    sets = {
        node: test.members
        for node, test in enumerate(tests)
        if test.members is not None and left[node] >= 0
    }
    swapped = np.array(list(sets), np.int64)  # values in the set go left here, right there
    left[swapped], right[swapped] = right[swapped], left[swapped]
    return Tree(
        left=left,
        right=right,
        feature=np.array([test.column for test in tests]),
        threshold=np.array([test.border for test in tests]),
        values=values,
        missing_left=np.array([test.missing_left for test in tests]),
        sets=sets,
    )


def _walk(tree: _Json) -> Iterator[_Json]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if "split" in node:
            waiting += [node["right"], node["left"]]
