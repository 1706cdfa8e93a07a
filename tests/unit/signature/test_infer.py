"""What the training data tells of its fields."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

from podium.errors import SignatureError
from podium.signature import Category, Field, Range
from podium.signature.infer import examples, infer_fields
from podium.table import Table


def field_of(values: object) -> Field:
    return infer_fields(Table.of(pd.DataFrame({"x": values})))[0]


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([1.5, 2.5], "float"),
        ([1, 2], "integer"),
        (pd.array([1, None], "Int64"), "integer"),
        ([True, False], "boolean"),
        (pd.array([True, None], "boolean"), "boolean"),
        (["a", "b", "a"], "category"),
        (pd.Categorical([1, 2, 1]), "category"),
        ([f"word {i} of a long sentence that says something" for i in range(9)], "text"),
        ([f"id-{i}" for i in range(30)], "text"),
        (pd.to_datetime(["2024-03-01", "2024-03-02"]), "date"),
        (pd.to_datetime(["2024-03-01 12:30", "2024-03-02 00:00"]), "datetime"),
        (pd.to_datetime(["2024-03-01 12:30"]).tz_localize("Europe/Zurich"), "datetime"),
        ([dt.date(2024, 3, 1), None], "date"),
        (pd.Series([1.0, 2.0], dtype="float32"), "float"),
    ],
)
def test_each_kind_of_column_gets_its_type(values, type_):
    assert field_of(values).type == type_


def test_a_column_without_a_hole_refuses_missing_values_and_one_with_a_hole_accepts_them():
    assert field_of([1.0, 2.0]).missing == "refuse"
    assert field_of([1.0, np.nan]).missing == "accept"
    assert field_of(["a", None]).missing == "accept"
    assert field_of([1.0, np.nan]).missing_share == 0.5


def test_numbers_have_their_range_and_quantiles():
    field = field_of(np.arange(101.0))

    assert field.seen == Range(0.0, 100.0)
    assert field.quantiles == (5.0, 25.0, 50.0, 75.0, 95.0)


def test_times_have_their_range_as_text():
    field = field_of(pd.to_datetime(["2024-03-01", "2024-05-02", None]))

    assert field.seen == Range("2024-03-01", "2024-05-02")


def test_categories_are_counted_and_the_most_frequent_comes_first():
    field = field_of(["b", "a", "b", "b"])

    assert field.categories == (Category("b", 0.75), Category("a", 0.25))


def test_labels_keep_their_type():
    assert field_of(pd.Categorical([1, 2, 2])).labels == (1, 2)
    assert field_of(pd.Categorical([True, False, True])).labels == (False, True)


def test_pandas_and_polars_and_dicts_give_the_same_fields():
    columns = {
        "a": [1, 2, 3],
        "b": ["x", "y", "x"],
        "c": [1.5, None, 2.5],
        "d": [True, False, True],
    }
    tables = [Table.of(pd.DataFrame(columns)), Table.of(pl.DataFrame(columns)), Table.of(columns)]

    told = [
        [(f.name, f.type, f.missing, f.seen, f.labels) for f in infer_fields(t)] for t in tables
    ]

    assert told[0] == told[1] == told[2]


def test_arrays_get_names():
    assert [f.name for f in infer_fields(Table.of(np.ones((2, 3))))] == ["x0", "x1", "x2"]
    named = Table.of(np.ones((2, 2)), names=["height", "width"])
    assert [f.name for f in infer_fields(named)] == ["height", "width"]


def test_examples_are_whole_rows_of_plain_values():
    table = Table.of(
        pd.DataFrame(
            {"x": [1.0, np.nan, 3.0], "d": pd.to_datetime(["2024-03-01"] * 3), "c": ["a", "b", "a"]}
        )
    )
    fields = infer_fields(table)

    assert examples(table, fields) == (
        {"x": 1.0, "d": "2024-03-01", "c": "a"},
        {"x": 3.0, "d": "2024-03-01", "c": "a"},
    )


@pytest.mark.parametrize("rows", [pd.DataFrame(), pd.DataFrame({"x": []})])
def test_no_rows_are_refused(rows):
    with pytest.raises(SignatureError):
        infer_fields(Table.of(rows))


def test_a_column_of_lists_is_refused_by_name():
    with pytest.raises(SignatureError, match="'x' holds values of type list"):
        field_of([[1], [2]])
