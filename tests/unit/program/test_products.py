"""The kernel of products: it refuses arrays that it can't read, and never reads beyond them."""

from __future__ import annotations

import numpy as np
import pytest

kernel = pytest.importorskip("podium.program._products")

ROWS, WEIGHTS = np.ones((5, 3)), np.ones((3, 2))
SHIFTED = np.zeros(5 * 3 * 8 + 1, np.uint8)[1:].view(np.float64).reshape(5, 3)


@pytest.mark.parametrize(
    ("rows", "weights", "out"),
    [
        (ROWS.astype(np.float32), WEIGHTS, np.empty((5, 2))),
        (ROWS.astype(">f8"), WEIGHTS, np.empty((5, 2))),
        (ROWS[0], WEIGHTS, np.empty((5, 2))),
        (ROWS[None], WEIGHTS, np.empty((5, 2))),
        (SHIFTED, WEIGHTS, np.empty((5, 2))),
        (ROWS[:, :2], WEIGHTS, np.empty((5, 2))),
        (ROWS, WEIGHTS.T, np.empty((5, 2))),
        (ROWS, WEIGHTS[:, 0], np.empty((5, 2))),
        (ROWS, WEIGHTS.astype(np.int64), np.empty((5, 2))),
        (ROWS, WEIGHTS, np.empty((4, 2))),
        (ROWS, WEIGHTS, np.empty((5, 2), np.float32)),
    ],
)
def test_arrays_of_the_wrong_shape_or_type_are_refused(rows, weights, out):
    with pytest.raises((ValueError, BufferError)):
        kernel.multiply(rows, weights, out)


def test_what_can_not_be_written_is_refused():
    out = np.empty((5, 2))
    out.flags.writeable = False

    with pytest.raises((ValueError, BufferError)):
        kernel.multiply(ROWS, WEIGHTS, out)


@pytest.mark.parametrize("arguments", [(), (ROWS, WEIGHTS), (ROWS, WEIGHTS, 1), (None, None, None)])
def test_other_arguments_are_refused(arguments):
    with pytest.raises(TypeError):
        kernel.multiply(*arguments)


def test_rows_may_lie_anywhere():
    wide = np.random.default_rng(0).normal(size=(40, 9))
    rows = wide[::-2, 8:2:-3]
    out = np.empty((len(rows), 2))

    kernel.multiply(rows, np.ones((2, 2)), out)

    np.testing.assert_array_equal(out, rows.sum(axis=1, keepdims=True).repeat(2, axis=1))
