"""Pairs of classes are coupled as libsvm does, and plans that don't fit are refused."""

from __future__ import annotations

import numpy as np
import pytest

from podium.errors import BundleError
from podium.program.operations import Couple, Shape, Shapes


def coupled(pairs, n_classes):
    shapes = Shapes(0)
    shapes.add(Shape(pairs.shape[1]))
    operation = Couple(0, n_classes)
    assert operation.check(shapes) == Shape(n_classes)
    return operation.prepare(shapes)((), [pairs])


@pytest.mark.parametrize("n_classes", [2, 3, 5, 9])
def test_probabilities_that_agree_are_found_again(n_classes):
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(n_classes) * 5, 40)
    first, second = np.triu_indices(n_classes, 1)
    pairs = shares[:, first] / (shares[:, first] + shares[:, second])

    found = coupled(pairs, n_classes)

    np.testing.assert_allclose(found, shares, atol=0.005 / n_classes * n_classes)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_row_alone_gets_the_same_prediction_as_in_a_batch():
    pairs = np.random.default_rng(1).uniform(1e-7, 1 - 1e-7, (50, 6))

    together = coupled(pairs, 4)

    alone = np.concatenate([coupled(row[None], 4) for row in pairs])
    np.testing.assert_array_equal(alone, together)


def test_rows_that_are_no_rows_are_coupled_to_none():
    assert coupled(np.zeros((0, 3)), 3).shape == (0, 3)


@pytest.mark.parametrize(("width", "n_classes"), [(3, 4), (0, 1), (1, -1), (2, 2), (3, 10**9)])
def test_pairs_of_other_classes_are_refused(width, n_classes):
    shapes = Shapes(0)
    shapes.add(Shape(width))

    with pytest.raises(BundleError):
        Couple(0, n_classes).check(shapes)
