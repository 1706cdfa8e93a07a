"""XGBoost's tree and linear boosters: single precision throughout, as in its own predictor."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.compile.builder import Builder
from podium.compile.features import Column, Computed, Features, Fitted, Input, NotCompiled
from podium.compile.labels import classes_of, label_matrix, values_of
from podium.compile.nodes import Tree, forest_of
from podium.compile.registers import Codes
from podium.program.operations import (
    Above,
    Blank,
    Elementwise,
    Largest,
    Link,
    Pair,
    Single,
    SingleSum,
)
from podium.program.operations.numbers.links import LinkName

_Singles = NDArray[Any]

# What each objective does with the sums, by the beginning of its name; the others return them.
_LINKS: dict[str, LinkName] = {
    "binary:logistic": "sigmoid",
    "reg:logistic": "sigmoid",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
    "survival:cox": "exp",
    "survival:aft": "exp",
}
_IDENTITIES = (
    "binary:hinge",
    "binary:logitraw",
    "rank:map",
    "rank:ndcg",
    "rank:pairwise",
    "reg:absoluteerror",
    "reg:expectileerror",
    "reg:linear",
    "reg:pseudohubererror",
    "reg:quantileerror",
    "reg:squarederror",
    "reg:squaredlogerror",
)
# From this version on a lower quantile is never predicted above a higher one.
_QUANTILES_SORTED = (3, 4)


class _Learner(NamedTuple):
    """A booster as described by its own file.

    Attributes:
        version: of the XGBoost that wrote it, which is the installed one.
        objective: its name.
        base: the initial sums, one number for each output.
        types: of the features, "c" for categories; empty if unknown.
        booster: the part with the trees or weights.
    """

    version: tuple[int, ...]
    objective: str
    base: _Singles
    types: tuple[str, ...]
    booster: dict[str, Any]


def classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Probabilities first: the class is found by comparing those, rounded as they are."""
    learner = _learner(estimator)
    link = _link(learner.objective)
    margins = _margins(learner, build, x, _missing(estimator), _n_rounds(estimator))
    classes = classes_of(estimator)
    width = build.width(margins)
    if len(classes) == 2 and link not in ("sigmoid", None):
        raise NotCompiled(f"a classifier with the objective {learner.objective} isn't known")
    if width > 1 and len(classes) == 2:
        shares = build.add(Link(margins, link)) if link else margins
        return label_matrix(build, shares, shares, threshold=0.5)
    if width == 1 and len(classes) == 2:
        # Without a link it returns the sums, and compares even those with a half.
        outputs = build.add(Link(margins, link)) if link else margins
        if learner.objective == "binary:hinge":
            above = np.zeros((1, 1))
            outputs = build.add(Elementwise((margins,), "greater", (0, -1), above))
        index = build.add(Above(outputs, 0.5))
        probabilities = build.add(Pair(outputs))
        return Fitted(index=index, classes=classes, probabilities=probabilities, scores=margins)
    if link != "softmax" or width != len(classes):
        raise NotCompiled(f"a classifier of {width} outputs with {learner.objective} isn't known")
    probabilities = build.add(Link(margins, link))
    ranked = margins if learner.objective == "multi:softmax" else probabilities
    index = build.add(Largest(ranked))
    return Fitted(index=index, classes=classes, probabilities=probabilities, scores=margins)


def regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The sums through the link of the objective."""
    learner = _learner(estimator)
    margins = _margins(learner, build, x, _missing(estimator), _n_rounds(estimator))
    return _values(learner, build, margins)


def booster(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The predictions of the native booster with all of its trees."""
    learner = _learner(estimator)
    return _values(learner, build, _margins(learner, build, x, np.nan, 0))


def _values(learner: _Learner, build: Builder, margins: int) -> Fitted:
    if learner.objective in ("binary:hinge", "multi:softmax"):
        raise NotCompiled("it answers the number of a class as a number")
    link = _link(learner.objective)
    if learner.objective == "reg:quantileerror" and learner.version >= _QUANTILES_SORTED:
        link = "sort"
    return Fitted(values=build.add(Link(margins, link)) if link else margins, scores=margins)


def _link(objective: str) -> LinkName | None:
    if objective in _LINKS:
        return _LINKS[objective]
    if objective in _IDENTITIES:
        return None
    raise NotCompiled(f"its objective ({objective}) isn't supported")


def _missing(estimator: Any) -> float:
    return float("nan") if estimator.missing is None else float(estimator.missing)


def _n_rounds(estimator: Any) -> int:
    """How many rounds of trees are used; 0 is all: fewer after early stopping."""
    return int(estimator._get_iteration_range(None)[1])  # noqa: SLF001 - as in predict()


def _learner(estimator: Any) -> _Learner:
    booster = estimator.get_booster() if hasattr(estimator, "get_booster") else estimator
    written = json.loads(bytes(booster.save_raw("json")))
    learner = written["learner"]
    objective = learner["objective"]["name"]
    # Older versions write one number, newer ones a list of them.
    score = json.loads(learner["learner_model_param"]["base_score"])
    return _Learner(
        tuple(written["version"]),
        objective,
        _base(objective, np.atleast_1d(np.asarray(score, np.float32))),
        tuple(learner.get("feature_types", ())),
        learner["gradient_booster"],
    )


def _base(objective: str, score: _Singles) -> _Singles:
    """The base score as a raw score: the file stores it as a prediction.

    The logarithm is that of doubles: numpy's of single numbers may be off by their last bit, the C
    library's isn't.
    """
    link = _link(objective)
    one = np.float32(1)
    if link == "sigmoid":
        return -np.log((one / score - one).astype(np.float64)).astype(np.float32)
    return np.log(score.astype(np.float64)).astype(np.float32) if link == "exp" else score


def _margins(learner: _Learner, build: Builder, x: Features, missing: float, n_rounds: int) -> int:
    """The sums, in single precision."""
    if learner.booster["name"] == "gblinear":
        return _linear(learner, build, x, missing)
    model = learner.booster.get("gbtree", learner.booster)["model"]
    # Of trees that were dropped in training; newer versions store them with the trees.
    weights = learner.booster.get("weight_drop") or model.get("weight_drop")
    n_trees = _n_trees(model, n_rounds)
    trees = [
        _tree(tree, target, np.float32(weights[number] if weights else 1))
        for number, (tree, target) in enumerate(
            zip(model["trees"][:n_trees], model["tree_info"], strict=False)
        )
    ]
    width = max([len(learner.base), *(t.target + 1 for t in trees), *map(_n_values, trees)])
    base = np.broadcast_to(learner.base, (width,))
    rows = _blanked(build, build.matrix(_categories_first(learner, model, build, x)), missing)
    forest = forest_of(rows, trees, base, is_single_input=True, is_single_sum=True)
    return build.add(Single(build.add(forest)))


def _linear(learner: _Learner, build: Builder, x: Features, missing: float) -> int:
    """The sums of a linear booster; its biases come after the weights of the columns.

    It adds the first output's base to all outputs, though newer versions have one for each.
    """
    rows = build.add(Single(_blanked(build, build.matrix(x), missing)))
    written: _Singles = np.array(learner.booster["model"]["weights"], np.float32)
    weights: _Singles = written.reshape(build.width(rows) + 1, -1)
    return build.add(SingleSum(rows, weights[:-1], weights[-1] + learner.base[0]))


def _n_values(tree: Tree) -> int:
    return int(tree.values.shape[1]) if tree.values.ndim == 2 else 1


def _n_trees(model: dict[str, Any], n_rounds: int) -> int:
    n_all = len(model["trees"])
    if not n_rounds:
        return n_all
    starts = model.get("iteration_indptr")
    if starts is None:
        raise NotCompiled("it stopped early, in a version of XGBoost older than 2")
    return int(starts[min(n_rounds, len(starts) - 1)])


def _blanked(build: Builder, rows: int, missing: float) -> int:
    """The rows, with other values that count as missing made missing."""
    if np.isnan(missing):
        return rows
    bound = np.full(build.width(rows), float(np.float32(missing)))
    return build.add(Blank(build.add(Single(rows)), bound, bound))


def _tree(tree: dict[str, Any], target: int, weight: np.float32) -> Tree:
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    conditions = np.array(tree["split_conditions"], np.float32)
    goes_left = np.array(tree["default_left"]) > 0
    sets = _sets(tree)
    for node in sets:
        # A category in the set goes right there, left here.
        left[node], right[node] = right[node], left[node]
        goes_left[node] = not goes_left[node]
    return Tree(
        left=left,
        right=right,
        feature=np.array(tree["split_indices"]),
        # Rows go left below the condition, that is, up to the number before it.
        threshold=np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64),
        values=_leaves(tree, left) * weight,
        missing_left=goes_left,
        sets=sets,
        target=target,
    )


def _leaves(tree: dict[str, Any], left: NDArray[Any]) -> _Singles:
    """The value of each node, or values, one for each output."""
    width = int(tree["tree_param"]["size_leaf_vector"] or 1)
    if width <= 1:
        return np.array(tree["split_conditions"], np.float32)
    if "leaf_weights" not in tree:
        return np.array(tree["base_weights"], np.float32).reshape(-1, width)
    values = np.zeros((len(left), width), np.float32)
    weights = np.array(tree["leaf_weights"], np.float32).reshape(-1, width)
    is_leaf = left < 0
    # A leaf stores the position of its values in place of its right child.
    places = np.array(tree["right_children"])[is_leaf]
    values[is_leaf] = weights[places if (places >= 0).all() else np.arange(is_leaf.sum())]
    return values


def _sets(tree: dict[str, Any]) -> dict[int, NDArray[np.uint32]]:
    """Bits of the categories of each node that tests them."""
    sets = {}
    places = zip(
        tree["categories_nodes"],
        tree["categories_segments"],
        tree["categories_sizes"],
        strict=True,
    )
    for node, begin, size in places:
        members = np.array(tree["categories"][begin : begin + size], np.int64)
        words = np.zeros(int(members.max(initial=0)) // 32 + 1, np.uint32)
        np.bitwise_or.at(words, members >> 5, np.uint32(1) << (members & 31).astype(np.uint32))
        sets[int(node)] = words
    return sets


def _categories_first(
    learner: _Learner, model: dict[str, Any], build: Builder, x: Features
) -> Features:
    """The columns, with categories as numbers."""
    encodings = model.get("cats", {}).get("enc", [])
    columns: list[Column] = list(x)
    for place, kind in enumerate(learner.types):
        if kind != "c":
            continue
        column = x[place]
        if not build.is_number(column):
            codes = _codes(encodings[place] if place < len(encodings) else {})
            columns[place] = Computed(build.codes((column,), [codes]), 0)
        elif not _is_whole(build, column):
            # A fraction between -1 and 0 is no category there, but category 0 here.
            whole = build.add(Link(build.matrix((column,)), "floor"))
            columns[place] = Computed(whole, 0)
    return tuple(columns)


def _is_whole(build: Builder, column: Column) -> bool:
    if isinstance(column, Input):
        return build.field(column).type in ("integer", "boolean")
    if not isinstance(column, Computed):
        return False
    values = values_of(build, column)
    return values is not None and all(float(value).is_integer() for value in values)


def _codes(encoding: dict[str, Any]) -> Codes:
    """The number of each category as the model stores them; an unknown one is an error."""
    values = encoding.get("values")
    if not values:
        raise NotCompiled("it doesn't say what its categories are (XGBoost before 3.1)")
    labels: list[Any] = list(values)
    if "offsets" in encoding:
        texts = np.array(values, np.int8).tobytes()
        offsets = encoding["offsets"]
        labels = [texts[a:b].decode() for a, b in pairwise(offsets)]
    return Codes({label: float(i) for i, label in enumerate(labels)}, missing=np.nan)


MODELS = {
    "xgboost.Booster": booster,
    "xgboost.XGBClassifier": classifier,
    "xgboost.XGBRFClassifier": classifier,
    "xgboost.XGBRFRegressor": regressor,
    "xgboost.XGBRanker": regressor,
    "xgboost.XGBRegressor": regressor,
}
