"""Decision trees and forests."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of, label_of
from podium.compile.nodes import Tree, forest_of
from podium.program.operations import Indicate, Largest, Select


def tree_of(estimator: Any, values: Any = None, target: int = 0) -> Tree:
    """The nodes of a fitted tree.

    Args:
        values: of each node, if they aren't the tree's own.
    """
    tree = estimator.tree_
    if values is None:
        values = tree.value.reshape(tree.node_count, -1)
    missing_left = getattr(tree, "missing_go_to_left", None)
    return Tree(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        values=values,
        missing_left=missing_left,
        target=target,
    )


def refused(estimator: Any) -> Literal["infinite", "missing or infinite"]:
    """What the estimator refuses."""
    tags = estimator.__sklearn_tags__() if hasattr(estimator, "__sklearn_tags__") else None
    return "infinite" if tags and tags.input_tags.allow_nan else "missing or infinite"


def tree_model(estimator: Any, build: Builder, x: Features) -> Fitted:
    """One tree."""
    return _model(estimator, [estimator], build, x)


def forest_model(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The mean of some trees."""
    return _model(estimator, list(estimator.estimators_), build, x)


def _model(estimator: Any, members: list[Any], build: Builder, x: Features) -> Fitted:
    trees = [tree_of(member) for member in members]
    width = trees[0].values.shape[1]
    forest = forest_of(
        build.matrix(x),
        trees,
        np.zeros(width),
        is_single_input=True,
        refuses=refused(members[0]),
    )
    total = build.add(forest)
    # A mean of one is the value itself: dividing by 1 changes nothing.
    mean = total if len(trees) == 1 else build.scale(total, divide=float(len(trees)))
    if not hasattr(estimator, "classes_"):
        return Fitted(values=mean)
    if estimator.n_outputs_ == 1:
        index = build.add(Largest(mean))
        return Fitted(index=index, classes=classes_of(estimator), probabilities=mean, scores=mean)
    return Fitted(outputs=tuple(_outputs(estimator, build, mean)))


def _outputs(estimator: Any, build: Builder, mean: int) -> list[Fitted]:
    """Several outputs: leaves have columns for the output with the most classes, for each."""
    n_most = int(np.max(estimator.n_classes_))
    outputs = []
    for number, labels in enumerate(estimator.classes_):
        classes = tuple(np.asarray(labels).tolist())
        if any(label_of(label) is None for label in classes):
            raise NotCompiled("its classes are neither texts, numbers nor booleans")
        columns = number * n_most + np.arange(len(classes), dtype=np.int32)
        shares = build.add(Select(mean, columns.astype(np.int32)))
        index = build.add(Largest(shares))
        outputs.append(Fitted(index=index, classes=classes, probabilities=shares))
    return outputs


def trees_embedding(estimator: Any, build: Builder, x: Features) -> Features:
    """A one for the leaf that the row reaches, in each tree."""
    encoder = estimator.one_hot_encoder_
    if encoder.drop is not None or getattr(encoder, "infrequent_categories_", None) is not None:
        raise NotCompiled("it leaves out some leaves")
    trees = []
    for number, (member, leaves) in enumerate(
        zip(estimator.estimators_, encoder.categories_, strict=True)
    ):
        places = np.full((member.tree_.node_count, 1), np.nan)
        places[leaves.astype(int), 0] = np.arange(len(leaves))
        if np.isnan(places[member.tree_.children_left < 0]).any():
            raise NotCompiled("a leaf was reached by no training row")
        trees.append(tree_of(member, np.nan_to_num(places), number))
    refuses = refused(estimator.estimators_[0])
    leaves = build.add(
        forest_of(
            build.matrix(x), trees, np.zeros(len(trees)), is_single_input=True, refuses=refuses
        )
    )
    starts = np.cumsum([0, *(len(some) for some in encoder.categories_)]).astype(np.int32)
    return build.features(build.add(Indicate(leaves, starts[:-1], int(starts[-1]))))


TRANSFORMERS = {"sklearn.RandomTreesEmbedding": trees_embedding}
MODELS = {
    "sklearn.DecisionTreeClassifier": tree_model,
    "sklearn.DecisionTreeRegressor": tree_model,
    "sklearn.ExtraTreeClassifier": tree_model,
    "sklearn.ExtraTreeRegressor": tree_model,
    "sklearn.ExtraTreesClassifier": forest_model,
    "sklearn.ExtraTreesRegressor": forest_model,
    "sklearn.RandomForestClassifier": forest_model,
    "sklearn.RandomForestRegressor": forest_model,
}
