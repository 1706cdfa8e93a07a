"""Every type of field, read alike from every format, and every kind of answer written."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet

import podium
from podium.runtimes.python import load_function

Command = Callable[..., tuple[int, str, str]]

CODE = """
from __future__ import annotations
import datetime as dt
from typing import Any, Literal
import podium

@podium.model
def echo(day: dt.date, at: dt.datetime, n: int | None, x: float | None, yes: bool,
         kind: Literal["a", "b"], word: str) -> str:
    return repr((day, at, n, x, yes, kind, word))

@podium.model
def parts(n: int) -> dict[str, Any]:
    return {"n": n, "square": [n, n * n]}

@podium.model
def sign(n: int) -> bool:
    return n > 0
"""

AT = dt.datetime.fromisoformat("2024-03-01T13:45:00.250000")
ROWS = pa.table(
    {
        "day": pa.array([dt.date(2024, 3, 1), dt.date(1969, 12, 31)]),
        "at": pa.array([AT, AT]),
        "n": pa.array([2**53, None], pa.int64()),
        "x": pa.array([0.1, None], pa.float64()),
        "yes": pa.array([True, False]),
        "kind": pa.array(["a", "b"]).dictionary_encode(),
        "word": pa.array(["ü", "NA"]),
    }
)
EXPECTED = [
    repr((dt.date(2024, 3, 1), AT, 2**53, 0.1, True, "a", "ü")),
    repr((dt.date(1969, 12, 31), AT, None, None, False, "b", "NA")),
]
AS_OTHERS = {
    "day": [pa.date64(), pa.timestamp("ns")],
    "at": [pa.timestamp("ns"), pa.timestamp("ms"), pa.timestamp("us", "UTC")],
    "x": [pa.decimal128(12, 4)],
    "kind": [pa.string(), pa.large_string()],
    "word": [pa.large_string(), pa.string_view()],
}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `CODE`, and a bundle for each of its functions."""
    folder = tmp_path_factory.mktemp("packed")
    (folder / "score_types_models.py").write_text(CODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        for name in ("echo", "parts", "sign"):
            podium.pack(load_function(f"score_types_models:{name}"), name=name, path=folder)
    return folder


@pytest.fixture
def models(packed: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, in which the test runs."""
    shutil.copytree(packed, here, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(here)
    monkeypatch.delitem(sys.modules, "score_types_models", raising=False)
    return here


def predictions(out: str) -> list[object]:
    return parquet.read_table(out)["prediction"].to_pylist()


@pytest.mark.parametrize("given", ["in.parquet", "in.csv", "in.ndjson"])
def test_every_type_of_field_is_read_from_every_format(
    given: str, models: Path, podium_run: Command
) -> None:
    if given == "in.parquet":
        parquet.write_table(ROWS, given)
    elif given == "in.csv":
        arrow_csv.write_csv(ROWS.set_column(5, "kind", pa.array(["a", "b"])), given)
    else:
        lines = [json.dumps(row, default=lambda v: v.isoformat()) for row in ROWS.to_pylist()]
        Path(given).write_text("\n".join(lines))

    code, _, err = podium_run("score", "echo.podium", given, "-o", "out.parquet")

    assert (code, err.splitlines()[1:]) == (0, [])
    assert predictions("out.parquet") == EXPECTED


@pytest.mark.parametrize(
    ("name", "type_"), [(name, type_) for name, types in AS_OTHERS.items() for type_ in types]
)
def test_a_field_is_read_from_other_types_of_parquet(
    name: str, type_: pa.DataType, models: Path, podium_run: Command
) -> None:
    column = ROWS[name].cast(pa.string()) if name == "kind" else ROWS[name]
    rows = ROWS.set_column(ROWS.schema.get_field_index(name), name, column.cast(type_))
    parquet.write_table(rows, "in.parquet")

    code, _, err = podium_run("score", "echo.podium", "in.parquet", "-o", "out.parquet")

    assert code == 0, err
    assert predictions("out.parquet") == EXPECTED
    given = parquet.read_table("in.parquet")
    assert parquet.read_table("out.parquet").drop_columns("prediction").equals(given)


def test_a_moment_of_another_zone_is_the_same_moment_in_utc(
    models: Path, podium_run: Command
) -> None:
    there = ROWS["at"].cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "Asia/Tokyo"))
    parquet.write_table(ROWS.set_column(1, "at", there), "in.parquet")

    podium_run("score", "echo.podium", "in.parquet", "-o", "out.parquet")

    assert predictions("out.parquet") == EXPECTED


def test_structured_predictions_are_json_in_tables_and_objects_in_ndjson(
    models: Path, podium_run: Command
) -> None:
    Path("in.csv").write_text("n\n3\n")

    for name in ("out.csv", "out.parquet", "out.ndjson"):
        assert podium_run("score", "parts.podium", "in.csv", "-o", name)[0] == 0

    part = json.loads(Path("out.ndjson").read_text())
    said = part.get("prediction", part)
    assert Path("out.csv").read_text().splitlines()[1].startswith("3,")
    assert said == {"n": 3, "square": [3, 9]}
    assert json.loads(str(predictions("out.parquet")[0])) == said


def test_booleans_are_true_and_false_in_a_csv_and_typed_in_parquet(
    models: Path, podium_run: Command
) -> None:
    Path("in.csv").write_text("n\n3\n-3\n")

    podium_run("score", "sign.podium", "in.csv", "-o", "out.csv")
    podium_run("score", "sign.podium", "in.csv", "-o", "out.parquet")

    assert Path("out.csv").read_text() == "n,prediction\n3,true\n-3,false\n"
    assert predictions("out.parquet") == [True, False]


@pytest.mark.slow
def test_csv_needs_no_library_and_parquet_names_its_extra(models: Path) -> None:
    Path("in.csv").write_text("n\n3\n")
    parquet.write_table(pa.table({"n": [3]}), "in.parquet")
    code = (
        "import sys\n"
        "for name in ('pyarrow', 'pandas', 'polars', 'sklearn', 'skops', 'scipy'):\n"
        "    sys.modules[name] = None\n"
        "from podium.cli.main import run\n"
        "codes = [run(['score', 'sign.podium', f'in.{end}', '-o', f'{end}.{to}'])\n"
        "         for end, to in (('csv', 'csv'), ('parquet', 'csv'), ('csv', 'parquet'))]\n"
        "print(codes)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "[0, 1, 1]\n"
    assert done.stderr.count("the extra 'arrow'") == 2
    assert not Path("csv.parquet").exists()
