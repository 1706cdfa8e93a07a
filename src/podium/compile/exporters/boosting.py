"""scikit-learn's gradient boosting: histogram-based, and the classic one."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.trees import tree_of
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.compile.nodes import Tree, forest_of
from podium.program.operations import Above, Largest, Link, Pair
from podium.program.operations.numbers.links import LinkName


def hist_gradient_boosting(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Trees over raw values in double precision, added to a baseline."""
    x = _categories_first(estimator, build, x)
    trees = [
        _hist_tree(predictor, target)
        for iteration in estimator._predictors  # noqa: SLF001 - the only place
        for target, predictor in enumerate(iteration)
    ]
    base = np.ravel(estimator._baseline_prediction)  # noqa: SLF001 - the only place
    return _boosted(estimator, build, build.add(forest_of(build.matrix(x), trees, base)))


def _categories_first(estimator: Any, build: Builder, x: Features) -> Features:
    """Columns in the order of the trees: the encoded categories, then the numbers."""
    columns = getattr(estimator, "_preprocessor", None)
    if columns is None:
        return x
    indices = columns._transformer_to_input_indices  # noqa: SLF001 - as in pipeline.py
    encoder = columns.named_transformers_["encoder"]
    categories = tuple(x[int(i)] for i in indices["encoder"])
    numbers = tuple(x[int(i)] for i in indices["numerical"])
    return (build.transform(encoder, categories) if categories else ()) + numbers


def _hist_tree(predictor: Any, target: int) -> Tree:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"] > 0
    sets = {
        int(node): predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]].astype(np.uint32)
        for node in np.flatnonzero((nodes["is_categorical"] > 0) & ~is_leaf)
    }
    return Tree(
        left=np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
        right=nodes["right"].astype(np.int64),
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        values=nodes["value"],
        missing_left=nodes["missing_go_to_left"],
        sets=sets,
        target=target,
    )


def gradient_boosting(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Trees over values of single precision, times the learning rate, added to an initial value."""
    members = estimator.estimators_
    rate = float(estimator.learning_rate)
    trees = [
        tree_of(member, member.tree_.value[:, 0, 0] * rate, target)
        for stage in members
        for target, member in enumerate(stage)
    ]
    forest = forest_of(
        build.matrix(x),
        trees,
        _first_guess(estimator, members.shape[1]),
        is_single_input=True,
        refuses="missing or infinite",
    )
    return _boosted(estimator, build, build.add(forest), or_equal=True)


def _first_guess(estimator: Any, n_outputs: int) -> Any:
    init = estimator.init_
    if isinstance(init, str):  # "zero"
        return np.zeros(n_outputs)
    if type(init).__name__ not in ("DummyClassifier", "DummyRegressor"):
        raise NotCompiled("it begins with the answer of another model (init)")
    # A dummy predicts the same for every row.
    row = np.zeros((1, estimator.n_features_in_), np.float32)
    return np.ravel(estimator._raw_predict_init(row))  # noqa: SLF001 - the initial value


_LINKS: dict[str, LinkName | None] = {
    "IdentityLink": None,
    "LogLink": "exp",
    "LogitLink": "sigmoid",
    "HalfLogitLink": "sigmoid",
    "MultinomialLogit": "softmax",
}


def _boosted(estimator: Any, build: Builder, raw: int, *, or_equal: bool = False) -> Fitted:
    """The outputs for the sums of the trees."""
    name = type(estimator._loss.link).__name__  # noqa: SLF001 - the only place
    if name not in _LINKS:
        raise NotCompiled(f"its loss has a link ({name}) that isn't supported")
    link = _LINKS[name]
    if not hasattr(estimator, "classes_"):
        # The classic one returns the sums themselves, whatever its loss.
        is_raw = link is None or type(estimator).__name__ == "GradientBoostingRegressor"
        return Fitted(values=raw if is_raw or link is None else build.add(Link(raw, link)))
    classes = classes_of(estimator)
    if link is None:
        raise NotCompiled("its loss has no probabilities")
    if build.width(raw) == 1:
        twice = build.scale(raw, multiply=2.0) if name == "HalfLogitLink" else raw
        probabilities = build.add(Pair(build.add(Link(twice, link))))
        index = build.add(Above(raw, or_equal=or_equal))
    else:
        probabilities = build.add(Link(raw, link))
        index = build.add(Largest(raw))
    return Fitted(index=index, classes=classes, probabilities=probabilities, scores=raw)


MODELS = {
    "sklearn.GradientBoostingClassifier": gradient_boosting,
    "sklearn.GradientBoostingRegressor": gradient_boosting,
    "sklearn.HistGradientBoostingClassifier": hist_gradient_boosting,
    "sklearn.HistGradientBoostingRegressor": hist_gradient_boosting,
}
