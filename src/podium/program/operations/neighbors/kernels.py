"""The similarity between rows and the stored rows of a model, measured by a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from podium.program.arrays import Floats
from podium.program.blocks import multiplier, squared_lengths
from podium.program.operations.operation import (
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
)
from podium.table import Array

KernelName: TypeAlias = Literal["linear", "poly", "rbf", "sigmoid", "cosine", "laplacian"]


class Kernel(Operation, frozen=True, tag="kernel"):
    """The kernel between the row and each training row, one column each.

    Attributes:
        rows: of the model.
        kernel: `poly` is (gamma x.y + coef0) ** degree, `sigmoid` the tanh of gamma x.y + coef0,
            `rbf` exp(-gamma |x-y|^2), `laplacian` the same with the sum of distances.
    """

    x: Register
    rows: Floats
    kernel: KernelName
    gamma: float = 1.0
    coef0: float = 0.0
    degree: float = 3.0

    def check(self, shapes: Shapes) -> Shape:
        """One column for each training row."""
        shape = shapes.matrix(self.x)
        fits = self.rows.ndim == 2 and self.rows.shape[1] == shape.width
        require(fits, f"rows of shape {self.rows.shape} aren't {shape.width} columns wide")
        return Shape(len(self.rows))

    def prepare(self, _shapes: Shapes) -> Step:
        """One product, except for the sum of distances."""
        x, function = self.x, _KERNELS[self.kernel](self)
        return lambda _, values: function(values[x].astype(np.float64, copy=False))


_Function: TypeAlias = Callable[[Array], Array]


def _product(kernel: Kernel) -> _Function:
    return multiplier(kernel.rows.astype(np.float64).T)


def _polynomial(kernel: Kernel) -> _Function:
    product, gamma, coef0, degree = _product(kernel), kernel.gamma, kernel.coef0, kernel.degree
    # numpy computes some integer powers as products.
    power = int(degree) if degree in range(-99, 100) else degree
    return lambda x: (product(x) * gamma + coef0) ** power


def _sigmoid(kernel: Kernel) -> _Function:
    product, gamma, coef0 = _product(kernel), kernel.gamma, kernel.coef0
    return lambda x: np.tanh(product(x) * gamma + coef0)


def _rbf(kernel: Kernel) -> _Function:
    # Around the middle of the rows, squares are no larger than the distances that they make up.
    middle = kernel.rows.astype(np.float64).sum(axis=0) / max(len(kernel.rows), 1)
    rows = kernel.rows.astype(np.float64) - middle
    multiply, squares, gamma = multiplier(-2 * rows.T), squared_lengths(rows), -kernel.gamma

    def run(x: Array) -> Array:
        x = x - middle
        distances = multiply(x)
        distances += squared_lengths(x)[:, None]
        distances += squares
        np.maximum(distances, 0, out=distances)
        distances *= gamma
        out: Array = np.exp(distances, out=distances)
        return out

    return run


def _cosine(kernel: Kernel) -> _Function:
    rows = kernel.rows.astype(np.float64)
    multiply = multiplier((rows / _lengths(rows)).T)
    return lambda x: multiply(x / _lengths(x))


def _laplacian(kernel: Kernel) -> _Function:
    rows, gamma = kernel.rows.astype(np.float64), -kernel.gamma

    def run(x: Array) -> Array:
        # Row by row: all distances at once would take rows x rows x columns numbers.
        out = np.empty((len(x), len(rows)))
        for place, row in enumerate(x):
            out[place] = np.abs(rows - row).sum(axis=1)
        out *= gamma
        alike: Array = np.exp(out, out=out)
        return alike

    return run


def _lengths(x: Array) -> Array:
    lengths = np.sqrt(squared_lengths(x))[:, None]
    near_zero: Array = lengths < 10 * np.finfo(np.float64).eps
    return np.where(near_zero, 1.0, lengths)


_KERNELS: dict[KernelName, Callable[[Kernel], _Function]] = {
    "linear": _product,
    "poly": _polynomial,
    "rbf": _rbf,
    "sigmoid": _sigmoid,
    "cosine": _cosine,
    "laplacian": _laplacian,
}
