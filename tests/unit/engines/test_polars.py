"""Polars: frames and lazy frames with predictions, as `podium score` makes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from podium.bundle import Bundle
from podium.engines.polars import score
from podium.errors import InputError

Compare = Callable[[pa.Table], None]


def test_a_frame_gets_the_predictions_of_the_local_way(
    bundle: Bundle, rows: Path, is_as_expected: Compare
):
    is_as_expected(score(pl.read_parquet(rows), bundle).to_arrow())


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_a_lazy_frame_knows_its_schema_and_scores_when_it_is_collected(
    bundle: Bundle, rows: Path, is_as_expected: Compare, engine: str
):
    scored = score(pl.scan_parquet(rows), bundle)

    collected = scored.collect(engine=engine)
    assert scored.collect_schema() == collected.schema
    is_as_expected(collected.to_arrow())


def test_a_filter_by_the_prediction_runs_after_it(bundle: Bundle, rows: Path):
    late = score(pl.scan_parquet(rows), bundle).filter(pl.col("prediction") == "late")

    assert set(late.select("prediction").collect()["prediction"]) == {"late"}


def test_no_rows_and_categories_are_scored(bundle: Bundle, rows: Path):
    frame = pl.read_parquet(rows).with_columns(pl.col("station").cast(pl.Categorical))

    assert score(frame.head(0), bundle).schema == score(frame, bundle).schema
    assert score(frame, bundle)["prediction"].null_count() == 3


def test_a_missing_column_is_an_error_before_anything_is_collected(bundle: Bundle, rows: Path):
    with pytest.raises(InputError, match="the frame lacks a column that the model needs: stops"):
        score(pl.scan_parquet(rows).drop("stops"), bundle)
