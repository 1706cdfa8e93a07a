"""Boosted trees of LightGBM: double precision, read from its own model text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from podium.compile.builder import Builder
from podium.compile.exporters.linear_leaves import Leaf, linear_sums
from podium.compile.features import Column, Computed, Features, Fitted, Input, NotCompiled
from podium.compile.labels import classes_of, label_of
from podium.compile.nodes import Tree, forest_of
from podium.compile.registers import Codes, is_closed
from podium.program.operations import Blank, Elementwise, Largest, Link, Pair, Single
from podium.program.operations.numbers.links import LinkName

# Bits of a node's decision type; the higher ones say what counts as missing there.
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_NO_MISSING, _ZERO = 0, 1
# The library compares with this single-precision number.
_ZERO_MAX = float(np.float32(1e-35))

_LINKS: dict[str, LinkName] = {
    "binary": "sigmoid",
    "cross_entropy": "sigmoid",
    "gamma": "exp",
    "multiclass": "softmax",
    "multiclassova": "sigmoid",
    "poisson": "exp",
    "tweedie": "exp",
}
_IDENTITIES = (
    "",  # models with a custom objective return the sums
    "cross_entropy_lambda",
    "fair",
    "huber",
    "lambdarank",
    "mape",
    "quantile",
    "rank_xendcg",
    "regression",
    "regression_l1",
)


class _Model(NamedTuple):
    """The header of the model's text.

    Attributes:
        objective: its name, with `options` as `name:value` or single words.
        n_outputs: trees per round.
        is_mean: whether the trees' values are averaged.
        trees: the lines of each, by the name before their `=`.
    """

    objective: str
    options: tuple[str, ...]
    n_outputs: int
    is_mean: bool
    trees: tuple[dict[str, str], ...]


def classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Probabilities; the predicted class has the largest of them."""
    booster_ = estimator.booster_
    sums, outputs = _registers(booster_, build, x)
    if callable(estimator.objective_):  # then it predicts the sums
        return Fitted(values=sums, scores=sums)
    classes = classes_of(estimator)
    probabilities = build.add(Pair(outputs)) if build.width(outputs) == 1 else outputs
    if build.width(probabilities) != len(classes):
        raise NotCompiled(f"{len(classes)} classes don't fit {build.width(outputs)} outputs")
    index = build.add(Largest(probabilities))
    return Fitted(index=index, classes=classes, probabilities=probabilities, scores=sums)


def regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The sums through the link of the objective."""
    return booster(estimator.booster_, build, x)


def booster(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The predictions of the native booster."""
    sums, outputs = _registers(estimator, build, x)
    return Fitted(values=outputs, scores=sums)


def _registers(booster_: Any, build: Builder, x: Features) -> tuple[int, int]:
    """The registers of the raw scores, and of the outputs computed from them."""
    model = _read(booster_.model_to_string())
    x = _categories_first(booster_.pandas_categorical or [], build, x)
    n = model.n_outputs
    kinds: dict[int, int] = {}
    trees = [_tree(lines, number % n, kinds) for number, lines in enumerate(model.trees)]
    rows = _blanked(build, build.matrix(x), kinds)
    if any(_is_linear(lines) for lines in model.trees):
        sums = _linear(model, trees, build, rows, x)
    else:
        single = _is_rounded(build, x)
        sums = build.add(forest_of(rows, trees, np.zeros(n), is_single_input=single))
    if model.is_mean:
        sums = build.scale(sums, divide=float(max(1, len(trees) // n)))
    return sums, _linked(model, build, sums)


def _linked(model: _Model, build: Builder, sums: int) -> int:
    link = _LINKS.get(model.objective)
    if link is None and model.objective not in _IDENTITIES:
        raise NotCompiled(f"its objective ({model.objective}) isn't supported")
    if "sqrt" in model.options:  # the square, with the sign of the root
        size = build.add(Link(sums, "abs"))
        return build.add(Elementwise((sums, size), "multiply", (0, 1), np.zeros((0, 1))))
    if model.objective == "cross_entropy_lambda":
        return build.add(Link(build.add(Link(sums, "exp")), "log1p"))
    if link is None:
        return sums
    steep = [float(o.partition(":")[2]) for o in model.options if o.startswith("sigmoid:")]
    if steep and steep[0] != 1:
        return build.add(Link(build.scale(sums, multiply=steep[0]), link))
    return build.add(Link(sums, link))


def _is_linear(lines: dict[str, str]) -> bool:
    return bool(int(lines.get("is_linear", 0)))


def _linear(model: _Model, trees: Sequence[Tree], build: Builder, rows: int, x: Features) -> int:
    """The sums of trees whose leaves hold linear models."""
    if _is_rounded(build, x):
        rows = build.add(Single(rows))
    leaves = map(_leaves, model.trees)
    return linear_sums(build, rows, list(zip(trees, leaves, strict=True)), model.n_outputs)


def _leaves(lines: dict[str, str]) -> list[Leaf]:
    """The models of a tree's leaves; without them they are constant."""
    values = _numbers(lines, "leaf_value", np.float64).tolist()
    if not _is_linear(lines):
        return [Leaf(value, (), (), value) for value in values]
    constants = _numbers(lines, "leaf_const", np.float64).tolist()
    ends = np.cumsum(_numbers(lines, "num_features", np.int64))[:-1]
    columns = np.split(_numbers(lines, "leaf_features", np.int64), ends)
    coefficients = np.split(_numbers(lines, "leaf_coeff", np.float64), ends)
    return [
        Leaf(constant, some.tolist(), numbers.tolist(), value)
        for constant, some, numbers, value in zip(
            constants, columns, coefficients, values, strict=True
        )
    ]


def _is_rounded(build: Builder, x: Features) -> bool:
    """Whether the library reads the rows in single precision, as it does arrays of integers."""
    return build.signature.frame == "numpy" and all(
        isinstance(column, Input) and build.field(column).dtype.startswith(("int", "uint"))
        for column in x
    )


def _blanked(build: Builder, rows: int, kinds: dict[int, int]) -> int:
    """The rows, with zeros made missing where they count as missing."""
    bound = np.full(build.width(rows), np.nan)
    zeros = [feature for feature, kind in kinds.items() if kind == _ZERO]
    if not zeros:
        return rows
    bound[zeros] = _ZERO_MAX
    return build.add(Blank(rows, -bound, bound))


def _categories_first(levels: Sequence[Any], build: Builder, x: Features) -> Features:
    """The columns, with pandas' categories as their numbers in training."""
    places = [
        place
        for place, column in enumerate(x)
        if isinstance(column, Input) and is_closed(build.field(column))
    ]
    if len(places) != len(levels):
        raise NotCompiled(f"it was trained on {len(levels)} columns of categories")
    columns: list[Column] = list(x)
    for place, categories in zip(places, levels, strict=True):
        of = {label_of(label): float(code) for code, label in enumerate(categories)}
        codes = Codes({k: v for k, v in of.items() if k is not None}, np.nan, np.nan)
        columns[place] = Computed(build.codes((x[place],), [codes]), 0)
    return tuple(columns)


def _read(text: str) -> _Model:
    head, *blocks = text.partition("end of trees")[0].split("\nTree=")
    lines = dict(_pairs(head))
    words = lines.get("objective", "").split()
    return _Model(
        objective=words[0] if words else "",
        options=tuple(words[1:]),
        n_outputs=int(lines["num_tree_per_iteration"]),
        is_mean="\naverage_output" in head,
        trees=tuple(dict(_pairs(block)) for block in blocks),
    )


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            yield name, value


def _tree(lines: dict[str, str], target: int, kinds: dict[int, int]) -> Tree:
    """A tree; records in `kinds` what each feature treats as missing."""
    leaves = _numbers(lines, "leaf_value", np.float64)
    n_inner = int(lines["num_leaves"]) - 1
    feature = _numbers(lines, "split_feature", np.int64)[:n_inner]
    threshold = _numbers(lines, "threshold", np.float64)[:n_inner]
    decision = _numbers(lines, "decision_type", np.int64)[:n_inner]
    is_set = (decision & _CATEGORICAL) > 0
    missing = decision >> 2
    _note(kinds, feature[~is_set], missing[~is_set])
    # If nothing counts as missing, a missing value is zero.
    goes_left = np.where(missing == _NO_MISSING, threshold >= 0, (decision & _DEFAULT_LEFT) > 0)
    goes_left &= ~is_set
    threshold = np.where(is_set, threshold, _beside_zero(threshold))
    no_category = np.zeros(len(leaves), np.int64)
    return Tree(
        left=np.concatenate([_children(lines, "left_child", n_inner), no_category - 1]),
        right=np.concatenate([_children(lines, "right_child", n_inner), no_category - 1]),
        feature=np.concatenate([feature, no_category]),
        threshold=np.concatenate([threshold, no_category]),
        values=np.concatenate([np.zeros(n_inner), leaves]),
        missing_left=np.concatenate([goes_left, no_category > 0]),
        sets=_sets(lines, np.flatnonzero(is_set), threshold),
        target=target,
    )


def _beside_zero(threshold: NDArray[Any]) -> NDArray[Any]:
    """For thresholds so small that the library treats every number of their size as zero."""
    above = np.where(threshold >= 0, _ZERO_MAX, np.nextafter(-_ZERO_MAX, -np.inf))
    return np.where(np.abs(threshold) <= _ZERO_MAX, above, threshold)


def _note(kinds: dict[int, int], features: NDArray[Any], missing: NDArray[Any]) -> None:
    for feature, kind in zip(features.tolist(), missing.tolist(), strict=True):
        if (kinds.setdefault(feature, kind) == _ZERO) != (kind == _ZERO):
            raise NotCompiled(f"zeros of feature {feature} are missing in some of its trees only")


def _children(lines: dict[str, str], name: str, n_inner: int) -> NDArray[Any]:
    """Inner nodes first, then leaves: the text has leaf n as ~n."""
    numbers = _numbers(lines, name, np.int64)[:n_inner]
    return np.where(numbers < 0, n_inner + ~numbers, numbers)


def _sets(
    lines: dict[str, str], nodes: NDArray[Any], threshold: NDArray[Any]
) -> dict[int, NDArray[np.uint32]]:
    starts = _numbers(lines, "cat_boundaries", np.int64)
    words = _numbers(lines, "cat_threshold", np.uint32)
    numbers = threshold[nodes].astype(np.int64)
    return {
        int(node): words[starts[n] : starts[n + 1]] for node, n in zip(nodes, numbers, strict=True)
    }


def _numbers(lines: dict[str, str], name: str, dtype: Any) -> NDArray[Any]:
    return np.array(lines.get(name, "").split(), dtype)


MODELS = {
    "lightgbm.Booster": booster,
    "lightgbm.LGBMClassifier": classifier,
    "lightgbm.LGBMRanker": regressor,
    "lightgbm.LGBMRegressor": regressor,
}
