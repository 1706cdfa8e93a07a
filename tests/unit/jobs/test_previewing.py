"""A look at the first rows of files of every kind."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pytest
from pyarrow import parquet

from podium.bundle import Bundle
from podium.errors import MalformedBody
from podium.jobs.job import Preview
from podium.jobs.jobs import Jobs
from podium.jobs.previewing import ANSWERED_MAX, SHOWN_MAX, preview

from .conftest import HEADER, ROW

NDJSON = b'{"island": "Dream", "year": 2007, "note": {"a": 1}}\n[]\n'


def parquet_bytes() -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table({"island": ["Dream"], "year": [2007], "note": ["x"]}), file)
    return file.getvalue()


@pytest.fixture
def look(jobs: Jobs, add, bundle: Bundle):
    def preview_of(body: bytes, format_: str = ".csv", **fields: str) -> Preview:
        return preview(add(body, format=format_, fields=fields), jobs, bundle)

    return preview_of


@pytest.mark.parametrize(
    ("body", "format_", "refused"),
    [
        (HEADER.strip() + b",note\n" + ROW.strip() + b",x\n", ".csv", ()),
        (gzip.compress(HEADER.strip() + b",note\n" + ROW.strip() + b",x\n"), ".csv.gz", ()),
        (HEADER.replace(b",", b"\t") + ROW.replace(b",", b"\t"), ".tsv", ()),
        (NDJSON, ".ndjson", (1,)),
        (parquet_bytes(), ".parquet", ()),
    ],
    ids=["csv", "gzip", "tsv", "ndjson", "parquet"],
)
def test_rows_of_every_format_are_answered(
    look, body: bytes, format_: str, refused: tuple[int, ...]
):
    found = look(body, format_)

    assert found.can_start
    assert found.is_whole
    assert found.refused == refused
    assert (found.n_rows, found.n_refused) == (1 + len(refused), len(refused))
    n_columns = len(found.columns)
    assert all(len(row) == n_columns + len(found.predicted) for row in found.rows)
    assert found.rows[0][n_columns] in ("Adelie", "Chinstrap", "Gentoo")


def test_no_more_rows_are_answered_and_shown_than_somebody_reads(look):
    found = look(HEADER + ROW * 1_000)

    assert (found.n_rows, len(found.rows), found.is_whole) == (ANSWERED_MAX, SHOWN_MAX, False)


def test_a_column_that_would_be_added_is_told(look):
    found = look(HEADER.strip() + b",prediction\n" + ROW.strip() + b",x\n")

    assert found.taken == ("prediction",)
    assert not found.can_start


def test_a_column_that_is_there_twice_is_told(look):
    found = look(b"island," + HEADER + b"Dream," + ROW)

    assert found.needed == ("island",)
    assert not found.can_start


def test_a_file_without_rows_and_one_of_four_hundred_columns(look):
    names = ",".join(f"c{i}" for i in range(400)).encode()
    wide = look(names + b"," + HEADER + b"1," * 400 + ROW)

    assert look(HEADER).n_rows == 0
    assert len(wide.columns) == 407
    assert sum(bool(field) for _, field in wide.columns) == 7
    assert wide.can_start


def test_long_and_odd_cells_are_shortened(look):
    found = look(b"note," + HEADER + b'"' + b"x" * 5_000 + b'\x1b[2J",' + ROW)

    assert len(found.rows[0][0]) <= 80


def test_what_is_cut_or_packed_twice_is_told(look):
    with pytest.raises(MalformedBody, match="can't be decompressed"):
        look(gzip.compress(HEADER + ROW * 50)[:-20], ".csv.gz")
    with pytest.raises(MalformedBody, match="can't be read as Parquet"):
        look(parquet_bytes()[:-5], ".parquet")
