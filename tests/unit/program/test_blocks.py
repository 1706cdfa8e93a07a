"""Products in blocks: the same row has the same bits, whatever stands beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from podium.program import blocks
from podium.program.blocks import BLOCK_ROWS, multiplier, squared_lengths

SIZES = (1, 2, 3, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 31, 100)
# Wide ones are multiplied by other routines than narrow ones, and single outputs by yet others.
SHAPES = [
    *((1, 1), (4, 1), (30, 1), (2_000, 1), (30, 2), (500, 3)),
    *((30, 4), (30, 10), (100, 100), (30, 500), (784, 100)),
]


@pytest.fixture(params=["c", "numpy"])
def _kernel(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(blocks, "_products", None)


def in_parts(function, x, size):
    return np.concatenate([function(x[at : at + size]) for at in range(0, len(x), size)])


@pytest.mark.usefixtures("_kernel")
@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_has_the_same_product_in_every_batch(shape, kind):
    chance = np.random.default_rng(0)
    x = chance.normal(size=(203, shape[0])).astype(kind)
    multiply = multiplier(chance.normal(size=shape).astype(kind))

    whole = multiply(x)

    assert whole.dtype == kind
    np.testing.assert_array_equal(multiply(np.asfortranarray(x)), whole)
    np.testing.assert_array_equal(multiply(np.repeat(x, 2, axis=1)[::-1, ::2]), whole[::-1])
    for size in SIZES:
        np.testing.assert_array_equal(in_parts(multiply, x, size), whole)


@given(data=st.data())
def test_without_a_compiler_products_have_the_same_bits(data):
    n_columns, n_outputs = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 3))
    numbers = st.floats(-1e150, 1e150) | st.sampled_from([0.0, -0.0, np.nan, np.inf, 5e-324])
    x = data.draw(arrays(np.float64, (data.draw(st.integers(0, 20)), n_columns), elements=numbers))
    weights = data.draw(arrays(np.float64, (n_columns, n_outputs), elements=numbers))
    by_numpy = np.empty((len(x), n_outputs))

    with np.errstate(all="ignore"):
        blocks._add_up(x, weights, by_numpy)

    # NaN has several forms, and which of two comes out isn't defined.
    by_kernel = multiplier(weights)(x)
    np.testing.assert_array_equal(by_kernel, by_numpy)
    np.testing.assert_array_equal(
        np.signbit(by_kernel[by_kernel == 0]), np.signbit(by_numpy[by_numpy == 0])
    )


def test_the_product_is_that_of_numpy():
    chance = np.random.default_rng(1)
    x, weights = chance.normal(size=(21, 5)), chance.normal(size=(5, 3))

    product = multiplier(weights)(x)

    np.testing.assert_allclose(product, x @ weights, rtol=1e-13)


@pytest.mark.usefixtures("_kernel")
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("n_rows", [0, 1, 20])
def test_empty_matrices_have_a_product(n_rows, shape):
    product = multiplier(np.ones(shape))(np.ones((n_rows, shape[0])))

    assert product.shape == (n_rows, shape[1])
    assert not product.any()


def test_a_row_is_as_long_in_every_batch():
    x = np.random.default_rng(2).normal(size=(50, 19))

    whole = squared_lengths(x)

    np.testing.assert_array_equal(squared_lengths(np.asfortranarray(x)), whole)
    for size in (1, 2, 7):
        np.testing.assert_array_equal(in_parts(squared_lengths, x, size), whole)
