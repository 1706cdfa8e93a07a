"""CSV and TSV, read and written in chunks, with every cell unchanged."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, ClassVar, Literal

from podium.errors import BadCell, MalformedBody
from podium.scoring.rows import Buffered, Cells, Chunk, Predicted, chunk_rows, chunks_of, new_column
from podium.scoring.values import texts
from podium.signature.cells import printable
from podium.signature.delimited import delimiter_of
from podium.signature.reading import FILES, written_with

_BOM = b"\xef\xbb\xbf"
CHUNK_CHARACTERS_MAX = 16_000_000
# The longest cell: long enough for any text, short enough to notice a quote that isn't closed.
CELL_CHARACTERS_MAX = 4_000_000
# The longest line: a file without line ends would be read into memory at once.
LINE_CHARACTERS_MAX = 64_000_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """The format of a delimited file, as far as the output keeps it."""

    delimiter: str = ","
    line_end: str = "\n"
    has_bom: bool = False


class DelimitedReader:
    """Reads a CSV or TSV in UTF-8.

    Args:
        delimiter: by default determined from the first line.

    Raises:
        MalformedBody: it has no header line, or isn't UTF-8.
    """

    place: ClassVar[Literal["line", "row"]] = "line"
    n_rows: int | None = None

    def __init__(self, file: Buffered, name: str, delimiter: str | None = None) -> None:
        self._name = name
        has_bom = file.peek(len(_BOM)).startswith(_BOM)
        text = io.TextIOWrapper(file, "utf-8-sig", newline="")
        self._lines = _Lines(text, name)
        try:
            first = text.readline(LINE_CHARACTERS_MAX)
        except UnicodeDecodeError as error:
            raise self._not_utf8() from error
        self._lines.push(first)
        self.dialect = Dialect(
            delimiter or delimiter_of(first), "\r\n" if first.endswith("\r\n") else "\n", has_bom
        )
        self._reader = csv.reader(self._lines, delimiter=self.dialect.delimiter, strict=True)
        self.names: tuple[str, ...] = tuple(self._row() or ())
        if not self.names:
            raise MalformedBody(
                f"{name} is empty" if not first else f"{name} begins with an empty line",
                hint="its first line must contain the column names",
            )

    @property
    def lines_read(self) -> int:
        """How many lines were read."""
        return self._lines.n_lines

    def chunks(self) -> Iterator[Chunk]:
        """The rows; one with too many or too few cells is broken."""
        return chunks_of(self._limited_chunk)

    def _limited_chunk(self) -> Chunk:
        # The limit is the csv module's own, and global: it applies only while we read.
        before = csv.field_size_limit(CELL_CHARACTERS_MAX)
        try:
            return self._chunk(chunk_rows(len(self.names)))
        finally:
            csv.field_size_limit(before)

    def _chunk(self, rows_max: int) -> Chunk:
        rows: list[list[str]] = []
        places: list[int] = []
        broken: dict[int, BadCell] = {}
        n_names = len(self.names)
        enough = self._lines.n_characters + CHUNK_CHARACTERS_MAX
        while len(rows) < rows_max and (not rows or self._lines.n_characters < enough):
            place = self._reader.line_num + 1
            row = self._row()
            if row is None:
                break
            if not row:  # an empty line
                continue
            if len(row) != n_names:
                broken[len(rows)] = self._bad_count(row, place)
                row = [*row, *([""] * (n_names - len(row)))][:n_names]
            rows.append(row)
            places.append(place)
        columns: Sequence[Cells] = list(zip(*rows, strict=True)) if rows else [()] * n_names
        return Chunk(self.names, columns, places, written_with(self.dialect.delimiter), broken)

    def _bad_count(self, row: list[str], place: int) -> BadCell:
        n_lines = self._reader.line_num - place + 1
        spans = f" and spans {n_lines} lines: is a quote not closed?" if n_lines > 1 else ""
        return BadCell(
            problem=f"has {_cells(len(row))}{spans}",
            accepted=_cells(len(self.names)),
            value=printable(self.dialect.delimiter.join(row)),
            code="wrong_cells",
        )

    def _row(self) -> list[str] | None:
        """The cells of the next row; None at the end.

        Raises:
            MalformedBody: it isn't UTF-8, or an open quote includes all following rows.
        """
        place = self._reader.line_num + 1
        self._lines.record.clear()
        try:
            return next(self._reader, None)
        except UnicodeDecodeError as error:
            raise self._not_utf8() from error
        except csv.Error as error:
            if "end of data" in str(error) or "field limit" in str(error):
                raise MalformedBody(
                    f"line {place} of {self._name} opens a quote that is never closed",
                    hint='close it, or write "" for a quote inside a quoted cell',
                ) from error
        # There is text after a closing quote: like other readers, we accept it as it is.
        return next(csv.reader(self._lines.record, delimiter=self.dialect.delimiter), [])

    def _not_utf8(self) -> MalformedBody:
        return MalformedBody(
            f"{self._name} isn't UTF-8, somewhere after line {self._lines.n_lines}",
            hint="save it as UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8 old.csv > new.csv",
        )


class DelimitedWriter:
    """Writes a CSV or TSV in UTF-8."""

    def __init__(self, file: BinaryIO, dialect: Dialect) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._writer = csv.writer(
            self._text, delimiter=dialect.delimiter, lineterminator=dialect.line_end
        )
        self._names: tuple[str, ...] | None = None
        if dialect.has_bom:
            file.write(_BOM)

    def write(self, chunk: Chunk, predicted: Sequence[Predicted]) -> None:
        """Write the rows; before the first of them, the header.

        Raises:
            SetupError: earlier rows had other columns.
        """
        names = (*chunk.names, *(one.name for one in predicted))
        if self._names is None:
            self._writer.writerow(names)
            self._names = names
        elif names != self._names:
            raise new_column(chunk, self._names, "CSV")
        input_cells = (
            chunk.cells if chunk.written in FILES else [texts(cells) for cells in chunk.cells]
        )
        predicted_cells = [
            one.cells if one.kind in (float, int) else texts(one.cells) for one in predicted
        ]
        self._writer.writerows(zip(*input_cells, *predicted_cells, strict=True))

    def close(self) -> None:
        """Flush all output."""
        self._text.flush()
        self._text.detach()


class _Lines:
    """The lines of a text, counted; `record` holds those of the current row."""

    def __init__(self, text: io.TextIOWrapper, name: str) -> None:
        self._text = text
        self._name = name
        self._pushed: str | None = None
        self.n_lines = 0
        self.n_characters = 0
        self.record: list[str] = []

    def push(self, line: str) -> None:
        """Return this line again, before the others."""
        self._pushed = line

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._pushed is None:
            line = self._text.readline(LINE_CHARACTERS_MAX)
        else:
            line, self._pushed = self._pushed, None
        if not line:
            raise StopIteration
        self.n_lines += 1
        if len(line) >= LINE_CHARACTERS_MAX:
            raise MalformedBody(
                f"line {self.n_lines} of {self._name} is longer than {LINE_CHARACTERS_MAX:,} characters",
                hint="does it have line ends?",
            )
        self.n_characters += len(line)
        self.record.append(line)
        return line


def _cells(n: int) -> str:
    return "1 cell" if n == 1 else f"{n} cells"
