"""Topics of counts: latent Dirichlet allocation."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, NotCompiled
from podium.program.operations import Finite, Topics


def latent_dirichlet(estimator: Any, build: Builder, x: Features) -> Features:
    """The share of each topic in a row."""
    terms = np.asarray(estimator.exp_dirichlet_component_)
    if terms.dtype != np.float64:
        raise NotCompiled("it was trained in single precision")
    return build.features(
        build.add(
            Topics(
                build.add(Finite(build.matrix(x), 0.0)),
                np.ascontiguousarray(terms),
                float(estimator.doc_topic_prior_),
                int(estimator.max_doc_update_iter),
                float(estimator.mean_change_tol),
            )
        )
    )


def matrix_factors(estimator: Any, _build: Builder, _x: Features) -> Features:
    """Never: its solver takes all rows of a call together."""
    raise NotCompiled(
        f"{type(estimator).__name__} goes on until all rows of a call together change little: what it "
        "returns for a row depends on the rows beside it; TruncatedSVD or SparsePCA compile"
    )


TRANSFORMERS = {
    "sklearn.LatentDirichletAllocation": latent_dirichlet,
    "sklearn.MiniBatchNMF": matrix_factors,
    "sklearn.NMF": matrix_factors,
}
