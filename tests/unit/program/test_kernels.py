"""Kernels: they are what scikit-learn calls so, and plans that don't fit are refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import pairwise_kernels

from podium.errors import BundleError
from podium.program.operations import Kernel, Shape, Shapes


def shapes(width):
    filled = Shapes(0)
    filled.add(Shape(width))
    return filled


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "sigmoid", "cosine", "laplacian"])
@pytest.mark.parametrize("n_rows", [1, 7])
def test_a_kernel_is_what_it_is_called(kernel, n_rows):
    random = np.random.default_rng(0)
    x, rows = random.normal(size=(n_rows, 4)), random.normal(size=(9, 4))
    x[0] = 0
    options = {"gamma": 0.3, "coef0": 0.7, "degree": 2}
    operation = Kernel(0, rows, kernel, **options)

    assert operation.check(shapes(4)) == Shape(9)
    ours = operation.prepare(shapes(4))((), [x])

    theirs = pairwise_kernels(x, rows, metric=kernel, filter_params=True, **options)
    np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-15)


def test_rows_of_another_width_are_refused():
    for rows in (np.zeros((3, 5)), np.zeros(4), np.zeros((1, 2, 4))):
        with pytest.raises(BundleError, match="columns wide"):
            Kernel(0, rows, "rbf").check(shapes(4))
