"""Quantiles are numpy's, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.quantiles import quantiles_of

NUMBERS = st.floats(-1e300, 1e300) | st.integers(-5, 5).map(float)
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1 / 3, 1.0)


@given(st.lists(NUMBERS, min_size=1, max_size=50))
def test_they_are_numpys(numbers):
    with np.errstate(all="ignore"):
        found = quantiles_of(np.array(numbers), SHARES)
        expected = np.quantile(np.array(numbers), SHARES)

    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["int64", "int8", "bool", "float32"])
def test_numbers_of_any_kind(dtype):
    column = np.array([1, 0, 1, 1, 0], dtype)

    np.testing.assert_allclose(
        quantiles_of(column, SHARES), np.quantile(column.astype(float), SHARES)
    )
