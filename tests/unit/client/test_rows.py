"""Rows of every kind become the same columns, and what doesn't fit a model is said before it is sent."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from podium.client.answers import FieldInfo
from podium.client.rows import Rows, check, rows_of
from podium.errors import InputError, InvalidRows

FIELDS = (
    FieldInfo("age", "integer"),
    FieldInfo("income", "float", missing="accept", missing_share=0.1),
    FieldInfo("member", "boolean"),
    FieldInfo("plan", "category"),
    FieldInfo("since", "datetime", missing="warn", missing_share=0.1),
)
WHEN = dt.datetime(2024, 3, 1, 12, 30, tzinfo=dt.UTC)
ROW = {"age": 41, "income": 1_000.5, "member": True, "plan": "pro", "since": WHEN}
PLAIN = ROW | {"since": "2024-03-01T12:30:00+00:00"}


@dataclass
class Customer:
    age: int = 41
    income: float = 1_000.5
    member: bool = True
    plan: str = "pro"
    since: dt.datetime = WHEN


class Named(NamedTuple):
    age: int
    income: float
    member: bool
    plan: str
    since: dt.datetime


class Plan(enum.Enum):
    PRO = "pro"


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        Customer(),
        Named(**ROW),
        ROW | {"age": np.int64(41), "member": np.bool_(True), "income": np.float64(1_000.5)},
        ROW | {"plan": Plan.PRO, "income": decimal.Decimal("1000.5"), "since": pd.Timestamp(WHEN)},
    ],
    ids=["dict", "dataclass", "named tuple", "numpy", "others"],
)
def test_a_row_of_any_kind_has_the_same_cells(row: object) -> None:
    rows = rows_of(row)
    check(rows, FIELDS)

    assert (rows.is_single, rows.row(0)) == (True, PLAIN)
    assert rows_of([row, row]).columns == {name: [cell] * 2 for name, cell in PLAIN.items()}


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_a_table_of_any_kind_has_the_same_cells(kind: str) -> None:
    frame = pd.DataFrame([ROW, ROW | {"income": None, "since": pd.NaT}])
    tables = {"pandas": frame, "polars": pl.from_pandas(frame), "pyarrow": pa.table(frame)}

    rows = rows_of(tables[kind])
    check(rows, FIELDS)

    assert [rows.row(0), rows.row(1)] == [PLAIN, PLAIN | {"income": None, "since": None}]


def test_missing_values_of_every_kind_are_missing() -> None:
    cells = [
        None,
        float("nan"),
        np.nan,
        pd.NaT,
        pd.NA,
        np.datetime64("NaT"),
        decimal.Decimal("NaN"),
    ]

    assert rows_of([{"x": cell} for cell in cells]).columns == {"x": [None] * len(cells)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"aeg": 1}, "aeg: isn't a field of the model (accepted: did you mean 'age'?)"),
        ({"age": "41"}, "age: isn't a whole number"),
        ({"age": 41.5}, "age: isn't a whole number"),
        ({"age": None}, "age: is missing"),
        ({"income": float("inf")}, "income: isn't a finite number"),
        ({"member": 1}, "member: isn't true or false"),
        ({"age": True}, "age: isn't a whole number"),
        ({"plan": ["pro"]}, "plan: isn't a label"),
        ({"since": 5}, "since: isn't a date and time"),
    ],
)
def test_what_a_field_cannot_hold_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRows) as one:
        check(rows_of(ROW | change), FIELDS)
    with pytest.raises(InvalidRows) as several:
        check(rows_of([ROW, ROW | change]), FIELDS)

    assert said in str(one.value)
    assert len(one.value.cells) == len(several.value.cells) == one.value.n_cells == 1


def test_a_required_column_that_is_left_out_is_named_once() -> None:
    rows = rows_of(pd.DataFrame([ROW] * 500).drop(columns=["age", "income", "since"]))

    with pytest.raises(InvalidRows) as refused:
        check(rows, FIELDS)

    assert [str(cell) for cell in refused.value.cells] == ["age: is missing"]


def test_a_thousand_bad_cells_are_counted_and_a_hundred_are_listed() -> None:
    with pytest.raises(InvalidRows) as refused:
        check(rows_of([ROW | {"age": "x"}] * 1_000), FIELDS)

    assert (refused.value.n_cells, len(refused.value.cells)) == (1_000, 100)
    assert [cell.row for cell in refused.value.cells] == list(range(100))


@pytest.mark.parametrize("given", ["x", b"x", 5, None, [5], ["x"], np.zeros((2, 2)), dict])
def test_what_isnt_rows_is_refused_with_what_is(given: object) -> None:
    with pytest.raises(InputError, match="dataclass"):
        rows_of(given)


def test_no_rows_are_refused() -> None:
    for given in ([], pd.DataFrame({name: [] for name in ROW})):
        with pytest.raises(InputError, match="no rows"):
            check(rows_of(given), FIELDS)


def test_a_field_of_a_kind_that_a_newer_server_has_takes_anything() -> None:
    check(Rows({"x": ["a", None, 5]}, 3, is_single=False), [FieldInfo("x", "duration", "accept")])
