"""Codes of rows are those of scikit-learn, and a hostile plan is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import sparse_encode

from podium.errors import BundleError
from podium.program.operations import Shape, Shapes, SparseCode

HOW = {"lars": "least_angle", "lasso_lars": "lasso", "omp": "pursuit", "threshold": "threshold"}


@pytest.fixture(scope="module")
def digits():
    """Images, and more atoms than they have dimensions."""
    atoms = np.random.default_rng(0).normal(size=(80, 64))
    return load_digits().data[:40] / 16, atoms / np.linalg.norm(atoms, axis=1, keepdims=True)


def code_of(rows, atoms, how, **options):
    shapes = Shapes(0)
    shapes.add(Shape(rows.shape[1]))
    operation = SparseCode(0, atoms, HOW[how], **options)
    operation.check(shapes)
    return operation.prepare(shapes)([], [rows])


@pytest.mark.parametrize("is_positive", [False, True])
@pytest.mark.parametrize("penalty", [1e-3, 0.1, 1.0])
@pytest.mark.parametrize("how", ["lasso_lars", "threshold"])
def test_penalties_are_those_of_the_original(digits, how, penalty, is_positive):
    theirs = sparse_encode(*digits, algorithm=how, alpha=penalty, positive=is_positive)

    ours = code_of(*digits, how, n_most=1_000, penalty=penalty, is_positive=is_positive)

    np.testing.assert_allclose(ours, theirs, atol=1e-10)


@pytest.mark.parametrize("n_most", [1, 4, 40])
@pytest.mark.parametrize("how", ["lars", "omp"])
def test_so_many_atoms_count(digits, how, n_most):
    theirs = sparse_encode(*digits, algorithm=how, n_nonzero_coefs=n_most)

    ours = code_of(*digits, how, n_most=n_most)

    np.testing.assert_allclose(ours, theirs, atol=1e-10)


def test_a_row_of_zeros_has_no_atoms(digits):
    _, atoms = digits

    for how in HOW:
        assert not code_of(np.zeros((1, 64)), atoms, how, n_most=5).any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"atoms": np.empty((0, 3))},
        {"atoms": np.ones((2, 4))},
        {"n_most": 9},
        {"n_most": 0},
        {"how": "lasso", "penalty": -1.0},
        {"how": "lasso", "penalty": np.nan},
    ],
    ids=str,
)
def test_a_plan_that_would_never_end_is_refused(wrong):
    shapes = Shapes(0)
    shapes.add(Shape(3))
    operation = SparseCode(**{"x": 0, "atoms": np.ones((2, 3)), "how": "pursuit"} | wrong)

    with pytest.raises(BundleError, match="the plan isn't valid"):
        operation.check(shapes)
