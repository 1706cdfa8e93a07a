"""What each engine costs beside the local way: the same rows, from Parquet to Parquet, side by side.

A classifier of five numbers and three words scores a file, once with `podium score` on one thread, then
with each engine on one core, both through `podium.engines.*.score` and through `podium score --engine`.
An engine starts before it is measured, and runs once to warm up; both times are given apart. Then it
takes turns with the local way, so that what else the machine does meets both. Given are medians of the
rounds: seconds of the processor, of all processes of the engine, with their range; seconds of time; and
the ratio to the local rounds beside them, by the processor. Processors are read from Linux's /proc.

    python -m bench.engines [--rows 1000000] [--rounds 5] [--engines polars,duckdb,dask,ray,spark]
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

import pyarrow as pa
from bench.bulk import packed, rows_of
from pyarrow import parquet

import podium
from podium.cli.main import run
from podium.engines.dask import PLACES

GROUP_ROWS = 125_000
Score = Callable[[Path, Path], object]


def write_rows(path: Path, n_rows: int) -> None:
    rows = pa.Table.from_pandas(rows_of("c"), preserve_index=False)
    n_copies = -(-n_rows // rows.num_rows)
    table = pa.concat_tables([rows] * n_copies).slice(0, n_rows)
    parquet.write_table(table, path, row_group_size=GROUP_ROWS)


def command(bundle: podium.Bundle, *options: str) -> Score:
    def score(source: Path, target: Path) -> None:
        with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
            code = run(["score", str(bundle.path), str(source), "-o", str(target), *options])
        assert code == 0, f"podium score {' '.join(options)} ended with {code}"

    return score


@contextmanager
def polars(bundle: podium.Bundle) -> Iterator[dict[str, Score]]:
    import polars as pl

    from podium.engines.polars import score

    yield {
        "Polars": lambda source, target: score(pl.scan_parquet(source), bundle).sink_parquet(target)
    }


@contextmanager
def duckdb(bundle: podium.Bundle) -> Iterator[dict[str, Score]]:
    import duckdb

    from podium.engines.duckdb import register

    with duckdb.connect(config={"threads": 1}) as connection:
        name = register(connection, bundle)
        query = f"copy (select t.*, unnest({name}(t)) from '{{}}' t) to '{{}}' (format parquet)"
        yield {"DuckDB": lambda source, target: connection.sql(query.format(source, target))}


@contextmanager
def dask(bundle: podium.Bundle) -> Iterator[dict[str, Score]]:
    import dask
    import dask.dataframe
    from dask.distributed import Client, LocalCluster

    from podium.engines.dask import score

    def frames(source: Path, target: Path) -> None:
        rows = dask.dataframe.read_parquet(source, split_row_groups=True)
        score(rows, bundle).to_parquet(target, write_index=False)

    with (
        LocalCluster(n_workers=1, threads_per_worker=1, **PLACES) as cluster,
        Client(cluster),
        dask.config.set({"scheduler-address": cluster.scheduler_address}),
    ):
        yield {"Dask": frames, "--engine dask": command(bundle, "--engine", "dask")}


@contextmanager
def ray(bundle: podium.Bundle) -> Iterator[dict[str, Score]]:
    import ray
    import ray.data

    from podium.engines.ray import score

    ray.init(
        "local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        yield {
            "Ray Data": lambda source, target: score(
                ray.data.read_parquet(str(source)), bundle
            ).write_parquet(str(target)),
            "--engine ray": command(bundle, "--engine", "ray"),
        }
    finally:
        ray.shutdown()


@contextmanager
def spark(bundle: podium.Bundle) -> Iterator[dict[str, Score]]:
    from pyspark.sql import SparkSession

    from podium.engines.spark import score

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    try:
        yield {
            "Spark": lambda source, target: score(
                session.read.parquet(str(source)), bundle
            ).write.parquet(str(target)),
            "--engine spark": command(bundle, "--engine", "spark"),
        }
    finally:
        session.stop()


ENGINES = {"polars": polars, "duckdb": duckdb, "dask": dask, "ray": ray, "spark": spark}


def used_s() -> float:
    """Seconds of the processor that this process and all that it started have used."""
    used: dict[int, float] = {}
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it ended
            continue
        pid = int(path.parent.name)
        children.setdefault(int(fields[1]), []).append(pid)
        used[pid] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    total, waiting = 0.0, [os.getpid()]
    while waiting:
        pid = waiting.pop()
        total += used.get(pid, 0.0)
        waiting += children.get(pid, [])
    return total


def timed(score: Score, source: Path) -> tuple[float, float]:
    """Seconds of the processor and of time that it takes; what it wrote is removed."""
    target = source.with_name("scored.parquet")
    used, began_s = used_s(), time.perf_counter()
    score(source, target)
    seconds = used_s() - used, time.perf_counter() - began_s
    assert parquet.read_table(target).num_rows == parquet.read_metadata(source).num_rows
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    return seconds


def shown(rounds: Sequence[tuple[float, float]]) -> str:
    cpu, wall = zip(*rounds, strict=True)
    middle = statistics.median(cpu)
    return f"{middle:.2f} s ({min(cpu):.2f}-{max(cpu):.2f}) in {statistics.median(wall):.1f} s"


def measure(name: str, score: Score, local: Score, source: Path, n_rounds: int) -> None:
    _, first_s = timed(score, source)
    rounds, beside = [], []
    for _ in range(n_rounds):
        beside.append(timed(local, source))
        rounds.append(timed(score, source))
    ratio = statistics.median(
        one / other for (one, _), (other, _) in zip(rounds, beside, strict=True)
    )
    print(
        f"{name}: {shown(rounds)}, local {shown(beside)}: {ratio:.2f} times; first {first_s:.1f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines", default=",".join(ENGINES))
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of libraries about each other
    logging.disable(logging.WARNING)
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # and of every process that it starts
    print(
        f"{options.rows:,} rows on one core; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    with tempfile.TemporaryDirectory() as name:
        bundle, source = packed("c", Path(name)), Path(name) / "rows.parquet"
        write_rows(source, options.rows)
        local = command(bundle)
        for engine in options.engines.split(","):
            began_s = time.perf_counter()
            with ENGINES[engine](bundle) as ways:
                print(f"{engine} is ready after {time.perf_counter() - began_s:.1f} s")
                for way, score in ways.items():
                    measure(way, score, local, source, options.rounds)


if __name__ == "__main__":
    main()
