"""Excel workbooks: what is in their cells, what they may be, and what hostile ones do."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import openpyxl
import pytest

import podium
from podium.bundle import Bundle
from podium.errors import MalformedBody, SetupError
from podium.scoring import excel
from podium.scoring.excel import ExcelWriter
from podium.scoring.formats import open_source, writer_of
from podium.scoring.rows import Chunk, Predicted
from podium.scoring.scorer import Scorer
from podium.sources import bundles_of

BUNDLE = Path(__file__).parents[2] / "formats" / "logistic-1.podium"
NAMES = (
    "island",
    "bill_length_mm",
    "bill_depth_mm",
    "flipper_length_mm",
    "body_mass_g",
    "sex",
    "year",
)
ROW = ("Torgersen", 39.1, 18.7, 181, 3750, "male", 2007)


def workbook(path: Path, rows: Iterable[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    book.create_sheet("Notes").append(["not read"])
    book.save(path)
    return path


def cells_of(path: Path) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(path)
    return list(book.worksheets[0].iter_rows(values_only=True))


def score(path: Path, bundle: Bundle) -> tuple[list[tuple[Any, ...]], list[str]]:
    """The rows of the scored file, and what is wrong with those that were refused."""
    out, scorer, problems = path.with_name("out.xlsx"), Scorer(bundle), []
    with open_source(str(path)) as source, out.open("wb") as target:
        writer = writer_of(target, "excel", source)
        for chunk in source.chunks():
            scored = scorer.score(chunk)
            problems += [f"{chunk.places[cell.row or 0]} {cell.field}" for cell in scored.bad]
            writer.write(writer.encode(chunk, scored.predicted))
        writer.close()
    return cells_of(out), problems


@pytest.fixture(scope="module")
def penguins() -> Bundle:
    return podium.load(BUNDLE)


def test_cells_keep_their_types_and_get_predictions(tmp_path: Path, penguins: Bundle):
    day = dt.datetime(2026, 11, 29)  # noqa: DTZ001 - Excel has no zones
    path = workbook(tmp_path / "in.xlsx", [("when", *NAMES), (day, *ROW), (None, *ROW)])

    rows, problems = score(path, penguins)

    assert rows[0][:2] == ("when", "island")
    assert rows[0][8:10] == ("prediction", "probability_Adelie")
    assert rows[1][:9] == (day, *ROW, "Adelie")
    assert rows[2][0] is None
    assert problems == []
    assert isinstance(rows[1][9], float)


def test_empty_rows_are_left_out_and_long_ones_are_refused(tmp_path: Path, penguins: Bundle):
    rows = [(), NAMES, (), ROW, (None,) * 9, (*ROW, "a note"), (*ROW[:2], None), (*ROW, None, None)]
    path = workbook(tmp_path / "in.xlsx", rows)

    scored, problems = score(path, penguins)

    assert [row[7] for row in scored] == ["prediction", "Adelie", None, None, "Adelie"]
    assert [one.split()[0] for one in problems] == ["6", "7"]


@podium.model
def sums(code: Literal["1", "2"], day: dt.date, is_new: bool, x: float) -> float:
    """A sum in which each of these types has a digit."""
    return x + day.day + 100 * is_new + 1000 * int(code)


def test_numbers_dates_and_booleans_are_what_they_look_like(tmp_path: Path):
    (bundle,) = bundles_of((sums,), tmp_path / "home", ())
    day = dt.datetime(2026, 11, 29)  # noqa: DTZ001 - Excel has no zones
    given = [
        ("code", "day", "is_new", "x"),
        (1, day, True, 5),
        (2.0, "2026-11-29", "no", 0.5),
        (1, day, True, "#DIV/0!"),
    ]

    rows, problems = score(workbook(tmp_path / "in.xlsx", given), bundle)

    assert [row[-1] for row in rows[1:]] == [1134, 2029.5, None]
    assert problems == ["4 x"]
    assert rows[3][3] == "#DIV/0!"


def test_texts_that_look_like_formulas_stay_texts(tmp_path: Path):
    out = tmp_path / "out.xlsx"
    with out.open("wb") as target:
        writer = ExcelWriter(target)
        chunk = Chunk(("a",), [["=1+1", "+2", "a\x01b", "=" * 40_000]], range(1, 5), "file")
        cells = ["=HYPERLINK()", {"b": 1}, float("nan"), None]
        writer.write(writer.encode(chunk, [Predicted("p", object, cells)]))
        writer.close()

    sheet = openpyxl.load_workbook(out).worksheets[0]
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None}
    rows = cells_of(out)
    assert kinds == {"s"}
    assert rows[1:4] == [("=1+1", "=HYPERLINK()"), ("+2", '{"b":1}'), ("a\ufffdb", None)]
    assert len(rows[4][0]) == excel.CELL_CHARACTERS_MAX


def test_more_than_a_sheet_takes_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(excel, "ROWS_MAX", 3)
    with (tmp_path / "out.xlsx").open("wb") as target:
        writer = ExcelWriter(target)
        rows = writer.encode(Chunk(("a",), [["1", "2"]], range(1, 3), "file"), [])
        writer.write(rows)
        with pytest.raises(SetupError, match="at most 3 rows"):
            writer.write(rows)
        writer.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"a,b\n1,2\n" * 100],
    ids=["empty", "beginning of a zip", "CSV"],
)
def test_what_is_no_workbook_is_told(tmp_path: Path, content: bytes):
    path = tmp_path / "in.xlsx"
    path.write_bytes(content)

    with pytest.raises(MalformedBody, match=r"in\.xlsx can't be read as an Excel workbook"):
        read(path)


def test_a_zip_of_something_else_is_told(tmp_path: Path):
    path = tmp_path / "in.xlsx"
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr("hello.txt", "hello")

    with pytest.raises(MalformedBody, match="can't be read as an Excel workbook"):
        read(path)


def test_a_damaged_sheet_is_told_at_its_rows(tmp_path: Path):
    path = with_sheet(tmp_path, lambda text: text[: len(text) // 2])

    with pytest.raises(MalformedBody, match="can't be read as an Excel workbook"):
        read(path)


def test_an_empty_workbook_is_told(tmp_path: Path):
    with pytest.raises(MalformedBody, match=r"in\.xlsx is empty"):
        read(workbook(tmp_path / "in.xlsx", []))


def test_a_workbook_that_unpacks_to_too_much_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(excel, "PARTS_BYTES_MAX", 100_000)
    bomb = with_sheet(
        tmp_path, lambda text: text.replace("<sheetData>", "<sheetData>" + " " * 10**6)
    )
    assert bomb.stat().st_size < 20_000

    with pytest.raises(MalformedBody, match="unpacks to more than can be read"):
        read(bomb)


@pytest.mark.slow
def test_a_row_that_claims_to_be_far_down_ends_the_reading(tmp_path: Path):
    path = with_sheet(tmp_path, lambda text: text.replace('<row r="2"', '<row r="99999999999"'))

    with pytest.raises(MalformedBody, match="more than 1,048,576 rows"):
        read(path)


def test_entities_of_a_sheet_dont_multiply(tmp_path: Path):
    names = "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 1_000}">' for n in range(9)
    )
    path = with_sheet(
        tmp_path,
        lambda text: text.replace("<worksheet", f"<!DOCTYPE w [{names}]><worksheet", 1).replace(
            "<v>39.1</v>", "<v>&e8;</v>"
        ),
    )

    with pytest.raises(MalformedBody, match="can't be read as an Excel workbook"):
        read(path)


def test_a_sheet_that_lies_about_its_size_is_read_as_it_is(tmp_path: Path):
    path = with_sheet(
        tmp_path,
        lambda text: text.replace('<dimension ref="A1:G2"', '<dimension ref="A1:XFD1048576"'),
    )

    (chunk,) = (one for one in read(path) if one.n_rows)

    assert (chunk.names, chunk.n_rows) == (NAMES, 1)


def with_sheet(folder: Path, change: Callable[[str], str]) -> Path:
    """A workbook with a row, whose sheet was changed."""
    path = folder / "in.xlsx"
    workbook(path, [NAMES, ROW])
    with zipfile.ZipFile(path) as parts:
        content = {one: parts.read(one) for one in parts.namelist()}
    name = "xl/worksheets/sheet1.xml"
    content[name] = change(content[name].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        for one, text in content.items():
            parts.writestr(one, text)
    return path


def read(path: Path) -> list[Chunk]:
    with open_source(str(path)) as source:
        return list(source.chunks())
