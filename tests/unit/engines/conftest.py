"""A bundle, rows that it refuses among others, and what `podium score` makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

import podium
from podium.bundle import Bundle
from podium.cli.main import REFUSED, run

N_STATIONS = 3_000
PREDICTED = ["prediction", "probability_late", "probability_on time"]


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="package")
def bundle(folder: Path) -> Bundle:
    """A classifier of trips, with a category of 3,000 labels and a number that may be whole."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "station": [f"station {i % N_STATIONS}" for i in range(2 * N_STATIONS)],
            "distance": random.normal(20, 5, 2 * N_STATIONS),
            "stops": random.integers(0, 9, 2 * N_STATIONS),
        }
    )
    late = np.where(rows.distance + rows.stops + rows.index % 7 > 26, "late", "on time")
    words = make_column_transformer((OneHotEncoder(), ["station"]), remainder="passthrough")
    model = make_pipeline(words, DecisionTreeClassifier(max_depth=8, random_state=0))
    return podium.pack(
        model.fit(rows, late), rows, late, name="trips", path=folder / "trips.podium"
    )


@pytest.fixture(scope="package")
def rows(folder: Path) -> Path:
    """Rows with whole distances, three of which are refused, and columns that are no fields."""
    n_rows = 1_000
    table = pa.table(
        {
            "id": pa.array(range(n_rows), pa.int64()),
            "station": pa.array([f"station {3 * i % N_STATIONS}" for i in range(n_rows)]),
            "distance": pa.array([None if i == 7 else i % 40 for i in range(n_rows)], pa.int32()),
            "stops": pa.array([i % 9 for i in range(n_rows)], pa.int64()),
        }
    )
    table = table.set_column(1, "station", _with_unknown(table["station"].to_pylist()))
    parquet.write_table(table, folder / "rows.parquet", row_group_size=250)
    return folder / "rows.parquet"


def _with_unknown(stations: list[str]) -> pa.Array:
    return pa.array(["nowhere" if i in (3, 900) else one for i, one in enumerate(stations)])


@pytest.fixture(scope="package")
def expected(folder: Path, bundle: Bundle, rows: Path) -> list[dict[str, Any]]:
    """The rows with their predictions, in the order of their ids, as `podium score` writes them."""
    done = folder / "expected.parquet"
    assert run(["score", str(bundle.path), str(rows), "-o", str(done)]) == REFUSED
    scored: list[dict[str, Any]] = parquet.read_table(done).to_pylist()
    assert [row["id"] for row in scored if row["prediction"] is None] == [3, 7, 900]
    return scored


@pytest.fixture
def score_parts(
    folder: Path, bundle: Bundle, rows: Path, expected: object, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Scores the rows with `podium score --engine`, and compares what is written."""
    monkeypatch.setattr("podium.cli.score_parts.PART_ROWS", 500)

    def compare(engine: str) -> None:
        out = folder / engine
        args = ["score", str(bundle.path), str(rows), "-o", str(out), "--engine", engine]
        assert run(args) == REFUSED
        assert len(list(out.iterdir())) == 2
        assert parquet.read_table(out).equals(parquet.read_table(folder / "expected.parquet"))
        reports = [folder / f"{name}.errors.csv" for name in (engine, "expected.parquet")]
        assert reports[0].read_bytes() == reports[1].read_bytes()

    return compare


@pytest.fixture(scope="package")
def is_as_expected(expected: list[dict[str, Any]]) -> Callable[[pa.Table], None]:
    """Compares the table of an engine with what `podium score` wrote, row by row."""

    def compare(scored: pa.Table) -> None:
        told = scored.sort_by("id").to_pylist()
        errors = {row["id"]: row.pop("errors") for row in told}
        assert told == expected
        assert {at: [cell["field"] for cell in cells] for at, cells in errors.items() if cells} == {
            3: ["station"],
            7: ["distance"],
            900: ["station"],
        }

    return compare
