"""Spark: frames with predictions, in the Python workers of a Spark on this machine."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import podium
from podium.bundle import Bundle
from podium.engines.spark import distribute, score
from podium.errors import InputError, SetupError

# PySpark 4.3 warns of pandas 3, whatever is called.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

Compare = Callable[[pa.Table], None]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17 or newer; Debian: sudo apt install default-jre-headless")
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
        builder = builder.config("spark.ui.showConsoleProgress", "false")
        # A fifth of the work less: Java compiles little, for the little that it does here.
        java = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
        builder = builder.config("spark.driver.extraJavaOptions", java)
        session = builder.config("spark.sql.codegen.wholeStage", "false").getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


def test_a_frame_gets_the_predictions_of_the_local_way(
    spark: Any, bundle: Bundle, rows: Path, is_as_expected: Compare
):
    frame = spark.read.parquet(str(rows))

    scored = score(frame, bundle)

    assert scored.columns[:4] == frame.columns
    is_as_expected(scored.toArrow())


def test_partitions_without_rows_are_scored(spark: Any, bundle: Bundle):
    columns = ["id", "'station 1' as station", "2.5d as distance", "id as stops"]
    some = spark.range(0, 8, 1, 4).where("id < 3").selectExpr(*columns)

    assert sorted(row.id for row in score(some, bundle).collect()) == [0, 1, 2]


def test_a_missing_column_is_an_error_before_the_job(spark: Any, bundle: Bundle, rows: Path):
    with pytest.raises(InputError, match="the frame lacks a column that the model needs: stops"):
        score(spark.read.parquet(str(rows)).drop("stops"), bundle)


def test_a_bundle_that_is_gone_is_an_error_that_says_so(
    spark: Any, bundle: Bundle, rows: Path, tmp_path: Path
):
    from pyspark.errors import PythonException

    path = shutil.copy(bundle.path, tmp_path / "trips.podium")
    scored = score(spark.read.parquet(str(rows)), podium.load(path))
    path.unlink()

    with pytest.raises(PythonException, match=f"{path} can't be read"):
        scored.collect()


def test_files_are_scored_by_the_spark_that_is_there(
    spark: Any, score_parts: Callable[[str], None]
):
    score_parts("spark")

    assert spark.sparkContext.parallelize([1]).collect() == [1]


def test_what_fails_in_a_process_is_told_in_one_line(spark: Any):
    with pytest.raises(SetupError, match=r"^Spark failed: ValueError: invalid literal .* 'one'"):
        list(distribute(int, ["one"]))
