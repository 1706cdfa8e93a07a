"""Arrow and Feather files: the types and the metadata stay, and damaged files are refused."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import feather

from podium.cli.main import run
from podium.errors import MalformedBody, SetupError
from podium.scoring.formats import open_source
from podium.scoring.ipc import ArrowReader, ArrowWriter
from podium.scoring.rows import CHUNK_ROWS_MAX, Chunk

PENGUINS = Path(__file__).parents[2] / "formats" / "logistic-1.podium"


def birds(n_rows: int) -> pa.Table:
    if not n_rows:
        return birds(1).slice(0, 0)
    columns = {
        "id": pa.array(range(n_rows), pa.int8()),
        "island": pa.array(["Dream"] * n_rows).dictionary_encode(),
        **{f"bill_{name}_mm": pa.array([40.0] * n_rows) for name in ("length", "depth")},
        "flipper_length_mm": pa.array([190] * n_rows, pa.int16()),
        "body_mass_g": pa.array([4_000.5] * n_rows, pa.float32()),
        "sex": pa.array([None] * n_rows, pa.string()),
        "year": pa.array([2008] * n_rows),
    }
    return pa.table(columns).replace_schema_metadata({"of": "birds"})


@pytest.mark.parametrize("compression", ["uncompressed", "zstd"])
def test_an_arrow_file_keeps_its_types_and_its_metadata(tmp_path: Path, compression: str):
    given, out = tmp_path / "in.feather", tmp_path / "out.arrow"
    feather.write_feather(birds(100), given, compression, chunksize=30)

    assert run(["score", str(PENGUINS), str(given), "-o", str(out)]) == 0

    scored = feather.read_table(out)
    assert scored.select(birds(0).schema.names).equals(birds(100))
    assert scored.schema.metadata == {b"of": b"birds"}
    assert set(scored["prediction"].to_pylist()) == {"Adelie"}
    assert scored["probability_Adelie"].type == pa.float64()


def test_a_csv_becomes_an_arrow_file_and_an_empty_one_has_the_columns(tmp_path: Path):
    feather.write_feather(birds(0), tmp_path / "in.arrow")
    names = ",".join(birds(0).schema.names)
    (tmp_path / "in.csv").write_text(f"{names}\n1,Dream,40,40,190,4000,,2008\n")
    for name in ("in.csv", "in.arrow"):
        arguments = ["score", str(PENGUINS), str(tmp_path / name), "--force"]
        assert run([*arguments, "-o", str(tmp_path / f"{name}.arrow")]) == 0

    assert feather.read_table(tmp_path / "in.csv.arrow")["id"].to_pylist() == ["1"]
    empty = feather.read_table(tmp_path / "in.arrow.arrow")
    assert (empty.num_rows, empty.schema.names[-4]) == (0, "prediction")


def test_long_batches_are_read_in_chunks(tmp_path: Path):
    table = pa.table({"a": range(CHUNK_ROWS_MAX + 10)})
    feather.write_feather(table, tmp_path / "in.arrow", "uncompressed", chunksize=10**6)

    with open_source(str(tmp_path / "in.arrow")) as source:
        chunks = list(source.chunks())

    assert [(one.n_rows, one.places[0]) for one in chunks] == [
        (CHUNK_ROWS_MAX, 1),
        (10, CHUNK_ROWS_MAX + 1),
    ]


def damaged(how: str) -> bytes:
    file = io.BytesIO()
    table = pa.table({"a": ["one", "two", "three"]})
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    content = file.getvalue()
    if how == "offsets":
        offsets = b"".join(n.to_bytes(4, "little") for n in (0, 3, 6, 11))
        return content.replace(offsets, offsets[:8] + b"\xff\xff\xff\x7f" + offsets[12:])
    return {"cut": content[:-20], "old": b"FEA1" + content[4:], "empty": b""}[how]


@pytest.mark.parametrize("how", ["offsets", "cut", "old", "empty"])
def test_damaged_files_are_refused(how: str):
    with pytest.raises(MalformedBody, match=r"f\.arrow"):
        list(ArrowReader(io.BufferedReader(io.BytesIO(damaged(how))), "f.arrow").chunks())  # type: ignore[type-var] # as raw


def test_a_dictionary_that_changes_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("podium.scoring.parquet.GROUP_ROWS", 1)
    writer = ArrowWriter(io.BytesIO())
    chunks = [
        Chunk(("a",), [pa.array([word]).dictionary_encode()], range(1, 2), "values")
        for word in ("x", "y")
    ]
    writer.write(writer.encode(chunks[0], []))

    with pytest.raises(SetupError, match=r"an Arrow file can't have these rows") as refused:
        writer.write(writer.encode(chunks[1], []))
    assert "write a .parquet file" in (refused.value.hint or "")
