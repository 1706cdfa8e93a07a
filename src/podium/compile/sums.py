"""Weighted sums of columns; those of terms without expanding their rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.features import Computed, Features
from podium.compile.registers import Registers
from podium.program.operations import Finite, Matmul, Terms, TermSum, Total
from podium.table import Array


def linear(build: Registers, x: Features, coefficients: Any, intercept: Any) -> int:
    """Finite columns times coefficients of shape (n_outputs, n_columns), plus intercepts."""
    weights = np.atleast_2d(coefficients).T
    kind = np.float32 if weights.dtype == np.float32 else np.float64
    bias = np.broadcast_to(np.asarray(intercept, kind), weights.shape[1:])
    counted: dict[int, list[int]] = {}
    rest: list[int] = []
    for place, column in enumerate(x):
        if isinstance(column, Computed) and build.terms_of(column) is not None:
            counted.setdefault(column.register, []).append(place)
        else:
            rest.append(place)
    if not counted:
        register = build.add(Finite(build.matrix(x)))
        return build.add(Matmul(register, weights.astype(kind), bias))
    sums = [_of_terms(build, x, places, weights) for places in counted.values()]
    if rest:
        register = build.add(Finite(build.matrix(tuple(x[place] for place in rest))))
        sums.append(build.add(Matmul(register, weights[rest].astype(kind))))
    total = sums[0] if len(sums) == 1 else build.add(Total(tuple(sums)))
    return build.scale(total, add=bias) if np.any(bias) else total


def _of_terms(build: Registers, x: Features, places: list[int], weights: Array) -> int:
    """The sums of columns that one operation counts: most hashed terms have no weight."""
    columns = [x[place] for place in places]
    terms = build.terms_of(columns[0])
    assert isinstance(terms, Terms)
    distinct, at = np.unique(
        [c.column for c in columns if isinstance(c, Computed)], return_inverse=True
    )
    sums = np.zeros((len(distinct), weights.shape[1]))
    np.add.at(sums, at, weights[places])  # a column may be requested twice
    heavy = np.flatnonzero(sums.any(axis=1))
    is_all = len(heavy) == terms.width
    return build.add(
        TermSum(
            terms.column,
            terms.analysis,
            terms.vocabulary,
            terms.n_hashed,
            terms.is_signed,
            terms.is_binary,
            terms.is_sublinear,
            terms.weights,
            terms.norm,
            x=terms.x,
            sums=sums if is_all else sums[heavy],
            places=None if is_all else distinct[heavy].astype(np.int32),
        )
    )
