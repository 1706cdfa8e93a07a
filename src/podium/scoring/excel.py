"""Excel workbooks: the first sheet, read and written row by row."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO, ClassVar, Literal

from podium.errors import BadCell, MalformedBody, SetupError
from podium.plugins import needs
from podium.scoring.rows import (
    Buffered,
    Cells,
    Chunk,
    Encoded,
    Predicted,
    chunk_rows,
    chunks_of,
    encoded,
    named_once,
    new_column,
)
from podium.scoring.values import json_text, texts, values
from podium.signature.labels import label_text
from podium.signature.reading import FILES

# What the parts of a workbook may unpack to: a zip of a megabyte may say it has a thousand times as
# much. The texts of all cells are read at once, the rows one by one.
PARTS_BYTES_MAX, TEXTS_BYTES_MAX = 4 << 30, 256 << 20
# What Excel itself takes.
COLUMNS_MAX, ROWS_MAX, CELL_CHARACTERS_MAX = 16_384, 1_048_576, 32_767
_MIDNIGHT = dt.time()


class ExcelReader:
    """Reads the first sheet of an .xlsx file; its first row that isn't empty names the columns.

    Cells are validated as texts, as those of a CSV: in a spreadsheet, a number may stand for a
    category. They are written as they were.

    Raises:
        MalformedBody: it isn't a workbook, or unpacks to more than may be read.
        MissingExtra: openpyxl isn't installed.
    """

    place: ClassVar[Literal["line", "row"]] = "row"
    n_rows: int | None = None

    def __init__(self, file: Buffered, name: str) -> None:
        with needs("excel"):
            import openpyxl
        self._name = name
        self._check_parts(file)
        try:
            self._book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheet = self._book.worksheets[0]
            sheet.reset_dimensions()  # what a file says of its size needn't be true
            self._rows = self._numbered(sheet.iter_rows(values_only=True))
            header = next((row for _, row in self._rows), ())
        except (MemoryError, MalformedBody):
            raise
        except Exception as error:
            raise self._unreadable(error) from error
        self.names: tuple[str, ...] = tuple(map(_text, header))
        if not self.names:
            raise MalformedBody(
                f"{name} is empty", hint="the first row of its first sheet must name the columns"
            )

    def chunks(self) -> Iterator[Chunk]:
        """The rows; empty ones are left out, and one with more cells than columns is broken."""
        return chunks_of(lambda: self._chunk(chunk_rows(len(self.names))))

    def _chunk(self, rows_max: int) -> Chunk:
        n_names = len(self.names)
        rows: list[Sequence[Any]] = []
        places: list[int] = []
        broken: dict[int, BadCell] = {}
        try:
            for place, row in islice(self._rows, rows_max):
                if len(row) > n_names:
                    broken[len(rows)] = BadCell(
                        problem=f"has {len(row)} cells", accepted=f"{n_names}", code="wrong_cells"
                    )
                rows.append((*row, *(None,) * (n_names - len(row)))[:n_names])
                places.append(place)
        except (MemoryError, MalformedBody):
            raise
        except Exception as error:
            raise self._unreadable(error) from error
        originals: list[Cells] = list(zip(*rows, strict=True)) if rows else [()] * n_names
        cells = [list(map(_text, column)) for column in originals]
        return Chunk(self.names, cells, places, "file", broken, originals)

    def _numbered(self, rows: Iterator[Sequence[Any]]) -> Iterator[tuple[int, Sequence[Any]]]:
        """The rows that aren't empty, without the empty cells at their ends, and where they are.

        Raises:
            MalformedBody: there are more than Excel has.
        """
        for place, row in enumerate(rows, 1):
            if place > ROWS_MAX:
                raise MalformedBody(f"{self._name} has more than {ROWS_MAX:,} rows")
            if kept := _trimmed(row):
                yield place, kept

    def _check_parts(self, file: Buffered) -> None:
        """Refuse what unpacks to too much, before any of it is unpacked.

        Raises:
            MalformedBody: it does, or isn't a zip at all.
        """
        try:
            with zipfile.ZipFile(file) as parts:
                sizes = {one.filename: one.file_size for one in parts.infolist()}
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
            raise self._unreadable(error) from error
        texts_bytes = sum(
            size for name, size in sizes.items() if "sheet" not in name.rpartition("/")[2]
        )
        texts_bytes += sum(
            size for name, size in sizes.items() if name.endswith("sharedStrings.xml")
        )
        if sum(sizes.values()) > PARTS_BYTES_MAX or texts_bytes > TEXTS_BYTES_MAX:
            raise MalformedBody(
                f"{self._name} unpacks to more than can be read",
                hint="save it as CSV, and send that",
            )
        file.seek(0)

    def _unreadable(self, error: Exception) -> MalformedBody:
        return MalformedBody(
            f"{self._name} can't be read as an Excel workbook: {str(error)[:200]}",
            hint="save it as .xlsx again, without a password, or as CSV",
        )


class ExcelWriter:
    """Writes an .xlsx file with one sheet."""

    def __init__(self, file: BinaryIO) -> None:
        with needs("excel"):
            import openpyxl
            from openpyxl.cell import WriteOnlyCell
        self._cell = WriteOnlyCell
        self._file = file
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("Scored")
        self._names: tuple[str, ...] | None = None
        self._n_rows = 0

    def encode(self, chunk: Chunk, predicted: Sequence[Predicted]) -> Encoded:
        """The cells of the rows."""
        given = chunk.originals or [
            values(cells) if chunk.written in FILES else texts(cells) for cells in chunk.cells
        ]
        rows = list(zip(*given, *(one.cells for one in predicted), strict=True))
        return encoded(chunk, predicted, rows)

    def write(self, encoded: Encoded) -> None:
        """Write the rows; before the first of them, the header.

        Raises:
            SetupError: earlier rows had other columns, or Excel takes no more.
        """
        names = encoded.names
        if self._names is None:
            self._names = named_once(names, "an Excel sheet")
            self._append(names)
        elif names != self._names:
            raise new_column(encoded, self._names, "an Excel sheet")
        self._n_rows += len(encoded.content)
        if self._n_rows >= ROWS_MAX or len(names) > COLUMNS_MAX:
            raise SetupError(
                f"an Excel sheet has at most {ROWS_MAX:,} rows and {COLUMNS_MAX:,} columns",
                hint="write a .csv or a .parquet file",
            )
        for row in encoded.content:
            self._append(row)

    def close(self) -> None:
        """Write the file's index."""
        self._book.save(self._file)

    def _append(self, row: Sequence[Any]) -> None:
        self._sheet.append([self._made(value) for value in row])

    def _made(self, value: Any) -> Any:
        """A cell: texts stay texts, also those that Excel would take for formulas."""
        if value is None or isinstance(value, (bool, int, float, dt.date, dt.time, dt.timedelta)):
            return None if value is not None and value != value else value
        text = value if isinstance(value, str) else json_text(value)
        cell = self._cell(self._sheet)
        cell.value, cell.data_type = _writable(text), "s"
        return cell


def _trimmed(row: Sequence[Any]) -> Sequence[Any]:
    """A row without the empty cells at its end, which a formatted sheet has thousands of."""
    n_cells = max((at for at, value in enumerate(row, 1) if value is not None), default=0)
    return row[:n_cells]


def _text(value: Any) -> str:
    """A cell as a text of a CSV; a time at midnight is a date, as Excel shows it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dt.datetime) and value.time() == _MIDNIGHT:
        return value.date().isoformat()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return label_text(value) if isinstance(value, (bool, int, float)) else str(value)


def _writable(text: str) -> str:
    """A text without what XML can't hold, as long as Excel takes it."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    return str(ILLEGAL_CHARACTERS_RE.sub("\ufffd", text))[:CELL_CHARACTERS_MAX]
