"""Dictionary learning: rows as sums of few atoms."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, NotCompiled
from podium.program.operations import Elementwise, Finite, Join, SparseCode
from podium.program.operations.models.sparse_codes import CodeName
from podium.program.operations.rows.elementwise import ElementwiseName

HOW: dict[str, CodeName] = {
    "lars": "least_angle",
    "lasso_lars": "lasso",
    "omp": "pursuit",
    "threshold": "threshold",
}


def dictionary_learning(estimator: Any, build: Builder, x: Features) -> Features:
    """The weights of learned atoms."""
    return _codes(estimator, build, x, estimator.components_)


def sparse_coder(estimator: Any, build: Builder, x: Features) -> Features:
    """The weights of given atoms."""
    return _codes(estimator, build, x, estimator.dictionary)


def _codes(estimator: Any, build: Builder, x: Features, atoms: Any) -> Features:
    how, register = estimator.transform_algorithm, build.add(Finite(build.matrix(x)))
    if how not in HOW:
        raise NotCompiled(
            f"its transform_algorithm={how!r} stops before it has the weights exactly; "
            "'lasso_lars' finds the same ones and compiles"
        )
    if build.is_single(register) or atoms.dtype != np.float64:
        raise NotCompiled("it was trained in single precision")
    n_atoms, n_columns = atoms.shape
    n_most = estimator.transform_n_nonzero_coefs
    if how == "lasso_lars":
        n_most = estimator.transform_max_iter
    elif n_most is None:
        n_most = min(max(n_columns / 10, 1), n_atoms)
    penalty = estimator.transform_alpha
    penalty = getattr(estimator, "alpha", None) if penalty is None else penalty
    codes = build.add(
        SparseCode(
            register,
            np.ascontiguousarray(atoms),
            HOW[how],
            n_most=int(n_most),
            penalty=1.0 if penalty is None else float(penalty),
            is_positive=bool(estimator.positive_code),
        )
    )
    if not estimator.split_sign:
        return build.features(codes)
    above = _beside_zero(build, codes, "maximum")
    below = build.scale(_beside_zero(build, codes, "minimum"), multiply=-1.0)
    return build.features(build.add(Join((above, below))))


def _beside_zero(build: Builder, x: int, function: ElementwiseName) -> int:
    return build.add(Elementwise((x,), function, (0, -1), np.zeros((1, 1))))


TRANSFORMERS = {
    "sklearn.DictionaryLearning": dictionary_learning,
    "sklearn.MiniBatchDictionaryLearning": dictionary_learning,
    "sklearn.SparseCoder": sparse_coder,
}
