"""NDJSON: one object per line, read and written in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, ClassVar, Literal

import msgspec

from podium.errors import BadCell, MalformedBody
from podium.scoring.rows import (
    Buffered,
    Chunk,
    Encoded,
    Predicted,
    chunk_rows,
    chunks_of,
    encoded,
    named_once,
)
from podium.scoring.values import values
from podium.signature.cells import printable

CHUNK_BYTES_MAX = 16_000_000
# The longest line: a file without line ends would be read into memory at once.
LINE_BYTES_MAX = 64_000_000


class LinesReader:
    """Reads NDJSON. A key that is missing in a line is null."""

    place: ClassVar[Literal["line", "row"]] = "line"
    names: tuple[str, ...] | None = None
    n_rows: int | None = None

    def __init__(self, file: Buffered) -> None:
        self._file = file
        self._columns: dict[str, None] = {}
        self._n_lines = 0
        self._n_bytes = 0

    def chunks(self) -> Iterator[Chunk]:
        """The rows; a line that isn't an object is broken."""
        return chunks_of(lambda: self._chunk(chunk_rows(len(self._columns) or 20)))

    def _chunk(self, rows_max: int) -> Chunk:
        rows: list[dict[str, Any]] = []
        places: list[int] = []
        broken: dict[int, BadCell] = {}
        enough = self._n_bytes + CHUNK_BYTES_MAX
        while len(rows) < rows_max and (not rows or self._n_bytes < enough):
            line = self._file.readline(LINE_BYTES_MAX)
            if not line:
                break
            self._n_lines += 1
            if len(line) >= LINE_BYTES_MAX:
                raise MalformedBody(
                    f"line {self._n_lines} is longer than {LINE_BYTES_MAX:,} bytes",
                    hint="does the file have line ends?",
                )
            self._n_bytes += len(line)
            if not line.strip():
                continue
            row = _object(line.removeprefix(b"\xef\xbb\xbf"))
            if isinstance(row, BadCell):
                broken[len(rows)] = row
                row = {}
            rows.append(row)
            places.append(self._n_lines)
            self._columns.update(dict.fromkeys(row))
        names = tuple(self._columns)
        cells = [[row.get(name) for row in rows] for name in names]
        return Chunk(names, cells, places, "values", broken)


class LinesWriter:
    """Writes NDJSON."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    def encode(self, chunk: Chunk, predicted: Sequence[Predicted]) -> Encoded:
        """One object for each row.

        Raises:
            SetupError: two columns have the same name.
        """
        names = named_once((*chunk.names, *(one.name for one in predicted)), "NDJSON")
        columns = [values(cells) for cells in chunk.cells] + [one.cells for one in predicted]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        return encoded(chunk, predicted, self._encoder.encode_lines(rows))

    def write(self, encoded: Encoded) -> None:
        """Write the lines."""
        self._file.write(encoded.content)

    def close(self) -> None:
        """Every line was written already."""


def _object(line: bytes) -> dict[str, Any] | BadCell:
    problem = "isn't an object"
    try:
        row = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        problem = f"isn't JSON: {error}"
    except RecursionError:
        problem = "is nested too deeply"
    else:
        if isinstance(row, dict):
            return row
    text = line[:200].decode("utf-8", "replace").strip()
    return BadCell(
        problem=problem,
        accepted='an object like {"name": value}',
        value=printable(text),
        code="not_row",
    )
