"""Outlier detectors."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.neighbors import nearest_rows
from podium.compile.exporters.trees import tree_of
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.nodes import forest_of
from podium.program.operations import Above, Finite, Link, Matmul, Product, Select


def isolation_forest(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The fewer splits isolate a row, the more it is an outlier."""
    trees = []
    for member, columns, depths, lengths in zip(
        estimator.estimators_,
        estimator.estimators_features_,
        estimator._decision_path_lengths,  # noqa: SLF001 - no public name
        estimator._average_path_length_per_tree,  # noqa: SLF001 - no public name
        strict=True,
    ):
        values = (np.asarray(depths) + np.asarray(lengths) - 1.0).reshape(-1, 1)
        tree = tree_of(member, values)
        feature = np.where(tree.feature >= 0, np.asarray(columns)[tree.feature], tree.feature)
        trees.append(tree._replace(feature=feature))
    total = build.add(
        forest_of(
            build.matrix(x), trees, np.zeros(1), is_single_input=True, refuses=_refuses(estimator)
        )
    )
    usual = len(trees) * _usual_length(estimator._max_samples)  # noqa: SLF001 - as trained
    if not usual:
        raise NotCompiled("its trees saw a single row each")
    # -(2 ** -(depth / usual)) - offset, above 0 for a row like the others.
    power = build.add(Link(build.scale(total, divide=-usual), "exp2"))
    scores = build.scale(power, multiply=-1.0, add=-float(estimator.offset_))
    return Fitted(
        index=build.add(Above(scores, 0.0, or_equal=True)), classes=(-1, 1), scores=scores
    )


def _refuses(estimator: Any) -> Literal["", "missing or infinite"]:
    """What the estimator refuses: newer versions check nothing."""
    tags = estimator.__sklearn_tags__() if hasattr(estimator, "__sklearn_tags__") else None
    return "" if tags and tags.input_tags.allow_nan else "missing or infinite"


def _usual_length(n_rows: int) -> float:
    """The mean number of splits that isolate a random row among this many.

    Source: Liu, Ting and Zhou (2008), Isolation Forest, ICDM, equation 1.
    """
    if n_rows <= 1:
        return 0.0
    if n_rows == 2:
        return 1.0
    return float(2.0 * (np.log(n_rows - 1.0) + np.euler_gamma) - 2.0 * (n_rows - 1.0) / n_rows)


def elliptic_envelope(estimator: Any, build: Builder, x: Features) -> Fitted:
    """1 within an ellipse around the middle of the data, else -1."""
    register = build.add(Finite(build.matrix(x)))
    values, vectors = np.linalg.eigh(np.asarray(estimator.precision_, np.float64))
    if (values < 0).any():
        raise NotCompiled("its precision matrix isn't positive")
    centred = build.scale(register, subtract=estimator.location_)
    turned = build.add(Matmul(centred, vectors * np.sqrt(values)))
    squares = build.add(Link(turned, "square"))
    ones = np.full((len(values), 1), -1.0)
    offset = np.array([-float(estimator.offset_)])
    scores = build.add(Matmul(squares, ones, offset))
    return Fitted(
        index=build.add(Above(scores, 0.0, or_equal=True)), classes=(-1, 1), scores=scores
    )


def local_outlier_factor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """-1 if the row's neighbours are in much denser regions than the row itself."""
    if not estimator.novelty:
        raise NotCompiled("it detects outliers in the training data only")
    n_nearest = int(estimator.n_neighbors_)
    densities = np.asarray(estimator._lrd, np.float64)  # noqa: SLF001 - as in its predict
    reach = np.asarray(estimator._distances_fit_X_, np.float64)[:, n_nearest - 1]
    near = nearest_rows(estimator, build, x, densities[:, None], n_nearest, reach=reach)
    density = build.add(Select(near, np.array([0], np.int32)))
    distance = build.scale(build.add(Select(near, np.array([1], np.int32))), add=1e-10)
    only = np.zeros(1, np.int32)
    factor = build.add(Product((density, distance), only, only))
    scores = build.scale(factor, multiply=-1.0, add=-float(estimator.offset_))
    index = build.add(Above(scores, or_equal=True))
    return Fitted(index=index, classes=(-1, 1), scores=scores)


MODELS = {
    "sklearn.EllipticEnvelope": elliptic_envelope,
    "sklearn.IsolationForest": isolation_forest,
    "sklearn.LocalOutlierFactor": local_outlier_factor,
}
