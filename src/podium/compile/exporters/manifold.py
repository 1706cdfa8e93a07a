"""Embeddings of manifolds: new rows are placed by their nearest training rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.decomposition import centred_components
from podium.compile.exporters.neighbors import nearest_rows
from podium.compile.features import Features, NotCompiled
from podium.program.operations import Barycenter, Geodesic, Link

# The ways between all pairs of this many rows take 128 MiB.
ROWS_MAX = 4_096


def isomap(estimator: Any, build: Builder, x: Features) -> Features:
    """Components of the ways to all training rows."""
    n_nearest = estimator.n_neighbors
    if n_nearest is None:
        raise NotCompiled("it takes all rows within a radius; with n_neighbors it compiles")
    _require_double(build, x)
    ways = np.ascontiguousarray(estimator.dist_matrix_, np.float64)
    if len(ways) > ROWS_MAX:
        raise NotCompiled(f"it was trained on {len(ways)} rows; up to {ROWS_MAX} are known")
    register = nearest_rows(estimator.nbrs_, build, x, ways, int(n_nearest), kind=Geodesic)
    squares = build.scale(build.add(Link(register, "square")), multiply=-0.5)
    return build.features(centred_components(estimator.kernel_pca_, build, squares))


def locally_linear(estimator: Any, build: Builder, x: Features) -> Features:
    """Weighted places of the nearest training rows."""
    _require_double(build, x)
    places = np.ascontiguousarray(estimator.embedding_, np.float64)
    n_nearest = int(estimator.n_neighbors)
    return build.features(
        nearest_rows(
            estimator.nbrs_,
            build,
            x,
            places,
            n_nearest,
            kind=Barycenter,
            regularization=float(estimator.reg),
        )
    )


def _require_double(build: Builder, x: Features) -> None:
    if build.is_single(build.matrix(x)):
        raise NotCompiled("it computes in single precision")


TRANSFORMERS = {
    "sklearn.Isomap": isomap,
    "sklearn.LocallyLinearEmbedding": locally_linear,
}
