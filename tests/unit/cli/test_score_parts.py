"""`podium score --engine`: what an engine's processes write together is what one process writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from podium.cli import score_parts
from podium.engines.dask import PLACES

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def _cluster() -> Iterator[None]:
    """A Dask in this process: what doesn't depend on the engine is tried with it."""
    import dask
    from dask.distributed import LocalCluster

    cluster = LocalCluster(n_workers=1, threads_per_worker=2, processes=False, **PLACES)
    with cluster, dask.config.set({"scheduler-address": cluster.scheduler_address}):
        yield


@pytest.fixture
def birds(
    penguins_rows: pd.DataFrame, here: Path, _cluster: None, monkeypatch: pytest.MonkeyPatch
) -> pd.DataFrame:
    """Penguins, two of which are refused, in row groups of 60, and parts of 120 rows."""
    monkeypatch.setattr(score_parts, "PART_ROWS", 120)
    rows = penguins_rows.copy()
    rows.loc[[5, 299], "island"] = ["nowhere", None]
    table = pa.Table.from_pandas(rows, preserve_index=False)
    parquet.write_table(table, "birds.parquet", row_group_size=60)
    return rows


def test_parts_hold_the_rows_and_the_report_that_one_process_writes(
    penguins: Path, birds: pd.DataFrame, podium_run: Command
):
    code, _, err = podium_run("score", penguins, "birds.parquet", "-o", "out", "--engine", "dask")
    expected = podium_run("score", penguins, "birds.parquet", "-o", "one.parquet")

    assert (code, expected[0]) == (3, 3), err
    names = ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    assert sorted(path.name for path in Path("out").iterdir()) == names
    assert [parquet.read_metadata(f"out/{name}").num_rows for name in names] == [120, 120, 104]
    assert parquet.read_table("out").equals(parquet.read_table("one.parquet"))
    assert Path("out.errors.csv").read_text() == Path("one.parquet.errors.csv").read_text()
    assert err.splitlines()[1:] == [
        line.replace("one.parquet", "out") for line in expected[2].splitlines()[1:]
    ]


def test_files_of_a_folder_are_parts_and_named_in_the_report(
    penguins: Path, birds: pd.DataFrame, podium_run: Command
):
    Path("in").mkdir()
    for number in range(3):
        birds[number * 100 : (number + 1) * 100].to_csv(f"in/{number}.csv", index=False)
    Path("in/_SUCCESS").touch()

    code, _, err = podium_run("score", penguins, "in", "-o", "out.csv.gz", "--engine", "dask")
    again, _, _ = podium_run("score", penguins, "in/[12].csv", "-o", "two", "--engine", "dask")

    for number in range(3):
        podium_run("score", penguins, f"in/{number}.csv", "-o", f"{number}.csv.gz")
        written = Path(f"out.csv.gz/part-{number:05}.csv.gz").read_bytes()
        assert written == Path(f"{number}.csv.gz").read_bytes()
    assert (code, again) == (3, 3), err
    assert Path("out.csv.gz.errors.csv").read_text().splitlines()[:2] == [
        "file,line,field,value,problem,accepted",
        Path("0.csv.gz.errors.csv").read_text().splitlines()[1].replace("7,", "in/0.csv,7,", 1),
    ]
    assert "  line 101 of in/2.csv, island" in err
    assert sorted(path.name for path in Path("two").iterdir()) == [
        "part-00000.csv",
        "part-00001.csv",
    ]


def test_it_stops_at_the_limit_of_refused_rows(
    penguins: Path, birds: pd.DataFrame, podium_run: Command
):
    told = ("score", penguins, "birds.parquet", "-o", "out", "--engine", "dask")

    code, _, err = podium_run(*told, "--limit-errors", "2")

    assert code == 3
    assert "stopped after 2 refused rows" in err
    assert len(Path("out.errors.csv").read_text().splitlines()) == 3
    assert {path.name for path in Path.cwd().iterdir()} == {"birds.parquet", "out.errors.csv"}


def test_only_the_parts_of_an_earlier_run_are_replaced_and_only_by_force(
    penguins: Path, birds: pd.DataFrame, podium_run: Command
):
    told = ("score", penguins, "birds.parquet", "-o", "out", "--engine", "dask")
    Path("out").mkdir()
    Path("out/part-00009.parquet").touch()

    refused = podium_run(*told)
    assert refused[0] == 1
    assert "out exists already" in refused[2]
    assert podium_run(*told, "--force")[0] == 3
    assert len(list(Path("out").iterdir())) == 3

    Path("out/mine.txt").write_text("mine")
    code, _, err = podium_run(*told, "--force")
    assert (code, Path("out/mine.txt").read_text()) == (1, "mine")
    assert "also holds 'mine.txt'" in err
    assert {path.name for path in Path.cwd().iterdir()} == {
        "birds.parquet",
        "out",
        "out.errors.csv",
    }


@pytest.mark.parametrize(
    ("rows", "out", "says"),
    [
        ("-", "out", "several files or parts become a folder"),
        ("birds.parquet", "-", "several files or parts become a folder"),
        ("birds.parquet", "file", "is a file"),
        ("birds.parquet", "no/out", "mkdir -p"),
        ("parts", "parts", "holds the input"),
        ("none.parquet", "out", "none.parquet can't be read"),
        ("*.none", "out", "*.none names no file"),
        ("parts", "out.parquet.gz", "is not of a supported format"),
        ("birds.*", "out", "birds.csv and birds.parquet have different formats"),
        ("lacking.csv", "out", "lacks a column that the model needs: island"),
        ("twice.csv", "out", "already has a column 'prediction'"),
        ("broken", "out", "isn't UTF-8"),
    ],
)
def test_what_cannot_be_scored_is_reported_and_leaves_nothing(
    rows: str, out: str, says: str, penguins: Path, birds: pd.DataFrame, podium_run: Command
):
    for name in ("parts", "broken"):
        Path(name).mkdir()
    Path("file").touch()
    some = birds[:10].drop(columns="species")
    some.to_csv("birds.csv", index=False)
    some.to_csv("parts/part-00000.csv", index=False)
    some.drop(columns="island").to_csv("lacking.csv", index=False)
    some.assign(prediction=1).to_csv("twice.csv", index=False)
    some.to_csv("broken/0.csv", index=False)
    Path("broken/1.csv").write_bytes(Path("birds.csv").read_bytes() + b"Bisco\xe9,,,,,,2007\n")
    before = sorted(Path.cwd().rglob("*"))

    code, _, err = podium_run("score", penguins, rows, "-o", out, "--engine", "dask")

    assert code in (1, 2, 3), err
    assert says in err
    assert "Traceback" not in err
    assert sorted(Path.cwd().rglob("*")) == before


def test_a_pickle_is_trusted_before_an_engine_starts(
    pickled: Path, here: Path, podium_run: Command
):
    Path("in.csv").write_text("x\n3\n")

    code, _, err = podium_run("score", pickled, "in.csv", "-o", "out", "--engine", "spark")

    assert (code, "--trust sha256:" in err) == (1, True), err


def test_files_of_a_folder_are_scored_without_an_engine(
    penguins: Path, penguins_rows: pd.DataFrame, here: Path, podium_run: Command
):
    rows = penguins_rows.copy()
    rows.loc[[5, 299], "island"] = ["nowhere", None]
    Path("in").mkdir()
    for number in range(3):
        rows[number * 100 : (number + 1) * 100].to_csv(f"in/{number}.csv", index=False)

    code, _, err = podium_run("score", penguins, "in", "-o", "out")
    again, _, _ = podium_run("score", penguins, "in/[01].csv", "-o", "two")
    refused, _, why = podium_run("score", penguins, "in", "-o", "-")

    assert (code, again, refused) == (3, 3, 2), err
    assert "give IN, and -o OUT" in why
    for number in range(3):
        podium_run("score", penguins, f"in/{number}.csv", "-o", f"{number}.csv")
        written = Path(f"out/part-{number:05}.csv").read_bytes()
        assert written == Path(f"{number}.csv").read_bytes()
    assert len(list(Path("two").iterdir())) == 2
    assert (
        Path("out.errors.csv").read_text().splitlines()[1].startswith("in/0.csv,7,island,nowhere,")
    )
