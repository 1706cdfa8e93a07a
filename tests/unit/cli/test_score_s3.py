"""`podium score` of files, folders and patterns of a server that speaks S3, by what pyarrow has built in."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer
from pyarrow import parquet

from podium.cli import score_parts
from podium.engines.dask import PLACES

Command = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def _server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(
    _server: str, penguins_rows: pd.DataFrame, here: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A bucket with penguins in three files, of which two rows are refused."""
    monkeypatch.setitem(sys.modules, "s3fs", None)  # wherever it is installed
    for name, value in {
        "AWS_ENDPOINT_URL": _server,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    found = boto3.resource("s3").Bucket("clinic")
    found.create()
    rows = penguins_rows.copy()
    rows.loc[[5, 299], "island"] = ["nowhere", None]
    Path("in").mkdir()
    for number in range(3):
        part = rows[number * 100 : (number + 1) * 100]
        part.to_csv(f"in/{number}.csv", index=False)
        found.upload_file(f"in/{number}.csv", f"in/{number}.csv")
    found.put_object(Key="in/_SUCCESS")
    table = pa.Table.from_pandas(rows, preserve_index=False)
    parquet.write_table(table, "birds.parquet", row_group_size=60)
    found.upload_file("birds.parquet", "birds one.parquet")
    yield found
    found.objects.delete()
    found.delete()


def contents(bucket: Any) -> dict[str, bytes]:
    """What is in it, but for the empty objects that stand for folders."""
    some = [one for one in bucket.objects.all() if not one.key.endswith("/")]
    return {one.key: one.get()["Body"].read() for one in some}


def test_a_folder_there_becomes_the_folder_that_it_becomes_here(
    bucket: Any, penguins: Path, podium_run: Command
):
    before = contents(bucket)

    code, _, err = podium_run("score", penguins, "s3://clinic/in/", "-o", "s3://clinic/to/out")
    expected = podium_run("score", penguins, "in", "-o", "here")

    assert (code, expected[0]) == (3, 3), err
    after = contents(bucket)
    new = {name.removeprefix("to/out/"): after[name] for name in after.keys() - before.keys()}
    parts = {path.name: path.read_bytes() for path in Path("here").iterdir()}
    assert new == {**parts, "_SUCCESS": b""}
    report = Path("out.errors.csv").read_text()
    assert report.replace("s3://clinic/in", "in") == Path("here.errors.csv").read_text()


def test_a_pattern_there_is_scored_to_a_folder_here(
    bucket: Any, penguins: Path, podium_run: Command
):
    code, _, err = podium_run("score", penguins, "s3://clinic/*/[01].csv", "-o", "two")
    none, _, why = podium_run("score", penguins, "s3://clinic/none/*.csv", "-o", "three")
    missing, _, told = podium_run("score", penguins, "s3://other/in/", "-o", "three")

    assert (code, none, missing) == (3, 1, 1), err
    assert len(list(Path("two").iterdir())) == 2
    assert "s3://clinic/none/*.csv names no file" in why
    assert "s3://other/in/ names no file" in told
    assert not Path("three").exists()


def test_the_parts_of_an_engine_meet_there(
    bucket: Any, penguins: Path, podium_run: Command, monkeypatch: pytest.MonkeyPatch
):
    import dask
    from dask.distributed import LocalCluster

    monkeypatch.setattr(score_parts, "PART_ROWS", 120)
    told = ("score", penguins, "s3://clinic/birds one.parquet", "-o", "s3://clinic/out")
    told = (*told, "--engine", "dask")
    bucket.put_object(Key="out/part-00007.parquet", Body=b"old")
    cluster = LocalCluster(n_workers=1, threads_per_worker=2, processes=False, **PLACES)
    with cluster, dask.config.set({"scheduler-address": cluster.scheduler_address}):
        refused, _, why = podium_run(*told)
        # In a folder of its own: what its other workers write meanwhile may stay behind, hidden.
        elsewhere = [str(one).replace("clinic/out", "clinic/stopped") for one in told]
        bucket.put_object(Key="stopped/part-00007.parquet", Body=b"old")
        stopped, _, _ = podium_run(*elsewhere, "--force", "--limit-errors", "1")
        kept = [one.key for one in bucket.objects.filter(Prefix="stopped/")]
        code, _, err = podium_run(*told, "--force")
        bucket.put_object(Key="out/mine.txt")
        other, _, mine = podium_run(*told, "--force")
    podium_run("score", penguins, "birds.parquet", "-o", "one.parquet")

    assert (refused, stopped, code, other) == (1, 3, 3, 1), err
    assert "s3://clinic/out exists already" in why
    assert "also holds 'mine.txt'" in mine
    assert kept == ["stopped/part-00007.parquet"]
    found = contents(bucket)
    names = sorted(name for name in found if name.startswith("out/part"))
    assert names == [f"out/part-0000{number}.parquet" for number in range(3)]
    assert not any(name.startswith(".out") for name in found)
    tables = [parquet.read_table(io.BytesIO(found[name])) for name in names]
    assert pa.concat_tables(tables).equals(parquet.read_table("one.parquet"))
    assert Path("out.errors.csv").read_text() == Path("one.parquet.errors.csv").read_text()


def test_a_single_file_is_read_and_written_there(bucket: Any, penguins: Path, podium_run: Command):
    code, _, err = podium_run(
        "score", penguins, "s3://clinic/in/1.csv", "-o", "s3://clinic/new/1.csv"
    )
    podium_run("score", penguins, "in/1.csv", "-o", "1.csv")

    assert code in (0, 3), err
    assert contents(bucket)["new/1.csv"] == Path("1.csv").read_bytes()
