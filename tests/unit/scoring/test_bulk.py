"""All rows of a source: in order, as many at a time as a model answers in a second."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import podium
from podium.bundle import Bundle
from podium.errors import MalformedBody
from podium.scoring.bulk import Bulk
from podium.scoring.formats import _pieces, open_source, writer_of
from podium.scoring.rows import Chunk, Pace
from podium.scoring.scorer import Scorer
from podium.sources import bundles_of

PENGUINS = Path(__file__).parents[2] / "formats" / "logistic-1.podium"
HEADER = "island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year\n"


@pytest.fixture(scope="module")
def penguins() -> Bundle:
    return podium.load(PENGUINS)


def chunk_of(n_rows: int) -> Chunk:
    return Chunk(("a",), [list(map(str, range(n_rows)))], range(1, n_rows + 1), "file")


def pieces(
    chunks: list[Chunk], pace: Pace, n_bytes: Callable[[], int]
) -> Iterator[tuple[Chunk, int]]:
    for unit, n_read in _pieces(iter(chunks), pace, n_bytes):
        (piece,) = unit()
        yield piece, n_read


def test_pieces_get_as_long_as_a_model_answers_in_a_second():
    size, pace = iter((5_000, 5_200)), Pace()
    lengths, cells, read = [], [], []
    for piece, n_read in pieces([chunk_of(1_000), chunk_of(10)], pace, lambda: next(size)):
        lengths.append(piece.n_rows)
        cells += piece.cells[0]
        read.append(n_read)
        pace.measured(piece.n_rows, piece.n_rows / 200)  # 200 rows a second

    assert lengths == [64, 200, 200, 200, 200, 136, 10]
    assert read == [320, 1_320, 2_320, 3_320, 4_320, 5_000, 5_200]
    assert cells == [*map(str, range(1_000)), *map(str, range(10))]


def test_a_slow_model_answers_row_by_row_and_an_empty_chunk_is_one_piece():
    pace, lengths = Pace(), []
    for piece, _ in pieces([chunk_of(66)], pace, int):
        lengths.append(piece.n_rows)
        pace.measured(piece.n_rows, 10.0 * piece.n_rows)

    assert lengths == [64, 1, 1]
    assert [piece.n_rows for piece, _ in pieces([chunk_of(0)], Pace(), int)] == [0]


def bulk_of(bundle: Bundle, path: Path, out: io.BytesIO, **options: Any) -> Iterator[Any]:
    with open_source(str(path)) as source:
        writer = writer_of(out, "csv", source)
        for one in Bulk(Scorer(bundle), source, writer, **options).results():
            writer.write(one.encoded)
            yield one


def rows(n_rows: int) -> str:
    return HEADER + "".join(f"Dream,{30 + n % 30},18.7,181,3750,male,2008\n" for n in range(n_rows))


@pytest.mark.slow
def test_threads_answer_and_rows_stay_in_order(penguins: Bundle, tmp_path: Path):
    (tmp_path / "in.csv").write_text(rows(60_000))
    alone, together, before_s = io.BytesIO(), io.BytesIO(), sys.getswitchinterval()

    results = list(bulk_of(penguins, tmp_path / "in.csv", together, n_threads=4))
    list(bulk_of(penguins, tmp_path / "in.csv", alone, n_threads=1))

    assert together.getvalue() == alone.getvalue()
    assert sys.getswitchinterval() == before_s
    assert sum(one.chunk.n_rows for one in results) == 60_000
    assert results[-1].n_read == (tmp_path / "in.csv").stat().st_size
    assert not [one for one in threading.enumerate() if one.name.startswith("podium-score")]


@pytest.mark.slow
def test_rows_before_a_file_that_breaks_off_are_answered_first(penguins: Bundle, tmp_path: Path):
    (tmp_path / "in.csv").write_bytes(rows(50_000).encode() + b'"Dream,1\n')
    out = io.BytesIO()

    with pytest.raises(MalformedBody, match=r"line 50002 of in\.csv opens a quote"):
        list(bulk_of(penguins, tmp_path / "in.csv", out, n_threads=2))

    assert out.getvalue().count(b"\n") > 40_000
    assert not [one for one in threading.enumerate() if one.name.startswith("podium-score")]


THREADS: set[str] = set()


@podium.model
def careful(n: float) -> float:
    """Code of users, which may not run twice at once."""
    THREADS.add(threading.current_thread().name)
    return n


def test_code_of_users_runs_in_the_callers_thread_alone(tmp_path: Path):
    (bundle,) = bundles_of((careful,), tmp_path / "packed", ())
    (tmp_path / "in.csv").write_text("n\n" + "1\n" * 3_000)

    assert (
        sum(one.chunk.n_rows for one in bulk_of(bundle, tmp_path / "in.csv", io.BytesIO())) == 3_000
    )
    assert {threading.current_thread().name} == THREADS
