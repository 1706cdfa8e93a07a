"""Boosted trees of CatBoost: features of single precision, sums of double."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.compile.builder import Builder
from podium.compile.features import Column, Computed, Features, Fitted, Input, NotCompiled
from podium.compile.labels import classes_of
from podium.compile.nodes import Tree, forest_of
from podium.compile.registers import Codes
from podium.program.operations import Above, Largest, Link, Pair

# Trees with one split per level are expanded: a deep one has many nodes.
NODES_MAX = 8_000_000


class _Places(NamedTuple):
    """The positions of the model's features among the columns.

    Attributes:
        numbers: the column of each numeric feature.
        labels: the column of each categorical feature.
        goes_right: the columns whose missing values count as larger than all others.
        codes: by categorical feature and hash, the number of a category.
    """

    numbers: dict[int, int]
    labels: dict[int, int]
    goes_right: frozenset[int]
    codes: Mapping[int, Mapping[int, int]]


def classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The class with the largest sum; of two, the second one if the sum is above zero."""
    loss, sums = _sums(estimator, build, x)
    classes = classes_of(estimator)
    if loss in ("Logloss", "CrossEntropy") and build.width(sums) == 1:
        _require_half(estimator)
        probabilities = build.add(Pair(build.add(Link(sums, "sigmoid"))))
        index = build.add(Above(sums))
    elif loss in ("MultiClass", "MultiClassOneVsAll") and build.width(sums) == len(classes):
        link = build.add(Link(sums, "softmax" if loss == "MultiClass" else "sigmoid"))
        index, probabilities = build.add(Largest(sums)), link
    else:
        raise NotCompiled(f"a classifier with the loss {loss} isn't supported")
    return Fitted(index=index, classes=classes, probabilities=probabilities, scores=sums)


def regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The sums, or their exponentials for some losses."""
    _, sums = _sums(estimator, build, x)
    kind = estimator._get_default_prediction_type()  # noqa: SLF001 - as in predict()
    if kind == "Exponent":
        return Fitted(values=build.add(Link(sums, "exp")), scores=sums)
    if kind != "RawFormulaVal":
        raise NotCompiled(f"it returns {kind}")
    return Fitted(values=sums, scores=sums)


def booster(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The raw scores: the default prediction of a native model."""
    _, sums = _sums(estimator, build, x)
    return Fitted(values=sums, scores=sums)


def _require_half(estimator: Any) -> None:
    threshold = estimator.get_probability_threshold()
    if threshold is not None and threshold != 0.5:
        raise NotCompiled(f"its decision threshold is a probability of {threshold}")


def _sums(estimator: Any, build: Builder, x: Features) -> tuple[str, int]:
    """The loss that it was trained with, and the register of the trees' sums."""
    model = _written(estimator)
    x, places = _places(estimator, model, build, x)
    scale, bias = model["scale_and_bias"]
    if "oblivious_trees" in model:
        written = model["oblivious_trees"]
        n_nodes = sum(2 ** (len(tree["splits"] or ()) + 1) for tree in written)
        if n_nodes > NODES_MAX:
            raise NotCompiled(f"its trees would have {n_nodes} nodes")
        trees = [_of_levels(tree, len(bias), places) for tree in written]
    else:
        trees = [_of_nodes(tree, len(bias), places) for tree in model["trees"]]
    forest = forest_of(build.matrix(x), trees, np.zeros(len(bias)), is_single_input=True)
    multiply = None if scale == 1 else scale
    add = bias if np.any(bias) else None
    return _loss(model), build.scale(build.add(forest), multiply=multiply, add=add)


def _written(estimator: Any) -> dict[str, Any]:
    """The model in CatBoost's JSON format."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        estimator.save_model(str(path), format="json")
        model: dict[str, Any] = json.loads(path.read_bytes())
    return model


def _loss(model: dict[str, Any]) -> str:
    params = model["model_info"].get("params", {})
    params = json.loads(params) if isinstance(params, str) else params
    return str(params.get("loss_function", {}).get("type", ""))


def _places(
    estimator: Any, model: dict[str, Any], build: Builder, x: Features
) -> tuple[Features, _Places]:
    """The columns, with categories as numbers, and the position of each feature."""
    features_info = model["features_info"]
    if set(features_info) - {"float_features", "categorical_features", "ctrs"}:
        raise NotCompiled("it takes texts or embeddings")
    if features_info.get("ctrs"):
        raise NotCompiled("it counts targets by category (one_hot_max_size avoids that)")
    numbers, labels = (
        features_info.get("float_features", []),
        features_info.get("categorical_features", []),
    )
    columns: list[Column] = list(x)
    texts: dict[int, tuple[str, ...]] = {}
    for feature in labels:
        place = int(feature["flat_feature_index"])
        columns[place], texts[int(feature["feature_index"])] = _encoded(build, x[place])
    if texts and "oblivious_trees" not in model:
        raise NotCompiled("it takes categories, in trees that grew node by node")
    places = _Places(
        {int(f["feature_index"]): int(f["flat_feature_index"]) for f in numbers},
        {int(f["feature_index"]): int(f["flat_feature_index"]) for f in labels},
        frozenset(
            int(f["flat_feature_index"]) for f in numbers if f["nan_value_treatment"] == "AsTrue"
        ),
        _codes_by_hash(estimator, model, texts) if texts else {},
    )
    return tuple(columns), places


def _encoded(build: Builder, column: Column) -> tuple[Column, tuple[str, ...]]:
    """A column of categories as numbers, and the texts that the library derives from them."""
    if not isinstance(column, Input) or build.field(column).type != "category":
        raise NotCompiled("it takes numbers as categories")
    labels = build.field(column).labels
    texts = tuple(str(label) for label in labels)
    if any(type(label) not in (str, int) for label in labels) or "" in texts:
        raise NotCompiled("its categories are neither texts nor whole numbers")
    # The library refuses a missing category; an unknown one equals no other.
    codes = Codes({label: float(i) for i, label in enumerate(labels)}, None, -1.0)
    return Computed(build.codes((column,), [codes]), 0), texts


def _codes_by_hash(
    estimator: Any, model: dict[str, Any], labels: dict[int, tuple[str, ...]]
) -> dict[int, dict[int, int]]:
    """The number of a category, by feature and hash.

    The model's file only contains hashes of categories. The library prints the texts in the trees,
    as far as a pool has them; without names it prints the column's position before them.
    """
    categorical = model["features_info"]["categorical_features"]
    pool = _pool(
        model,
        {int(f["flat_feature_index"]): labels[int(f["feature_index"])] for f in categorical},
    )
    names = {int(f["feature_index"]): f"{f['flat_feature_index']}, value=" for f in categorical}
    codes: dict[int, dict[int, int]] = {feature: {} for feature in labels}
    for number, tree in enumerate(model["oblivious_trees"]):
        splits = tree["splits"] or []
        if not any("cat_feature_index" in split for split in splits):
            continue
        printed = estimator._get_tree_splits(number, pool)  # noqa: SLF001 - as for its plots
        for split, text in zip(splits, printed, strict=True):
            feature = split.get("cat_feature_index")
            if feature is not None and text.removeprefix(names[feature]) in labels[feature]:
                label = text.removeprefix(names[feature])
                codes[feature][int(split["value"])] = labels[feature].index(label)
    return codes


def _pool(model: dict[str, Any], labels: dict[int, tuple[str, ...]]) -> Any:
    """Rows that contain every category."""

    n_columns = 1 + max(
        int(feature["flat_feature_index"])
        for kind in ("float_features", "categorical_features")
        for feature in model["features_info"].get(kind, [])
    )
    rows = np.zeros((max(map(len, labels.values())), n_columns), object)
    for place, texts in labels.items():
        rows[:, place] = [texts[i % len(texts)] for i in range(len(rows))]
    return import_module("catboost").Pool(rows, cat_features=sorted(labels))


def _of_levels(tree: dict[str, Any], width: int, places: _Places) -> Tree:
    """A tree whose nodes of one level share their split."""
    splits = tree["splits"] or []
    depth = len(splits)
    n_inner, n_leaves = 2**depth - 1, 2**depth
    node = np.arange(n_inner + n_leaves)
    level = np.repeat(np.arange(depth + 1), 2 ** np.arange(depth + 1))
    is_leaf = node >= n_inner
    tests = [_test(split, places) for split in splits] + [_Test(0, 0.0, False)]
    # The first split is the lowest bit of a leaf's index, and the highest of its position here.
    path = np.arange(n_leaves)
    number = sum((((path >> (depth - 1 - i)) & 1) << i for i in range(depth)), np.zeros_like(path))
    values = np.zeros((len(node), width))
    values[is_leaf] = np.reshape(tree["leaf_values"], (n_leaves, width))[number]
    left, right = 2 * node + 1, 2 * node + 2
    sets = {
        int(n): test.members
        for n, test in ((n, tests[level[n]]) for n in range(n_inner))
        if test.members is not None
    }
    swapped = np.array(list(sets), np.int64)  # values in the set go left here, right there
    left[swapped], right[swapped] = right[swapped], left[swapped]
    return Tree(
        left=np.where(is_leaf, -1, left),
        right=np.where(is_leaf, -1, right),
        feature=np.array([test.column for test in tests])[level],
        threshold=np.array([test.border for test in tests])[level],
        values=values,
        missing_left=np.array([test.missing_left for test in tests])[level],
        sets=sets,
    )


class _Test(NamedTuple):
    """The condition of a split.

    Attributes:
        column: its column.
        border: true above it.
        missing_left: whether a missing value isn't above.
        members: bits of the only category for which it is true, instead of a border.
    """

    column: int
    border: float
    missing_left: bool
    members: NDArray[np.uint32] | None = None


def _test(split: dict[str, Any], places: _Places) -> _Test:
    if split["split_type"] == "FloatFeature":
        column = places.numbers[int(split["float_feature_index"])]
        border = float(np.float32(split["border"]))
        return _Test(column, border, column not in places.goes_right)
    if split["split_type"] != "OneHotFeature":
        raise NotCompiled(f"its trees ask for {split['split_type']}")
    feature = int(split["cat_feature_index"])
    code = places.codes[feature].get(int(split["value"]))
    if code is None:
        raise NotCompiled("it was trained on a category that its signature doesn't have")
    members = np.zeros(code // 32 + 1, np.uint32)
    members[-1] = np.uint32(1) << np.uint32(code % 32)
    return _Test(places.labels[feature], 0.0, False, members)


def _of_nodes(tree: dict[str, Any], width: int, places: _Places) -> Tree:
    """A tree that was grown node by node."""
    nodes = list(_walk(tree))
    at = {id(node): place for place, node in enumerate(nodes)}
    values = np.zeros((len(nodes), width))
    left, right, feature = (np.full(len(nodes), -1) for _ in range(3))
    threshold = np.zeros(len(nodes))
    missing_left = np.zeros(len(nodes), bool)
    for place, node in enumerate(nodes):
        if "split" in node:
            test = _test(node["split"], places)
            feature[place], threshold[place] = test.column, test.border
            missing_left[place] = test.missing_left
            left[place], right[place] = at[id(node["left"])], at[id(node["right"])]
        else:
            values[place] = node["value"]
    return Tree(left, right, feature, threshold, values, missing_left)


def _walk(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if "split" in node:
            waiting += [node["right"], node["left"]]


MODELS = {
    "catboost.CatBoost": booster,
    "catboost.CatBoostClassifier": classifier,
    "catboost.CatBoostRanker": booster,
    "catboost.CatBoostRegressor": regressor,
}
