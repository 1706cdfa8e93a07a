"""Clusters and mixtures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.ensemble import index_of
from podium.compile.exporters.neighbors import nearest_of, nearness
from podium.compile.features import Features, Fitted, NotCompiled
from podium.program.operations import (
    Distance,
    Elementwise,
    Finite,
    Join,
    Largest,
    Link,
    Lookup,
    Matmul,
    Product,
    Select,
    Total,
)

# One sort takes fewer steps than comparisons in pairs: for a row 11 us instead of 22 of 100 columns, but
# for 6,000 rows twice as long of 3,000.
_SORTED_MAX = 200


def k_means(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The index of the nearest centre."""
    centres = np.asarray(estimator.cluster_centers_)
    if centres.dtype != np.float64:
        raise NotCompiled("it was trained in single precision")
    return _with_distances(nearest_of(centres, build, x, range(len(centres))), build, x, centres)


def _with_distances(
    fitted: Fitted, build: Builder, x: Features, centres: Any, *, is_nearest: bool = True
) -> Fitted:
    """The same, with the distance to the centre of the index and, if they are wanted, to all.

    Args:
        is_nearest: whether the index is that of the nearest centre.
    """
    if not build.signature.output.has_distances:
        return _with_distance(fitted, build, x, centres)
    far = _distances(build, x, centres)
    if is_nearest:
        return replace(fitted, scores=_least(build, far), distances=far)
    return replace(_with_distance(fitted, build, x, centres), distances=far)


def _distances(build: Builder, x: Features, centres: Any) -> int:
    register = build.add(Finite(build.matrix(x)))
    return build.add(Distance(register, np.ascontiguousarray(centres, np.float64)))


def _least(build: Builder, register: int) -> int:
    """The least number of each row."""
    if build.width(register) > _SORTED_MAX:
        return _least_of_each(build, register, np.zeros(build.width(register), np.intp))
    return build.add(Select(build.add(Link(register, "sort")), np.zeros(1, np.int32)))


def _with_distance(fitted: Fitted, build: Builder, x: Features, centres: Any) -> Fitted:
    """The same, with the distance to the centre of the index."""
    centre = build.add(Lookup(index_of(fitted), np.ascontiguousarray(centres, np.float64)))
    away = build.add(Total((build.matrix(x), centre), np.array([1.0, -1.0])))
    squares = build.add(Link(away, "square"))
    total = build.add(Matmul(squares, np.ones((build.width(squares), 1))))
    return replace(fitted, scores=build.add(Link(total, "sqrt")))


def bisecting_k_means(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Down a tree of centres, to the nearer one at each node."""
    register = build.add(Finite(build.matrix(x)))
    mean = getattr(estimator, "_X_mean", 0.0)
    n_clusters = int(estimator.n_clusters)

    def shares(node: Any) -> int:
        """Ones in the column of the cluster that a row reaches below this node."""
        if node.left is None:
            only = (np.arange(n_clusters) == node.label).astype(np.float64)
            return build.add(Matmul(register, np.zeros((build.width(register), n_clusters)), only))
        centres = np.vstack((node.left.center, node.right.center)) + mean
        goes_right = build.add(Largest(nearness(build, register, centres)))
        right = build.add(Lookup(goes_right, np.array([[0.0], [1.0]]) * np.ones(n_clusters)))
        left = build.scale(build.scale(right, multiply=-1.0), add=1.0)
        columns = np.arange(n_clusters, dtype=np.int32)
        parts = [
            build.add(Product((side, shares(child)), columns, columns))
            for side, child in ((left, node.left), (right, node.right))
        ]
        return build.add(Total(tuple(parts)))

    tree = estimator._bisecting_tree  # noqa: SLF001 - as in its predict
    index = build.add(Largest(shares(tree)))
    fitted = Fitted(index=index, classes=tuple(range(n_clusters)))
    return _with_distances(fitted, build, x, estimator.cluster_centers_, is_nearest=False)


def centres_model(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The index of the nearest centre."""
    centres = estimator.cluster_centers_
    if not len(centres):
        raise NotCompiled("it found no clusters")
    return _with_distances(nearest_of(centres, build, x, range(len(centres))), build, x, centres)


def birch(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The cluster of the nearest subcluster."""
    labels = np.asarray(estimator.subcluster_labels_)
    classes = sorted(set(labels.tolist()))
    nearest = nearest_of(estimator.subcluster_centers_, build, x, range(len(labels)))
    own = _with_distances(nearest, build, x, estimator.subcluster_centers_)
    far = own.distances
    if far is not None:
        places = np.searchsorted(classes, labels)
        far = _least_of_each(build, far, places)
    table = (labels[:, None] == np.array(classes)).astype(np.float64)
    index = build.add(Largest(build.add(Lookup(index_of(nearest), table))))
    return Fitted(index=index, classes=tuple(classes), scores=own.scores, distances=far)


def _least_of_each(build: Builder, register: int, groups: Any) -> int:
    """The least number in each group of columns, in rounds that halve them.

    Args:
        groups: of each column, 0 to the last.
    """
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    while max(map(len, members)) > 1:
        # An odd one is compared with itself.
        pairs = [
            (some[::2], np.append(some[1::2], some[-1:])[: (len(some) + 1) // 2])
            for some in members
        ]
        one, other = (
            build.add(Select(register, np.concatenate(side).astype(np.int32)))
            for side in zip(*pairs, strict=True)
        )
        register = build.add(Elementwise((one, other), "minimum", (0, 1), np.zeros((0, 1))))
        ends = np.cumsum([len(some) for some, _ in pairs])
        members = [
            np.arange(end - len(some), end) for end, (some, _) in zip(ends, pairs, strict=True)
        ]
    return build.add(Select(register, np.concatenate(members).astype(np.int32)))


def distances(estimator: Any, build: Builder, x: Features) -> Features:
    """The distance to each centre."""
    name = (
        "subcluster_centers_" if hasattr(estimator, "subcluster_centers_") else "cluster_centers_"
    )
    centres = np.asarray(getattr(estimator, name))
    if centres.dtype != np.float64:
        raise NotCompiled("it was trained in single precision")
    return build.features(build.add(Distance(build.add(Finite(build.matrix(x))), centres)))


def gaussian_mixture(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The index of the component under which the row is most likely."""
    logs = np.log(np.asarray(estimator.weights_, np.float64))
    return _mixture(estimator, build, x, logs)


def bayesian_mixture(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The same, with the expected logarithms of weights and of precisions."""
    n_columns = estimator.means_.shape[1]
    # The constant that it adds to each component's log-density at the mean.
    middles = np.asarray(estimator.means_, np.float64)
    whole = estimator._estimate_weighted_log_prob(middles)  # noqa: SLF001 - as in its predict
    root = [_turned(estimator, number, n_columns) for number in range(len(middles))]
    heights = [_height(turned) for turned in root]
    return _mixture(estimator, build, x, np.diag(whole) - np.array(heights))


def _height(turned: Any) -> float:
    """The logarithm of a component's density at its mean."""
    return float(np.linalg.slogdet(turned)[1] - 0.5 * len(turned) * np.log(2 * np.pi))


def _mixture(estimator: Any, build: Builder, x: Features, logs: Any) -> Fitted:
    register = build.add(Finite(build.matrix(x)))
    n_columns = estimator.means_.shape[1]
    parts = []
    for number, (mean, log) in enumerate(zip(estimator.means_, logs, strict=True)):
        turned = _turned(estimator, number, n_columns)
        bias = -(mean @ turned)
        away = build.add(Link(build.add(Matmul(register, turned, bias)), "square"))
        constant = np.array([_height(turned) + log])
        parts.append(build.add(Matmul(away, np.full((n_columns, 1), -0.5), constant)))
    likelihoods = build.add(Join(tuple(parts)))
    shares = build.add(Link(likelihoods, "softmax"))
    # log(sum(exp(l))) is the largest l minus the logarithm of its share.
    most = np.array([len(parts) - 1], np.int32)
    largest, share = (
        build.add(Select(build.add(Link(register, "sort")), most))
        for register in (likelihoods, shares)
    )
    scores = build.add(Total((largest, build.add(Link(share, "log"))), np.array([1.0, -1.0])))
    index = build.add(Largest(likelihoods))
    classes = tuple(range(len(parts)))
    return Fitted(index=index, classes=classes, probabilities=shares, scores=scores)


def _turned(estimator: Any, number: int, n_columns: int) -> Any:
    """The root of one component's precision, as a matrix."""
    root = estimator.precisions_cholesky_
    if estimator.covariance_type == "full":
        return np.ascontiguousarray(root[number])
    if estimator.covariance_type == "tied":
        return np.ascontiguousarray(root)
    if estimator.covariance_type == "diag":
        return np.diag(root[number])
    return np.eye(n_columns) * root[number]


MODELS = {
    "sklearn.AffinityPropagation": centres_model,
    "sklearn.BayesianGaussianMixture": bayesian_mixture,
    "sklearn.Birch": birch,
    "sklearn.BisectingKMeans": bisecting_k_means,
    "sklearn.GaussianMixture": gaussian_mixture,
    "sklearn.KMeans": k_means,
    "sklearn.MeanShift": centres_model,
    "sklearn.MiniBatchKMeans": k_means,
}
TRANSFORMERS = {
    "sklearn.Birch": distances,
    "sklearn.BisectingKMeans": distances,
    "sklearn.KMeans": distances,
    "sklearn.MiniBatchKMeans": distances,
}
