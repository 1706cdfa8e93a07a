"""How much of a file is held at once, whatever its rows look like."""

from __future__ import annotations

import csv
import io

import pytest

from podium.errors import MalformedBody
from podium.scoring import delimited
from podium.scoring.delimited import BLOCK_BYTES, DelimitedReader
from podium.scoring.lines import CHUNK_BYTES_MAX, LinesReader
from podium.scoring.rows import CHUNK_CELLS_MAX, CHUNK_ROWS_MAX, Reader


def buffered(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))


LONG = b"x" * 1_000_000
LONG_CSV = b"a,b\n" + b"".join(b"%d,%s\n" % (i, LONG) for i in range(40))
LONG_LINES = b"".join(b'{"a": %d, "b": "%s"}\n' % (i, LONG) for i in range(40))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "most"),
    [
        (DelimitedReader(buffered(LONG_CSV), "in.csv"), BLOCK_BYTES),
        (LinesReader(buffered(LONG_LINES)), CHUNK_BYTES_MAX),
    ],
    ids=["csv", "ndjson"],
)
def test_long_rows_make_short_chunks(reader: Reader, most: int) -> None:
    chunks = [chunk for chunk in reader.chunks() if chunk.n_rows]

    assert max(chunk.n_rows for chunk in chunks) <= most // len(LONG) + 1
    assert [int(cell) for chunk in chunks for cell in chunk.cells[0]] == list(range(40))


def test_wide_rows_make_short_chunks() -> None:
    names = ",".join(f"f{i}" for i in range(1_000))
    row = ",".join("1" for _ in range(1_000))
    content = f"{names}\n" + f"{row}\n" * 900

    chunks = list(DelimitedReader(buffered(content.encode()), "in.csv").chunks())

    assert max(one.n_rows for one in chunks) == CHUNK_CELLS_MAX // 1_000 < CHUNK_ROWS_MAX
    assert sum(one.n_rows for one in chunks) == 900


def test_a_stretch_of_empty_lines_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 100)
    reader = DelimitedReader(buffered(b"a\n1\n" + b"\n" * 1_000 + b"2\n"), "in.csv")

    assert [cell for chunk in reader.chunks() for cell in chunk.cells[0]] == ["1", "2"]


@pytest.mark.slow
def test_a_quote_left_open_is_noticed_before_memory_is_full() -> None:
    reader = DelimitedReader(buffered(b'a,b\n1,"2\n' + b"3,4\n" * 2_000_000), "in.csv")

    with pytest.raises(MalformedBody, match=r"line 2 of in\.csv opens a quote"):
        list(reader.chunks())
    assert reader.lines_read < 2_000_000


@pytest.mark.slow
def test_the_csv_modules_own_limit_stays_as_it_was() -> None:
    before = csv.field_size_limit()
    list(DelimitedReader(buffered(LONG_CSV), "in.csv").chunks())

    assert csv.field_size_limit() == before
