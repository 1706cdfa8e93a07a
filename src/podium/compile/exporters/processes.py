"""Gaussian processes and ridge regression with kernels: weighted kernels to the training rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.decomposition import kernel_of
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import (
    Above,
    Distance,
    Finite,
    Kernel,
    Link,
    Matmul,
    Pair,
    Product,
    Total,
)
from podium.program.operations.neighbors.distances import MetricName

# The logistic function as five error functions.
# Source: Williams and Barber (1998), Bayesian classification with Gaussian processes, appendix A.
_SLOPES = np.array([0.41, 0.4, 0.37, 0.44, 0.39])
_HEIGHTS = np.array([-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654])


def kernel_ridge(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The weighted sum of kernels to the training rows."""
    params = {name: getattr(estimator, name) for name in ("gamma", "degree", "coef0")}
    kernels = kernel_of(build, x, estimator.kernel, estimator.X_fit_, params)
    weights = np.asarray(estimator.dual_coef_, np.float64)
    return Fitted(values=build.add(Matmul(kernels, weights.reshape(len(weights), -1))))


def process_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The weighted sum of kernels to the training rows, in the scale of the targets."""
    kernels = _Kernels(build, x, estimator.X_train_)
    weights = np.asarray(estimator.alpha_, np.float64)
    sums = build.add(Matmul(kernels.register(estimator.kernel_), weights.reshape(len(weights), -1)))
    spread, mean = estimator._y_train_std, estimator._y_train_mean  # noqa: SLF001 - no public name
    return Fitted(values=build.scale(sums, multiply=np.ravel(spread), add=np.ravel(mean)))


def process_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """One process for two classes, or several of them."""
    fitted = build.model(estimator.base_estimator_, x, "process")
    return Fitted(
        index=fitted.index,
        classes=classes_of(estimator),
        probabilities=fitted.probabilities,
    )


def binary_process(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The second class if the latent function is above zero; its variance gives probabilities."""
    kernels = _Kernels(build, x, estimator.X_train_)
    near = kernels.register(estimator.kernel_)
    weights = np.asarray(estimator.y_train_ - estimator.pi_, np.float64)
    latent = build.add(Matmul(near, weights[:, None]))
    roots = np.asarray(estimator.W_sr_)[:, None]
    solved = np.linalg.solve(estimator.L_, np.diag(roots[:, 0])).T
    reduction = build.add(Link(build.add(Matmul(near, np.ascontiguousarray(solved))), "square"))
    explained = build.add(Matmul(reduction, np.full((len(weights), 1), -1.0)))
    variance = build.scale(explained, add=_self_similarity(estimator.kernel_))
    return Fitted(
        index=build.add(Above(latent)),
        classes=classes_of(estimator),
        probabilities=_shares(build, latent, variance),
    )


def _self_similarity(kernel: Any) -> float:
    """The kernel between a row and itself, if it is the same for all rows."""
    if not kernel.is_stationary():
        raise NotCompiled("the kernel of a row with itself differs between rows")
    return float(kernel.diag(np.zeros((1, 1)))[0])


def _shares(build: Builder, latent: int, variance: int) -> int:
    """The mean of the logistic function over a normal distribution."""
    wide = build.add(Matmul(variance, 2 * _SLOPES[None] ** 2, np.ones(len(_SLOPES))))
    narrow = build.add(Link(build.add(Link(wide, "sqrt")), "reciprocal"))
    slopes = _times(build, build.add(Matmul(latent, _SLOPES[None])), narrow)
    errors = build.add(Link(slopes, "erf"))
    half = 0.5 * _HEIGHTS[:, None]
    return build.add(Pair(build.add(Matmul(errors, half, half.sum(axis=0)))))


def _times(build: Builder, first: int, second: int) -> int:
    """Two matrices, multiplied elementwise."""
    columns = np.arange(build.width(first), dtype=np.int32)
    return build.add(Product((first, second), columns, columns))


class _Kernels:
    """Kernels between the rows of a table and those of the training data."""

    def __init__(self, build: Builder, x: Features, rows: Any) -> None:
        if not isinstance(rows, np.ndarray):
            raise NotCompiled("it wasn't trained on rows of numbers")
        self.build = build
        self.x = build.add(Finite(build.matrix(x)))
        self.rows = rows.astype(np.float64)

    def register(self, kernel: Any) -> int:
        """The register of the kernel's matrix: one column for each training row."""
        name = type(kernel).__name__
        if name not in _KERNELS:
            raise NotCompiled(f"its kernel {name} isn't supported")
        return _KERNELS[name](self, kernel)

    def distance(self, metric: MetricName, length: Any = 1.0) -> int:
        """Distances, in units of a length, which may differ by column."""
        scaled = self.build.scale(self.x, divide=length)
        return self.build.add(Distance(scaled, self.rows / np.asarray(length), metric))

    def sum(self, kernel: Any) -> int:
        """Both kernels added; noise is zero."""
        parts = [k for k in (kernel.k1, kernel.k2) if type(k).__name__ != "WhiteKernel"]
        if len(parts) == 1:
            return self.register(parts[0])
        both = (self.register(kernel.k1), self.register(kernel.k2))
        return self.build.add(Total(both))

    def product(self, kernel: Any) -> int:
        """Both kernels multiplied."""
        return _times(self.build, self.register(kernel.k1), self.register(kernel.k2))

    def power(self, kernel: Any) -> int:
        """The square of a kernel."""
        if float(kernel.exponent) != 2.0:
            raise NotCompiled("its kernel has an exponent other than 2")
        return self.build.add(Link(self.register(kernel.kernel), "square"))

    def constant(self, kernel: Any) -> int:
        """The same number everywhere."""
        weights = np.zeros((self.rows.shape[1], len(self.rows)))
        constants = np.full(len(self.rows), float(kernel.constant_value))
        return self.build.add(Matmul(self.x, weights, constants))

    def noise(self, _kernel: Any) -> int:
        """Zero: noise applies to a row and itself, and rows of the table are different rows."""
        weights = np.zeros((self.rows.shape[1], len(self.rows)))
        return self.build.add(Matmul(self.x, weights))

    def dot_product(self, kernel: Any) -> int:
        """The product of rows, and a constant."""
        product = self.build.add(Kernel(self.x, self.rows, "linear"))
        return self.build.scale(product, add=float(kernel.sigma_0) ** 2)

    def rbf(self, kernel: Any) -> int:
        """exp(-d²/2)."""
        return self._exp(self.distance("square", kernel.length_scale), -0.5)

    def matern(self, kernel: Any) -> int:
        """A polynomial of the distance, times exp(-distance)."""
        if kernel.nu == np.inf:
            return self.rbf(kernel)
        if kernel.nu not in (0.5, 1.5, 2.5):
            raise NotCompiled(f"its kernel takes a Bessel function for nu={kernel.nu}")
        far = self.distance("euclidean", kernel.length_scale)
        if kernel.nu == 0.5:
            return self._exp(far, -1.0)
        far = self.build.scale(far, multiply=np.sqrt(2 * kernel.nu))
        polynomial = self.build.scale(far, add=1.0)
        if kernel.nu == 2.5:
            third = self.build.scale(self.build.add(Link(far, "square")), divide=3.0)
            polynomial = self.build.add(Total((polynomial, third)))
        return _times(self.build, polynomial, self._exp(far, -1.0))

    def rational_quadratic(self, kernel: Any) -> int:
        """(1 + d² / (2 alpha length²)) ** -alpha."""
        alpha = float(kernel.alpha)
        far = self.distance("square")
        scaled = self.build.scale(far, divide=2 * alpha * float(kernel.length_scale) ** 2)
        return self._exp(self.build.add(Link(scaled, "log1p")), -alpha)

    def periodic(self, kernel: Any) -> int:
        """exp(-2 (sin(pi d / period) / length)²)."""
        far = self.distance("euclidean")
        angle = self.build.scale(far, multiply=np.pi)
        angle = self.build.scale(angle, divide=float(kernel.periodicity))
        wave = self.build.scale(
            self.build.add(Link(angle, "sin")), divide=float(kernel.length_scale)
        )
        return self._exp(self.build.add(Link(wave, "square")), -2.0)

    def _exp(self, x: int, slope: float) -> int:
        return self.build.add(Link(self.build.scale(x, multiply=slope), "exp"))


_KERNELS: Mapping[str, Callable[[_Kernels, Any], int]] = {
    "ConstantKernel": _Kernels.constant,
    "DotProduct": _Kernels.dot_product,
    "ExpSineSquared": _Kernels.periodic,
    "Exponentiation": _Kernels.power,
    "Matern": _Kernels.matern,
    "Product": _Kernels.product,
    "RBF": _Kernels.rbf,
    "RationalQuadratic": _Kernels.rational_quadratic,
    "Sum": _Kernels.sum,
    "WhiteKernel": _Kernels.noise,
}
MODELS = {
    "sklearn.GaussianProcessClassifier": process_classifier,
    "sklearn.GaussianProcessRegressor": process_regressor,
    "sklearn.KernelRidge": kernel_ridge,
    "sklearn._BinaryGaussianProcessClassifierLaplace": binary_process,
}
