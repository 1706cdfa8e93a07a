"""Columns of few distinct cells are checked as all of their cells would be."""

from __future__ import annotations

import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from podium.signature import Category, Field, Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.coded import Coded

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
