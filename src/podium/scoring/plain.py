"""Blocks of a CSV in which all is plain, read by Arrow; of others nothing is guessed.

What is read here is what the careful way reads, cell by cell: see `tests/unit/scoring/test_plain.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from podium.scoring.arrow import coded
from podium.scoring.rows import Chunk
from podium.signature import Field
from podium.signature.coded import Coded
from podium.signature.reading import MISSING_TEXTS, whole_numbers, written_with
from podium.table import Array

NUMBER_CHARACTERS_MAX = 400
# How missing numbers are usually written.
_MISSING = sorted(
    {f(text) for text in MISSING_TEXTS for f in (str.lower, str.upper, str.title)} | {"NaN", "NaT"}
)
_ASCII_QUOTE = '"'


def is_possible() -> bool:
    """Whether Arrow is installed."""
    return find_spec("pyarrow") is not None


@dataclass(frozen=True, slots=True)
class Dialect:
    """The format of a delimited file, as far as the output keeps it."""

    delimiter: str = ","
    line_end: str = "\n"
    has_bom: bool = False


class PlainReader:
    """Reads blocks of whole lines.

    Args:
        fields: the fields of the model by the numbers of their columns.
        names: of all columns.
        keeps_lines: whether the rows are written again as they are; otherwise each cell is read.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        fields: Mapping[int, Field],
        dialect: Dialect,
        *,
        keeps_lines: bool,
    ) -> None:
        self._names = names
        self._fields = fields
        self._delimiter = dialect.delimiter
        self._line_end = dialect.line_end
        self._keeps_lines = keeps_lines
        self._written = written_with(dialect.delimiter)
        comma = "," if self._written == "comma file" else ""
        pattern = f"[0-9.{comma}eE+ -]{{{NUMBER_CHARACTERS_MAX + 1}}}"
        self._long_number = re.compile(pattern.encode())

    def chunk(self, block: bytes, first_line: int) -> Chunk | None:
        """The rows of a block; None if something in it isn't plain."""
        end = self._line_end.encode()
        if not block.endswith(b"\n"):
            block += end
        if not self._is_plain(block, end):
            return None
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
        longest = int(np.diff(ends, prepend=-1).max())
        if longest > NUMBER_CHARACTERS_MAX and self._long_number.search(block):
            return None
        fields = self._read_fields(block, len(ends))
        if fields is None:
            return None
        cells: Any = () if self._keeps_lines else self._read_texts(block)
        if cells is None:
            return None
        lines = self._lines(block, ends) if self._keeps_lines else None
        places = range(first_line, first_line + len(ends))
        return Chunk(self._names, cells, places, self._written, fields=fields, lines=lines)

    def _is_plain(self, block: bytes, end: bytes) -> bool:
        """Whether it has one kind of line ends, no empty lines, and nothing but UTF-8."""
        if b"\0" in block or block.startswith(end) or end + end in block:
            return False
        n_returns = block.count(b"\r") if b"\r" in block else 0
        if end == b"\n" and n_returns:
            return False
        if end == b"\r\n" and not n_returns == block.count(b"\r\n") == block.count(b"\n"):
            return False
        return block.isascii() or _is_utf8(block)

    def _read_fields(self, block: bytes, n_rows: int) -> dict[str, Array | Coded] | None:
        import pyarrow as pa

        types = {
            str(number): pa.float64()
            if one.type in ("float", "integer")
            else pa.dictionary(pa.int32(), pa.string())
            for number, one in self._fields.items()
        }
        table = self._read(block, types, ".")
        if table is None and self._written == "comma file":
            table = self._read(block, types, ",")
        if table is None or table.num_rows != n_rows:
            return None
        fields: dict[str, Array | Coded] = {}
        for number, one in self._fields.items():
            column = table.column(str(number))
            if one.type not in ("float", "integer"):
                fields[one.name] = coded(column.combine_chunks())
                continue
            numbers = _numbers(one, column)
            if numbers is None:
                return None
            fields[one.name] = numbers
        return fields

    def _read_texts(self, block: bytes) -> list[Any] | None:
        """Every cell as a text."""
        import pyarrow as pa

        table = self._read(block, {str(n): pa.string() for n in range(len(self._names))}, ".")
        return None if table is None else [one.combine_chunks() for one in table.columns]

    def _read(self, block: bytes, types: Mapping[str, Any], point: str) -> Any:
        import pyarrow as pa
        from pyarrow import csv

        names = [str(number) for number in range(len(self._names))]
        quote: Any = _ASCII_QUOTE if b'"' in block else False
        try:
            return csv.read_csv(
                pa.BufferReader(block),
                csv.ReadOptions(use_threads=False, column_names=names, block_size=len(block) + 1),
                csv.ParseOptions(
                    delimiter=self._delimiter, quote_char=quote, ignore_empty_lines=False
                ),
                csv.ConvertOptions(
                    check_utf8=False,
                    column_types=types,
                    include_columns=list(types),
                    null_values=_MISSING,
                    strings_can_be_null=False,
                    decimal_point=point,
                ),
            )
        except pa.ArrowException:
            return None

    def _lines(self, block: bytes, ends: Any) -> Any:
        """The lines without their ends, as views of the block."""
        import pyarrow as pa
        from pyarrow import compute

        starts = np.concatenate([[0], ends + 1]).astype(np.int32)
        buffers = [None, pa.py_buffer(starts), pa.py_buffer(block)]
        whole = pa.Array.from_buffers(pa.binary(), len(ends), buffers)
        return compute.binary_slice(whole, 0, -len(self._line_end)).view(pa.string())


def _numbers(one: Field, column: Any) -> Array | None:
    """A column of numbers, NaN where one is missing; None if one isn't a finite number."""
    numbers: Array = column.to_numpy()
    if int(np.isfinite(numbers).sum()) + column.null_count != len(numbers):
        return None
    return whole_numbers(numbers + 0.0) if one.type == "integer" else numbers


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True
