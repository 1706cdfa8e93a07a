"""A row as a sum of few atoms of a dictionary: the codes are found row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import numpy as np

from podium.errors import ModelError
from podium.program.arrays import Floats
from podium.program.blocks import multiplier
from podium.program.operations.models.path import LeastAnglePath
from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
    require_rows,
)
from podium.table import Array

CodeName: TypeAlias = Literal["pursuit", "least_angle", "lasso", "threshold"]
STEPS_MAX = 10_000
# Squares below this are zero.
_EPSILON = float(np.finfo(np.float64).eps)


class SparseCode(Operation, frozen=True, tag="sparse_code"):
    """The weight of each atom, most of them zero.

    Sources: Efron, Hastie, Johnstone, Tibshirani (2004), Least Angle Regression; Rubinstein,
    Zibulevsky, Elad (2008), Efficient Implementation of the K-SVD Algorithm; in the order of
    scikit-learn.

    Attributes:
        atoms: one a row.
        how: orthogonal matching pursuit; least angle regression, or the lasso by it; or products
            with the atoms, less a threshold.
        n_most: atoms of a pursuit, or steps of a path.
        penalty: of the sum of weights (lasso), or the threshold.
        is_positive: whether weights below zero aren't allowed.
    """

    x: Register
    atoms: Floats
    how: CodeName
    n_most: Annotated[int, msgspec.Meta(ge=0, le=STEPS_MAX)] = 1
    penalty: float = 0.0
    is_positive: bool = False

    def check(self, shapes: Shapes) -> Shape:
        """One column for each atom."""
        require_rows(self.atoms, shapes.matrix(self.x).width)
        require(self.atoms.size > 0, "there are no atoms")
        require(self.penalty >= 0, f"the penalty is {self.penalty}")
        within = self.how != "pursuit" or 0 < self.n_most <= len(self.atoms)
        require(within, f"there are no {self.n_most} atoms")
        return Shape(len(self.atoms))

    def n_buffered(self, _shapes: Shapes) -> int:
        """Products of all atoms."""
        return 2 * len(self.atoms)

    def prepare(self, _shapes: Shapes) -> Step:
        """Products with the atoms, and a search for each row."""
        atoms = self.atoms.astype(np.float64)
        x, multiply, code = self.x, multiplier(atoms.T), _CODES[self.how](self, atoms)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Floats:
            products = multiply(values[x].astype(np.float64, copy=False))
            out = np.zeros(products.shape)
            try:
                for at, row in enumerate(products):
                    out[at] = code(row)
            except np.linalg.LinAlgError:
                raise ModelError("the model finds no atoms for this row") from None
            return out

        return run


_Code: TypeAlias = Callable[[Array], Array]


def _threshold(operation: SparseCode, _atoms: Array) -> _Code:
    penalty, is_positive = operation.penalty, operation.is_positive

    def code(products: Array) -> Array:
        weights = np.sign(products) * np.maximum(np.abs(products) - penalty, 0)
        return np.maximum(weights, 0) if is_positive else weights

    return code


def _pursuit(operation: SparseCode, atoms: Array) -> _Code:
    """One atom after the other, the one most like what is left."""
    gram, n_most = atoms.dot(atoms.T), operation.n_most

    def code(products: Array) -> Array:
        out = np.zeros(len(products))
        some: list[int] = []
        left, weights = products, np.zeros(0)
        while len(some) < n_most:
            best = int(np.abs(left).argmax())
            if best in some or left[best] ** 2 < _EPSILON or _depends(gram, some, best):
                break
            some.append(best)
            weights = np.linalg.solve(gram[np.ix_(some, some)], products[some])
            left = products - gram[:, some].dot(weights)
        out[some] = weights
        return out

    return code


def _depends(gram: Array, some: Sequence[int], other: int) -> bool:
    """Whether another atom is a sum of these."""
    if not some:
        return False
    shared = gram[some, other]
    explained = shared.dot(np.linalg.solve(gram[np.ix_(some, some)], shared))
    return bool(gram[other, other] - explained <= _EPSILON)


def _path(operation: SparseCode, atoms: Array) -> _Code:
    is_lasso, width = operation.how == "lasso", atoms.shape[1]
    return LeastAnglePath(
        atoms.dot(atoms.T),
        n_most=operation.n_most,
        n_numbers=width,
        least=operation.penalty / width if is_lasso else 0.0,
        is_lasso=is_lasso,
        is_positive=operation.is_positive,
    ).end


_CODES: Mapping[CodeName, Callable[[SparseCode, Array], _Code]] = {
    "pursuit": _pursuit,
    "least_angle": _path,
    "lasso": _path,
    "threshold": _threshold,
}
