"""Columns of numbers in files: read as a whole or cell by cell, they are the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.signature import Field, Output, Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.reading import numbers_of

TEXTS = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.integers().map(str),
    st.text("0123456789+-.eE _", max_size=8),
    st.sampled_from(["", "nan", "inf", "1_000", "\u0661", "0" * 401, "1e999", "-0.0", "1,5"]),
)


@pytest.mark.slow
@given(
    st.sampled_from(["float", "integer"]),
    st.sampled_from(["refuse", "accept", "warn"]),
    st.lists(TEXTS, min_size=1, max_size=5),
)
def test_a_column_is_read_as_its_cells_are(type_, missing, texts):
    one = Field(name="x", type=type_, missing=missing)
    signature = Signature(fields=(one,), outputs=(Output(task="regression"),))

    # One text that only the slow way can read makes it read all the others, too.
    together = check(signature, texts)
    slowly = check(signature, [*texts, "\t1"])

    assert together[0].dtype == slowly[0].dtype
    assert together[0].tobytes() == slowly[0][:-1].tobytes()
    assert together[1] == slowly[1]
    assert together[2] == slowly[2]


def check(signature, texts):
    findings = Findings()
    table = check_columns(signature, {"x": texts}, len(texts), "file", findings)
    return table.columns["x"], findings.bad, findings.warnings


def test_most_columns_are_read_as_a_whole():
    floats, integers = Field(name="x", type="float"), Field(name="x", type="integer")

    np.testing.assert_array_equal(numbers_of(floats, ["1", "-2.5e3", ""]), [1, -2500, np.nan])
    np.testing.assert_array_equal(numbers_of(integers, ["1", "+2"]), [1, 2])
    assert numbers_of(integers, ["1.0"]) is None
    assert numbers_of(floats, ["1_0"]) is None
