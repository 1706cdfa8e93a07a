"""Columns of few distinct cells are checked as all of their cells would be."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.signature import Category, Field, Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.coded import Coded, coded_of

LABELS = (Category(value="a", frequency=0.5), Category(value="b", frequency=0.5))
FIELDS = [
    Field(name="f", type="category", categories=LABELS, unknown="warn", missing="warn"),
    Field(name="f", type="category", categories=LABELS),
    Field(name="f", type="date", missing="accept"),
    Field(name="f", type="boolean", missing="warn"),
    Field(name="f", type="text", missing="refuse"),
]


@given(
    field=st.sampled_from(FIELDS),
    cells=st.lists(st.sampled_from(["a", "b", "c", "A", "", "NA", "2026-11-30", "true", "1"])),
)
def test_what_is_found_of_distinct_cells_is_found_of_each_row(field: Field, cells: list[str]):
    signature = Signature(fields=(field,))
    distinct = sorted(set(cells))
    codes = np.array([distinct.index(cell) for cell in cells], np.intp)

    found, told = [], []
    for column in (cells, Coded(distinct, codes)):
        findings = Findings(recorded_max=sys.maxsize)
        table = check_columns(signature, {"f": column}, len(cells), "file", findings)
        found.append((findings.bad, findings.n_bad, findings.bad_rows, findings.warnings))
        told.append(table.columns["f"])

    assert found[0] == found[1]
    assert told[0].dtype == told[1].dtype or not cells
    np.testing.assert_array_equal(told[0], told[1])


@given(
    field=st.sampled_from(FIELDS[:2]),
    cells=st.lists(st.sampled_from(["a", "b", "c", "A", "", None]), min_size=64, max_size=130),
)
def test_repeated_texts_of_a_request_are_checked_as_few_are(field: Field, cells: list[str | None]):
    signature = Signature(fields=(field,))

    whole = Findings(recorded_max=sys.maxsize)
    column = check_columns(signature, {"f": cells}, len(cells), "values", whole).columns["f"]

    assert isinstance(coded_of(cells), Coded)
    for begin in range(0, len(cells), 8):
        some = cells[begin : begin + 8]
        found = Findings(recorded_max=sys.maxsize)
        part = check_columns(signature, {"f": some}, len(some), "values", found).columns["f"]
        np.testing.assert_array_equal(part, column[begin : begin + 8])
        rows = range(begin, begin + len(some))
        if len(some) > 1:  # a row alone is reported without its number
            assert [(begin + (one.row or 0), one.problem, one.value) for one in found.bad] == [
                (one.row, one.problem, one.value) for one in whole.bad if one.row in rows
            ]
            assert [(begin + (one.row or 0), one.message) for one in found.warnings] == [
                (one.row, one.message) for one in whole.warnings if one.row in rows
            ]


@pytest.mark.parametrize(
    "cells",
    [
        [1, True] * 40,  # equal, and yet not the same
        [str(number) for number in range(80)],
        ["a"] * 8,
    ],
)
def test_other_cells_stay_as_they_are(cells: list[object]):
    assert coded_of(cells) is cells
