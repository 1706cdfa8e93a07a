"""One row is answered as it is among others, to the last bit, by whichever way."""

from __future__ import annotations

import numpy as np
import pytest

from podium.program.operations import Above, Link, Pair, RowSum, Shape, Shapes

EDGES = [0.0, -0.0, 1e-300, 1e300, -1e300, 709.5, -709.5, np.inf, -np.inf, np.nan, 36.8, -745.2]


def run(operation, x, dtype=np.float64):
    shapes = Shapes(0)
    shapes.add(Shape(x.shape[1], dtype == np.float32))
    operation.check(shapes)
    with np.errstate(all="ignore"):
        return operation.prepare(shapes)((), [x.astype(dtype)])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("operation", "width"),
    [
        (Link(0, "sigmoid"), 1),
        (Link(0, "softmax"), 1),
        (Link(0, "softmax"), 2),
        (Link(0, "softmax"), 3),
        (Link(0, "softmax"), 7),
        (Link(0, "softmax"), 9),
        (Link(0, "log_share"), 1),
        (Link(0, "log_share"), 3),
        (Link(0, "log_share"), 9),
        (RowSum(0), 1),
        (RowSum(0), 5),
        (RowSum(0), 40),
        (Pair(0), 1),
        (Above(0), 1),
        (Above(0, 0.25, or_equal=True), 1),
    ],
    ids=str,
)
def test_one_row_gets_the_same_prediction_as_in_a_batch(operation, width, dtype):
    random = np.random.default_rng(0)
    x = random.normal(size=(400, width)) * random.choice([1, 30, 1e3], (400, 1))
    x[: len(EDGES)] = np.array(EDGES)[:, None]
    x = np.concatenate([x, random.choice(EDGES, (50, width))])

    many = run(operation, x, dtype)
    alone = [run(operation, row[None], dtype) for row in x]

    assert np.concatenate(alone).dtype == many.dtype
    np.testing.assert_array_equal(np.concatenate(alone), many)


@pytest.mark.parametrize("width", [1, 2, 7, 8, 40])
def test_shares_are_those_of_the_row(width):
    x = np.random.default_rng(1).normal(size=(90, width)) * 20

    shares = run(Link(0, "softmax"), x)

    e = np.exp(x - x.max(axis=1, keepdims=True))
    np.testing.assert_array_equal(shares, e / e.sum(axis=1, keepdims=True))
