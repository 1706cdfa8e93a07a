"""Gaussian processes and ridge regression with kernels compile."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Matern,
    RationalQuadratic,
    WhiteKernel,
)
from sklearn.kernel_ridge import KernelRidge

KERNELS = [
    None,
    ConstantKernel(2.0) * RBF(3.0) + WhiteKernel(0.1),
    Matern(2.0, nu=0.5),
    Matern(2.0, nu=1.5),
    Matern(2.0, nu=2.5) + ConstantKernel(1.0),
    Matern(2.0, nu=np.inf),
    RationalQuadratic(2.0, 0.7),
    DotProduct(1.0),
    DotProduct(1.0) ** 2,
    0.5 * ExpSineSquared(3.0, 8.0) * RBF(2.0),
]
RIDGES = [
    KernelRidge(),
    KernelRidge(kernel="rbf", alpha=0.1),
    KernelRidge(kernel="poly", degree=2, gamma=0.1),
    KernelRidge(kernel="laplacian"),
    KernelRidge(kernel="sigmoid", gamma=0.01),
    KernelRidge(kernel="cosine"),
]


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_a_process_of_numbers_compiles(zoo, kernel, data):
    process = GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None, normalize_y=True)

    zoo.check_scaled(process, data)


def test_a_process_of_several_numbers_compiles(zoo):
    zoo.check_scaled(GaussianProcessRegressor(RBF([2.0] * 3), optimizer=None), "linnerud")


@pytest.mark.parametrize("data", ["iris", "breast_cancer", "penguins"])
@pytest.mark.parametrize("kernel", [None, RBF(2.0) * 2.0, Matern(3.0, nu=1.5)], ids=str)
def test_a_process_of_classes_compiles(zoo, kernel, data):
    zoo.check_scaled(GaussianProcessClassifier(kernel, optimizer=None), data)


def test_processes_for_pairs_of_classes_compile(zoo):
    process = GaussianProcessClassifier(RBF(2.0), optimizer=None, multi_class="one_vs_one")

    zoo.check_scaled(process, "iris")


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("ridge", RIDGES, ids=str)
def test_a_ridge_with_a_kernel_compiles(zoo, ridge, data):
    zoo.check_scaled(ridge, data)


def test_a_ridge_of_several_numbers_compiles(zoo):
    zoo.check_scaled(KernelRidge(kernel="rbf"), "linnerud")


@pytest.mark.parametrize(
    ("kernel", "why"), [(Matern(nu=0.7), "Bessel"), (RBF() ** 3, "exponent")], ids=str
)
def test_a_kernel_that_no_operation_has_is_not_compiled(zoo, kernel, why):
    X, y = zoo.data("linnerud")
    process = GaussianProcessRegressor(kernel, optimizer=None).fit(X, y)

    compiled, _, _ = zoo.compile(process, X)

    assert compiled.program is None
    assert why in compiled.why


def test_an_original_that_differs_from_itself_is_named(zoo):
    X, y = zoo.data("cars")
    X = X.select_dtypes("number").fillna(0)
    # Weights of kernels around 1e7 cancel out: 1e-7 of a prediction depends on the order of sums.
    with pytest.warns(UserWarning, match="Singular matrix"):
        model = KernelRidge(kernel="poly").fit(X, y)

    compiled, _, _ = zoo.compile(model, X)

    assert compiled.program is None
    assert "so does the original itself, between a row alone" in compiled.why
