"""Blocks that Arrow reads: what is written is byte for byte what every row and cell give by itself.

`carefully` reads a file at once, row by row and cell by cell, and so tells what is right.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import podium
from podium.bundle import Bundle
from podium.errors import BadCell, MalformedBody
from podium.scoring import delimited
from podium.scoring.bulk import Bulk
from podium.scoring.careful import CarefulRows
from podium.scoring.delimited import DelimitedReader, DelimitedWriter
from podium.scoring.formats import Source, writer_of
from podium.scoring.plain import Dialect, PlainReader
from podium.scoring.rows import Predicted
from podium.scoring.scorer import Scorer
from podium.scoring.values import texts
from podium.signature import Field
from podium.signature.delimited import delimiter_of
from podium.sources import bundles_of

PENGUINS = Path(__file__).parents[2] / "formats" / "logistic-1.podium"
BOM = b"\xef\xbb\xbf"


@podium.model
def weigh(
    size: float | None,
    n: int,
    is_big: bool,
    day: dt.date,
    time: dt.datetime,
    kind: Literal["a", "b;c", "NA"] | None,
    note: str | None,
) -> float:
    """Something of everything."""
    about = [size or -0.0, n, is_big, day.day, time.minute, len(kind or ""), len(note or "")]
    return float(sum(about) if any(about) else size or 0.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    (bundle,) = bundles_of((weigh,), tmp_path_factory.mktemp("packed"), ())
    bundle.start()
    return bundle


@pytest.fixture(scope="module")
def penguins() -> Bundle:
    return podium.load(PENGUINS)


# The file, the invalid cells at their lines, and how many warnings there are of each kind.
Told = tuple[bytes, list[tuple[int, BadCell]], Counter[tuple[str, str]]]


def without_row(cell: BadCell) -> BadCell:
    return msgspec.structs.replace(cell, row=None)


def carefully(bundle: Bundle, content: bytes) -> Told:
    """What is written, what is refused and what is warned of, if a file is one chunk of texts."""
    body = content.removeprefix(BOM)
    first = io.StringIO(body.decode(), newline="").readline()
    delimiter, line_end = delimiter_of(first), "\r\n" if first.endswith("\r\n") else "\n"
    rows = CarefulRows(body, "f.csv", delimiter, 0, bytes)
    chunk = rows.chunk(tuple(rows.row() or ()), 10_000)
    scored = Scorer(bundle).score(chunk)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end)
    writer.writerow([*chunk.names, *(one.name for one in scored.predicted)])
    columns = [one.cells if one.kind is float else texts(one.cells) for one in scored.predicted]
    writer.writerows(zip(*chunk.cells, *columns, strict=True))
    bad = [(chunk.places[one.row or 0], without_row(one)) for one in scored.bad]
    warnings = Counter((one.field, one.code) for one in scored.warnings)
    has_bom = content.startswith(BOM)
    return has_bom * BOM + out.getvalue().encode(), bad, warnings


def in_blocks(bundle: Bundle, content: bytes, *, n_bytes: int = 2**20, n_threads: int = 1) -> Told:
    """The same by the way that files take."""
    file = io.BufferedReader(io.BytesIO(content))  # type: ignore[type-var] # as raw as a file
    out, bad, warnings = io.BytesIO(), [], Counter[tuple[str, str]]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK_BYTES", n_bytes)
        reader = DelimitedReader(file, "f.csv")
        source = Source("f.csv", "csv", reader, None, io.FileIO(0, closefd=False))
        writer = writer_of(out, "csv", source)
        for one in Bulk(Scorer(bundle), source, writer, n_threads=n_threads).results():
            writer.write(one.encoded)
            places = one.chunk.places
            bad += [(places[c.row or 0], without_row(c)) for c in one.scored.bad]
            warnings.update((w.field, w.code) for w in one.scored.warnings)
    return out.getvalue(), bad, warnings


def result_of(read: Callable[[], Told]) -> Told | str:
    try:
        return read()
    except MalformedBody as error:
        return error.message


NUMBERS = st.sampled_from(["1", "2.5", "-3", "42.0", "1e3", "180", "0.1", "-0", "-0.0", "", "NA"])
ODD_NUMBERS = st.sampled_from(
    [
        "+4",
        " 7 ",
        "nan",
        "NaN",
        "nAn",
        "-inf",
        "Infinity",
        "1e400",
        "1e-400",
        "1_0",
        "٣",
        "0x1F",
        ".5",
        "5.",
        "9007199254740993",
        "1,5",
        "1.234",
        "1,234",
        "x",
        "1 2",
        "1d5",
        "1\x00",
        "\t8",
        "0.30000000000000004",
        "5e-324",
        "3.14e1",
        "--1",
        "1e",
        "n/a",
    ]
) | st.sampled_from(["0" * 399 + "7", "0" * 400 + "7"])
WHOLE = st.sampled_from(["1", "2008", "-7", "0", "12", "-0", "007"])
TRUTHS = st.sampled_from(["true", "no", "1", "T", "perhaps", ""])
DAYS = st.sampled_from(["2026-11-30", "2026-02-30", " 2024-02-29 ", "30.11.2026", ""])
TIMES = st.sampled_from(["2026-11-30T10:20", "2026-11-30 10:20:30Z", "2026-11-30", "later"])
KINDS = st.sampled_from(["a", "b;c", "NA", "A", " a", "zz", "null", ""])
NOTES = st.sampled_from(
    ["", "x", "né\u200d年", "a,b", " sp ", "NA", "a;b", "=1+1", "'q'"]
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ISLANDS = st.sampled_from(["Biscoe", "Dream", "Torgersen", "dream", "Paris", ""])
SEXES = st.sampled_from(["male", "female", "", "NA", "Male"])


def mostly(usual: st.SearchStrategy[str], odd: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.integers(0, 30).flatmap(lambda n: odd if n == 0 else usual)


def written(cell: str, delimiter: str, how: int) -> str:
    """A cell as files have it: mostly with quotes only where it needs them."""
    needs = any(c in cell for c in f'{delimiter}"\r\n')
    if how == 19:
        return f'"{cell}"' if '"' not in cell else cell
    if how == 18:
        return f'{cell}"'
    quoted = '"' + cell.replace('"', '""') + '"'
    return quoted if needs or how > 14 else cell


@st.composite
def files(draw: st.DrawFn, columns: dict[str, st.SearchStrategy[str]]) -> bytes:
    """CSV files, mostly well-formed."""
    delimiter, end = draw(st.sampled_from(",,;\t")), draw(st.sampled_from(["\n", "\r\n"]))
    if delimiter == "\t":
        columns = {name: cells for name, cells in columns.items() if name != "note"}
    quotes = st.integers(0, draw(st.sampled_from([14, 14, 17, 19])))
    lines = [delimiter.join(columns)]
    for _ in range(draw(st.integers(0, 25))):
        cells = [written(draw(one), delimiter, draw(quotes)) for one in columns.values()]
        oddity = draw(st.integers(0, 60))
        cells = {0: cells[:-1], 1: [*cells, "more"], 2: []}.get(oddity, cells)
        lines.append(delimiter.join(cells))
    text = end.join(lines) + draw(st.sampled_from([end, end, end, "", "\r", end * 2]))
    return draw(st.sampled_from([b"", b"", BOM])) + text.encode()


OTHER = mostly(st.sampled_from(["", "1", "x y", "007", "a|b"]), NOTES)
WEIGHED = {
    "id": OTHER,
    "size": mostly(NUMBERS, ODD_NUMBERS),
    "n": mostly(WHOLE, NUMBERS | ODD_NUMBERS),
    "is_big": mostly(st.just("true"), TRUTHS),
    "day": mostly(st.just("2026-11-30"), DAYS),
    "time": mostly(st.just("2026-11-30T10:20"), TIMES),
    "kind": mostly(st.just("a"), KINDS),
    "note": NOTES,
}
BIRDS = {
    "note": OTHER,
    "island": mostly(st.sampled_from(["Biscoe", "Dream"]), ISLANDS),
    "bill_length_mm": mostly(NUMBERS, ODD_NUMBERS),
    "bill_depth_mm": NUMBERS,
    "flipper_length_mm": NUMBERS,
    "body_mass_g": NUMBERS,
    "sex": mostly(st.sampled_from(["male", "female", ""]), SEXES),
    "year": mostly(WHOLE, NUMBERS),
}


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(content=files(WEIGHED), n_bytes=st.sampled_from([1, 70, 400, 2**20]))
def test_cells_of_all_types_are_read_as_one_by_one(
    weights: Bundle, content: bytes, n_bytes: int
) -> None:
    assert result_of(lambda: in_blocks(weights, content, n_bytes=n_bytes)) == result_of(
        lambda: carefully(weights, content)
    )


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(content=files(BIRDS), n_bytes=st.sampled_from([70, 400, 2**20]))
def test_threads_write_what_one_chunk_would(penguins: Bundle, content: bytes, n_bytes: int) -> None:
    assert result_of(
        lambda: in_blocks(penguins, content, n_bytes=n_bytes, n_threads=3)
    ) == result_of(lambda: carefully(penguins, content))


def plainly(content: bytes, *, keeps_lines: bool = True, end: str = "\n") -> Any:
    """What the plain way reads of some rows of a number, a word and another cell."""
    fields = {0: Field(name="n", type="float"), 1: Field(name="word", type="text")}
    reader = PlainReader(("n", "word", "x"), fields, Dialect(",", end), keeps_lines=keeps_lines)
    return reader.chunk(content, 2)


def test_what_is_plain_is_read_without_looking_at_its_other_cells():
    chunk = plainly(b"1,a,x\n,,\n2.5,NA,7")

    assert chunk.fields["n"].tolist()[::2] == [1.0, 2.5]
    assert [chunk.fields["word"][row] for row in range(3)] == ["a", "", "NA"]
    assert chunk.lines.to_pylist() == ["1,a,x", ",,", "2.5,NA,7"]
    assert (list(chunk.places), chunk.cells) == ([2, 3, 4], ())


def test_all_cells_are_texts_where_lines_are_written_otherwise():
    chunk = plainly(b"1,a,007\r\n", keeps_lines=False, end="\r\n")

    assert [column.to_pylist() for column in chunk.cells] == [["1"], ["a"], ["007"]]


@pytest.mark.parametrize(
    "content",
    [
        *(b"1,a\n", b"1,a,b,c\n", b"\n1,a,b\n", b"1,a,b\n\n1,a,b\n", b"1,a,\0\n", b"1,a,\xff\n"),
        *(b"1,a,b\r\n", b"1,a,b\r1,a,b\n", b"inf,a,b\n", b"x,a,b\n", b"1" * 401 + b",a,b\n"),
    ],
)
def test_what_isnt_plain_is_left_to_the_careful_way(content: bytes):
    assert plainly(content) is None


def test_an_empty_prediction_beside_one_with_quotes_stays_empty():
    out = io.BytesIO()
    writer = DelimitedWriter(out, Dialect())
    chunk = plainly(b"1,a,x\n2,b,y\n")

    writer.write(writer.encode(chunk, [Predicted("p", str, ['"q", r', None])]))

    assert out.getvalue() == b'n,word,x,p\n1,a,x,"""q"", r"\n2,b,y,\n'
