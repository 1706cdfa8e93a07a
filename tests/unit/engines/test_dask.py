"""Dask: a DataFrame with predictions, partition by partition."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dask
import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
import pytest

from podium.bundle import Bundle
from podium.engines.dask import distribute, score
from podium.errors import InputError, SetupError

Compare = Callable[[pa.Table], None]

# Dask calls what pandas 3.1 deprecates, in this version.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")


def test_partitions_get_the_predictions_of_the_local_way(
    bundle: Bundle, rows: Path, is_as_expected: Compare
):
    # Whole numbers with gaps are nullable integers: pandas would make floats of them.
    frame = dd.read_parquet(rows, split_row_groups=True, dtype_backend="pyarrow")
    scored = score(frame, bundle)

    computed = scored.compute()
    assert scored.npartitions == 4
    assert (computed.dtypes == scored.dtypes).all()
    is_as_expected(pa.Table.from_pandas(computed, preserve_index=False))


def test_partitions_keep_their_index_and_may_be_empty(bundle: Bundle, rows: Path):
    frame = dd.read_parquet(rows, split_row_groups=True).set_index("id", drop=False, sorted=True)

    scored = score(frame[frame.id < 300], bundle).compute()

    assert list(scored.index) == list(range(300))
    assert list(scored.index[scored.prediction.isna()]) == [3, 7]


def test_a_missing_column_is_an_error_before_anything_is_computed(bundle: Bundle, rows: Path):
    with pytest.raises(InputError, match="the frame lacks a column that the model needs: stops"):
        score(dd.read_parquet(rows).drop(columns="stops"), bundle)


def test_a_column_of_several_types_is_an_error_that_says_so(bundle: Bundle):
    mixed = pd.DataFrame({"station": ["station 1", 2], "distance": [1, 2], "stops": [1, 2]})
    with dask.config.set({"dataframe.convert-string": False}):
        frame = dd.from_pandas(mixed, npartitions=1)

    with pytest.raises(SetupError, match="values of several types"):
        score(frame, bundle).compute(scheduler="synchronous")


@pytest.mark.slow
def test_files_are_scored_by_new_processes(score_parts: Callable[[str], None]):
    score_parts("dask")


def test_a_scheduler_that_is_not_there_is_an_error_that_says_so(free_port: int):
    address = f"tcp://127.0.0.1:{free_port}"

    with (
        dask.config.set(
            {"scheduler-address": address, "distributed.comm.timeouts.connect": "0.1s"}
        ),
        pytest.raises(SetupError, match=f"^Dask failed: .*{address}"),
    ):
        list(distribute(int, ["1"]))
