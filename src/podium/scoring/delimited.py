"""CSV and TSV, read and written with every cell unchanged.

Blocks of whole lines are read by Arrow where all of a block is plain, and otherwise row by row by Python's
csv module. Both read the same.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, ClassVar, Literal

import numpy as np

from podium.errors import MalformedBody
from podium.scoring.arrow import texts_of
from podium.scoring.blocks import Blocks, plainly_quoted, text_of
from podium.scoring.careful import CarefulRows
from podium.scoring.plain import Dialect, PlainReader, is_possible
from podium.scoring.rows import (
    CHUNK_ROWS_MAX,
    Buffered,
    Chunk,
    Encoded,
    Pace,
    Predicted,
    Unit,
    chunk_rows,
    encoded,
    new_column,
    unit_of,
)
from podium.scoring.values import texts, values
from podium.signature import Field
from podium.signature.delimited import delimiter_of
from podium.signature.reading import FILES

_BOM = b"\xef\xbb\xbf"
# As much as the second-level cache of a processor holds.
BLOCK_BYTES = 2**20
_LINE_BYTES = 64  # at first


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
        self._plain: PlainReader | None = None
        has_bom = file.peek(len(_BOM)).startswith(_BOM)
        if has_bom:
            file.read(len(_BOM))
        self._blocks = Blocks(file, name)
        block = self._blocks.read(1)
        first = text_of(block, name, 0).readline()
        line_end = "\r\n" if first.endswith("\r\n") else "\n"
        self.dialect = Dialect(delimiter or delimiter_of(first), line_end, has_bom)
        # Line by line: a pipe may have no rows yet.
        rows = self._careful(block, 0, lambda: self._blocks.read(1))
        self.names: tuple[str, ...] = tuple(rows.row() or ())
        if not self.names:
            raise MalformedBody(
                f"{name} is empty" if not first else f"{name} begins with an empty line",
                hint="its first line must contain the column names",
            )
        self._blocks.put_back(rows.rest())

    @property
    def lines_read(self) -> int:
        """How many lines were read."""
        return self._blocks.n_lines

    def read_plainly(self, fields: Mapping[int, Field], *, keeps_lines: bool) -> None:
        """Read what is plain by Arrow, if it is installed.

        Args:
            fields: the fields of the model by the numbers of their columns.
            keeps_lines: whether rows are written as they are, so that their cells aren't needed.
        """
        if is_possible():
            self._plain = PlainReader(self.names, fields, self.dialect, keeps_lines=keeps_lines)

    def chunks(self) -> Iterator[Chunk]:
        """The rows; one with too many or too few cells is broken."""
        for unit in self.units(Pace(CHUNK_ROWS_MAX)):
            yield from unit()

    def units(self, pace: Pace) -> Iterator[Unit]:
        """The rows in blocks, each of which any thread can read."""
        line_bytes, is_first = _LINE_BYTES, True
        while True:
            n_lines = self._blocks.n_lines
            block = self._blocks.read(min(BLOCK_BYTES, self._rows_max(pace) * line_bytes))
            if not block and not is_first:
                return
            is_first = False
            line_bytes = max(len(block) // max(self._blocks.n_lines - n_lines, 1), 1)
            plain = plainly_quoted(block, self.dialect.delimiter)
            if plain is None:
                # A row may go on in the next block.
                rows = self._careful(block, n_lines, lambda: self._blocks.read(BLOCK_BYTES))
                yield from map(unit_of, self._chunks(rows, pace))
            else:
                yield self._block(block, plain, n_lines, pace)

    def _block(self, block: bytes, plain: bytes, n_lines: int, pace: Pace) -> Unit:
        def read() -> Sequence[Chunk]:
            chunk = self._plain.chunk(plain, n_lines + 1) if self._plain is not None else None
            if chunk is not None:
                return chunk.pieces(self._rows_max(pace))
            return list(self._chunks(self._careful(block, n_lines, bytes), pace))

        return read

    def _chunks(self, rows: CarefulRows, pace: Pace) -> Iterator[Chunk]:
        """All chunks of some rows, at least one."""
        yield rows.chunk(self.names, self._rows_max(pace))
        while not rows.is_at_end:
            yield rows.chunk(self.names, self._rows_max(pace))

    def _rows_max(self, pace: Pace) -> int:
        return min(pace.n_rows, chunk_rows(len(self.names)))

    def _careful(self, block: bytes, n_lines: int, more: Callable[[], bytes]) -> CarefulRows:
        return CarefulRows(block, self._name, self.dialect.delimiter, n_lines, more)


class DelimitedWriter:
    """Writes a CSV or TSV in UTF-8."""

    def __init__(self, file: BinaryIO, dialect: Dialect) -> None:
        self._file = file
        self._dialect = dialect
        self._names: tuple[str, ...] | None = None

    def encode(self, chunk: Chunk, predicted: Sequence[Predicted]) -> Encoded:
        """The lines of a chunk."""
        if chunk.lines is not None:
            content = self._longer_lines(chunk, predicted)
        else:
            input_cells = [*map(values if chunk.written in FILES else texts, chunk.cells)]
            content = self._lines(zip(*input_cells, *map(_cells_of, predicted), strict=True))
        return encoded(chunk, predicted, content)

    def write(self, encoded: Encoded) -> None:
        """Write the lines; before the first of them, the header.

        Raises:
            SetupError: earlier rows had other columns.
        """
        if self._names is None:
            self._names = encoded.names
            self._file.write(_BOM * self._dialect.has_bom + self._lines([encoded.names]))
        elif encoded.names != self._names:
            raise new_column(encoded, self._names, "a CSV")
        self._file.write(encoded.content)

    def close(self) -> None:
        """All was written."""

    def writes_like(self, dialect: Dialect) -> bool:
        """Whether lines of this dialect are written as they are."""
        mine = self._dialect
        return (mine.delimiter, mine.line_end) == (dialect.delimiter, dialect.line_end)

    def _lines(self, rows: Any) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(
            text, delimiter=self._dialect.delimiter, lineterminator=self._dialect.line_end
        ).writerows(rows)
        return text.getvalue().encode()

    def _longer_lines(self, chunk: Chunk, predicted: Sequence[Predicted]) -> Any:
        """The lines as they were, with the predictions at their ends."""
        import pyarrow as pa
        from pyarrow import compute

        columns = [texts_of(one) for one in predicted]
        if any(one is None for one in columns):
            # After another cell: an empty one alone in its row would be quoted.
            rows = zip(*map(_cells_of, predicted), strict=True)
            end = len(self._dialect.line_end)
            ends = [self._lines([("", *row)])[1:-end] for row in rows]
            columns = [pa.array(ends, pa.string())]
        lines = compute.binary_join_element_wise(chunk.lines, *columns, self._dialect.delimiter)
        ended = compute.binary_join_element_wise(lines, "", self._dialect.line_end)
        _, offsets, content = ended.buffers()
        n_bytes = int(np.frombuffer(offsets, np.int32)[len(ended)])
        return content.slice(0, n_bytes) if n_bytes else b""


def _cells_of(one: Predicted) -> Sequence[Any]:
    """Predictions as the csv module writes them."""
    return one.cells if one.kind in (float, int) else texts(one.cells)
