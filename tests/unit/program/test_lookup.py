"""Rows of a table, by class and by code; places of texts, by their hash."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from podium.errors import BundleError
from podium.program.operations import Digest, Lookup, Numbers, Shapes

TABLE = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]])


def shapes(n_columns=1):
    made = Shapes(2)
    made.add(Numbers(tuple(range(n_columns))).check(made))
    return made


def looked_up(*codes):
    before = shapes()
    lookup = Lookup(0, TABLE)
    lookup.check(before)
    return lookup.prepare(before)([], [np.array(codes, np.float64).reshape(-1, 1)])


def test_a_code_takes_its_row_and_one_out_of_bounds_the_nearest():
    np.testing.assert_array_equal(looked_up(2, 0, 1), TABLE[[2, 0, 1]])
    np.testing.assert_array_equal(looked_up(-5, 99, 1e300, np.nan), TABLE[[0, 2, 2, 2]])


@pytest.mark.parametrize(
    "lookup", [Lookup(0, TABLE[:0]), Lookup(0, TABLE[0]), Lookup(0, TABLE[:, :1].ravel())]
)
def test_a_table_that_is_none_is_refused(lookup):
    with pytest.raises(BundleError, match="the table has no rows"):
        lookup.check(shapes())


def test_several_columns_of_codes_are_refused():
    with pytest.raises(BundleError, match="register 0 has 2 columns, not one of codes"):
        Lookup(0, TABLE).check(shapes(2))


def placed(operation, *cells):
    operation.check(Shapes(1))
    column = np.array(cells, object)
    return operation.prepare(Shapes(1))([column], []).tolist()


def test_a_text_sets_a_one_where_its_hash_says():
    at = [int(hashlib.md5(text.encode()).hexdigest(), 16) % 4 for text in ("", "b", "Zürich")]

    rows = placed(Digest(0, 4, "md5"), "", "b", "Zürich", "b")

    assert rows == [[float(i == place) for i in range(4)] for place in [*at, at[1]]]


@pytest.mark.parametrize(("missing", "row"), [(-1, [0.0, 0.0]), (1, [0.0, 1.0])])
def test_a_missing_cell_sets_the_one_that_is_meant_for_it(missing, row):
    hashed = Digest(0, 2, "sha1", missing)

    assert placed(hashed, None, float("nan")) == [row, row]


@pytest.mark.parametrize(
    "hashed",
    [
        Digest(0, 0, "md5"),
        Digest(0, 5_000_000, "md5"),
        Digest(0, 4, "shake_128"),
        Digest(0, 4, "md5", 4),
        Digest(0, 4, "md5", -2),
        Digest(1, 4, "md5"),
    ],
)
def test_hashes_that_cannot_be_are_refused(hashed):
    with pytest.raises(BundleError):
        hashed.check(Shapes(1))
