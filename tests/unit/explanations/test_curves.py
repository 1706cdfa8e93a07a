"""The values that a field takes for its curve, and the rows that have them."""

from __future__ import annotations

import numpy as np
import pytest

from podium.bundle.baseline import histogram_of
from podium.explanations.curves import CATEGORIES_MAX, N_EVEN, grid_of, varied, varied_each
from podium.signature import Category, Field, Range
from podium.signature.cells import column_for
from podium.table import Table

RNG = np.random.default_rng(0)


def grid(field: Field, values: list[object]):
    return grid_of(field, histogram_of(field, column_for(field, values)))


def test_numbers_lie_where_the_data_is_and_a_long_tail_has_some_too():
    values = RNG.lognormal(0, 2, 5_000)
    found = grid(Field(name="x"), values.tolist())

    cells = found.cells
    assert (np.diff(cells) > 0).all()
    assert (cells[0], cells[-1]) == (values.min(), values.max())
    assert (cells <= np.median(values)).sum() >= 10
    assert (cells > np.quantile(values, 0.97)).sum() >= N_EVEN - 2
    assert found.labels == tuple(cells.tolist())


def test_whole_numbers_stay_whole_and_a_few_values_are_just_those():
    assert grid(Field(name="n", type="integer"), [*range(1, 13)] * 9).labels == tuple(range(1, 13))
    assert grid(Field(name="n", type="float"), [0.0, 0.5, 2.0] * 9).labels == (0.0, 0.5, 2.0)


def test_impossible_values_are_left_out():
    field = Field(name="x", bounds=Range(0, 5))

    assert grid(field, [-3.0, 0.0, 2.0, 5.0, 9.0]).labels == (0.0, 2.0, 5.0)


@pytest.mark.parametrize(
    ("field", "values", "labels"),
    [
        (Field(name="b", type="boolean"), [True, False], (False, True)),
        (
            Field(name="c", type="category", categories=(Category("z"), Category("a"))),
            ["a", "z"],
            ("z", "a"),
        ),
        (
            Field(name="d", type="date"),
            [np.datetime64("2024-02-29"), np.datetime64("2024-03-01")],
            ("2024-02-29", "2024-03-01"),
        ),
        (
            Field(name="t", type="datetime"),
            [np.datetime64("2024-02-29T01:02:03"), np.datetime64("2024-03-01")],
            ("2024-02-29T01:02:03", "2024-03-01T00:00:00"),
        ),
        (Field(name="m", missing="accept"), [1.0, None, 2.0], (1.0, 2.0, None)),
    ],
    ids=lambda one: one.type if isinstance(one, Field) else "",
)
def test_each_type_has_values_of_its_own(field, values, labels):
    found = grid(field, values)

    assert found.labels == labels
    assert found.cells.dtype == column_for(field, list(values)).dtype


def test_a_text_a_constant_and_what_nobody_described_have_no_curve():
    assert grid(Field(name="note", type="text"), ["a", "b"]) is None
    assert grid(Field(name="x"), [1.0, 1.0]) is None
    assert grid_of(Field(name="x"), None) is None
    many = tuple(Category(f"c{i}") for i in range(99))
    found = grid_of(Field(name="c", type="category", categories=many), None)
    assert found is not None
    assert len(found.labels) == CATEGORIES_MAX


def test_only_the_field_itself_varies():
    x, n = Field(name="x"), Field(name="n", type="integer", missing="accept")
    row = Table({"x": np.array([7.0]), "n": np.array([3])}, 1)
    of_x, of_n = grid(x, [1.0, 2.0]), grid(n, [1, None, 2])
    assert of_x is not None
    assert of_n is not None

    table = varied_each(row, [(x, of_x), (n, of_n)])

    assert varied(row, x, of_x).columns["n"].tolist() == [3, 3]
    assert table.columns["x"].tolist() == [7.0, 1.0, 2.0, 7.0, 7.0, 7.0]
    assert table.columns["n"][:5].tolist() == [3, 3, 3, 1, 2]
    assert np.isnan(table.columns["n"][5])
