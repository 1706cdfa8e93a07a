"""Ray Data: datasets with predictions, in the processes of a Ray on this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import podium
from podium.bundle import Bundle
from podium.engines.ray import distribute, score
from podium.errors import InputError, SetupError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray's own, in many places

Compare = Callable[[pa.Table], None]


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    import ray
    import ray.data

    # A new one, even if another one runs on this machine.
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield ray
    ray.shutdown()


def test_a_dataset_gets_the_predictions_of_the_local_way(
    ray: Any, bundle: Bundle, rows: Path, is_as_expected: Compare
):
    scored = score(ray.data.read_parquet(str(rows)), bundle)

    is_as_expected(pa.concat_tables(ray.get(scored.to_arrow_refs())))


def test_blocks_without_rows_are_scored(ray: Any, bundle: Bundle, rows: Path):
    some = ray.data.read_parquet(str(rows)).filter(expr="id < 3").repartition(4)

    assert sorted(row["id"] for row in score(some, bundle).take_all()) == [0, 1, 2]


def test_wrong_columns_are_an_error_before_the_job(ray: Any, bundle: Bundle, rows: Path):
    dataset = ray.data.read_parquet(str(rows))

    with pytest.raises(InputError, match="the dataset lacks a column that the model needs: stops"):
        score(dataset.drop_columns(["stops"]), bundle)
    with pytest.raises(SetupError, match="the columns of the dataset aren't known"):
        score(ray.data.from_items([]), bundle)


def test_a_bundle_that_is_gone_is_an_error_that_says_so(
    ray: Any, bundle: Bundle, rows: Path, tmp_path: Path
):
    path = shutil.copy(bundle.path, tmp_path / "trips.podium")
    scored = score(ray.data.read_parquet(str(rows)), podium.load(path))
    path.unlink()

    with pytest.raises(ray.exceptions.RayTaskError, match=f"{path} can't be read"):
        scored.materialize()


def test_files_are_scored_by_the_ray_that_is_there(ray: Any, score_parts: Callable[[str], None]):
    score_parts("ray")

    assert ray.is_initialized()


def test_what_fails_in_a_process_is_told_in_one_line(ray: Any):
    with pytest.raises(SetupError, match=r"^Ray failed: .*JSONDecodeError: Expecting value"):
        list(distribute(json.loads, ["one"]))
