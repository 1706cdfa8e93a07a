"""DuckDB: a function of SQL that predicts rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from podium.bundle import Bundle
from podium.engines.duckdb import register

Compare = Callable[[pa.Table], None]


@pytest.fixture
def connection(bundle: Bundle) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connected:
        assert register(connected, bundle) == "predict_trips"
        yield connected


def test_a_query_gets_the_predictions_of_the_local_way(
    connection: duckdb.DuckDBPyConnection, rows: Path, is_as_expected: Compare
):
    query = f"select t.*, unnest(predict_trips(t)) from '{rows}' t"

    is_as_expected(connection.sql(query).to_arrow_table())


def test_values_are_given_by_name_in_any_order(connection: duckdb.DuckDBPyConnection):
    row = "{stops: 3, station: 'station 1', distance: 9.5::decimal(4, 1), other: 1}"

    found = connection.sql(f"select predict_trips({row}).prediction").fetchall()

    assert found in ([("late",)], [("on time",)])


def test_no_row_has_no_prediction(connection: duckdb.DuckDBPyConnection):
    assert connection.sql("select predict_trips(null)").fetchall() == [(None,)]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("1", "predict_trips takes one row"),
        ("{station: 'a'}, 2", "predict_trips takes one row"),
        ("{station: 'a', distance: 1.0}", "lacks a column that the model needs: stops"),
    ],
)
def test_what_is_no_row_of_the_model_is_an_error_that_says_so(
    connection: duckdb.DuckDBPyConnection, given: str, problem: str
):
    with pytest.raises(duckdb.InvalidInputException, match=problem):
        connection.sql(f"select predict_trips({given})").fetchall()
