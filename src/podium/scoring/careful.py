"""The rows of a CSV, read one by one, whatever they look like."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterator, Sequence

from podium.errors import BadCell, MalformedBody
from podium.scoring.blocks import text_of
from podium.scoring.rows import Cells, Chunk
from podium.signature.cells import printable
from podium.signature.reading import written_with

# The longest cell: long enough for any text, short enough to notice a quote that isn't closed.
CELL_CHARACTERS_MAX = 4_000_000
# The csv module has one limit, for all threads.
_LIMIT = threading.Lock()


class CarefulRows:
    """The rows of a block of whole lines, and those lines after it that its last row takes.

    Args:
        name: of the file, for errors.
        n_lines: before the block.
        more: reads the next block, where a quote is open at the end of this one.
    """

    def __init__(
        self, block: bytes, name: str, delimiter: str, n_lines: int, more: Callable[[], bytes]
    ) -> None:
        self._name = name
        self._delimiter = delimiter
        self._lines = _Lines(block, name, n_lines, more)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)

    @property
    def is_at_end(self) -> bool:
        """Whether the block, or the last one after it, has no more rows."""
        return self._lines.is_at_end

    def rest(self) -> bytes:
        """The lines that weren't read."""
        return self._lines.rest()

    def chunk(self, names: tuple[str, ...], rows_max: int) -> Chunk:
        """The next rows; one with too many or too few cells is broken.

        Raises:
            MalformedBody: they aren't UTF-8, or a quote is never closed.
        """
        with _LIMIT:
            before = csv.field_size_limit(CELL_CHARACTERS_MAX)
            try:
                return self._chunk(names, rows_max)
            finally:
                csv.field_size_limit(before)

    def _chunk(self, names: tuple[str, ...], rows_max: int) -> Chunk:
        rows: list[list[str]] = []
        places: list[int] = []
        broken: dict[int, BadCell] = {}
        n_names = len(names)
        while len(rows) < rows_max:
            place = self._lines.n_lines + 1
            row = self.row()
            if row is None:
                break
            if not row:  # an empty line
                continue
            if len(row) != n_names:
                broken[len(rows)] = self._bad_count(row, place, n_names)
                row = [*row, *([""] * (n_names - len(row)))][:n_names]
            rows.append(row)
            places.append(place)
        columns: Sequence[Cells] = list(zip(*rows, strict=True)) if rows else [()] * n_names
        return Chunk(names, columns, places, written_with(self._delimiter), broken)

    def row(self) -> list[str] | None:
        """The cells of the next row; None at the end.

        Raises:
            MalformedBody: it isn't UTF-8, or an open quote includes all following rows.
        """
        if self._lines.is_at_end:
            return None
        place = self._lines.n_lines + 1
        self._lines.record.clear()
        try:
            return next(self._reader, None)
        except csv.Error as error:
            if "end of data" in str(error) or "field limit" in str(error):
                raise MalformedBody(
                    f"line {place} of {self._name} opens a quote that is never closed",
                    hint='close it, or write "" for a quote inside a quoted cell',
                ) from error
        # There is text after a closing quote: like other readers, we accept it as it is.
        return next(csv.reader(self._lines.record, delimiter=self._delimiter), [])

    def _bad_count(self, row: list[str], place: int, n_names: int) -> BadCell:
        n_lines = self._lines.n_lines - place + 1
        spans = f" and spans {n_lines} lines: is a quote not closed?" if n_lines > 1 else ""
        return BadCell(
            problem=f"has {_cells(len(row))}{spans}",
            accepted=_cells(n_names),
            value=printable(self._delimiter.join(row)),
            code="wrong_cells",
        )


class _Lines:
    """The lines of a block and of those after it, counted; `record` holds the current row's."""

    def __init__(self, block: bytes, name: str, n_lines: int, more: Callable[[], bytes]) -> None:
        self._name = name
        self._more = more
        self.n_lines = n_lines
        self.record: list[str] = []
        self._begin(block)

    @property
    def is_at_end(self) -> bool:
        """Whether the current block has no more lines."""
        return self._text.tell() == self._length

    def rest(self) -> bytes:
        """Those of its lines that weren't read."""
        return self._text.read().encode()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline()
        if not line:
            self._begin(self._more())
            line = self._text.readline()
        if not line:
            raise StopIteration
        self.n_lines += 1
        self.record.append(line)
        return line

    def _begin(self, block: bytes) -> None:
        self._text: io.StringIO = text_of(block, self._name, self.n_lines)
        self._length = self._text.seek(0, io.SEEK_END)
        self._text.seek(0)


def _cells(n: int) -> str:
    return "1 cell" if n == 1 else f"{n} cells"
