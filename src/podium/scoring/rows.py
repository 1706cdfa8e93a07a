"""A chunk of a file's rows, and the interfaces of readers and writers.

Files are larger than memory: only a few chunks of one are in memory at a time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np

from podium.errors import BadCell, SetupError
from podium.signature.reading import Written
from podium.table import Array, plain_values

Buffered: TypeAlias = "io.BufferedReader[Any]"
# A column in the form of its file: CSV texts, JSON values, or an Arrow array.
Cells: TypeAlias = Sequence[Any]
# The type of a predicted column; `object` is anything that JSON can hold.
Kind: TypeAlias = type[float] | type[int] | type[bool] | type[str] | type[object]

# Rows that are read together, by any thread, and become one chunk or some more.
Unit: TypeAlias = Callable[[], Sequence["Chunk"]]

CHUNK_ROWS_MAX = 16_384
# So many rows are predicted at once at first; then as many as take about this long.
FIRST_ROWS, PIECE_S = 64, 1.0
# A text of a CSV takes about 60 bytes: 25 MB per chunk.
CHUNK_CELLS_MAX = 400_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file, column by column.

    Attributes:
        names: of the columns, in order; a name may occur twice.
        cells: of each column, one for each row, in the form of the file.
        places: the position of each row in its file, from 1: its line, or its row.
        written: how the cells are written: as texts, or as values.
        broken: why rows can't be split into cells, by their number in the chunk; their cells are
            empty or truncated.
        originals: the cells as they are written again, where `cells` are texts of them.
        fields: columns of the model that were read already, by the names of the fields.
        lines: the rows as they are written again, without line ends, as an Arrow array of texts;
            `cells` are left out then.
    """

    names: tuple[str, ...]
    cells: Sequence[Cells]
    places: Sequence[int]
    written: Written
    broken: Mapping[int, BadCell] = field(default_factory=dict)
    originals: Sequence[Cells] | None = None
    fields: Mapping[str, Sequence[object] | Array] = field(default_factory=dict)
    lines: Any = None

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.places)

    def rows(self, some: slice) -> Chunk:
        """The chunk with these rows alone, which follow each other."""
        start, stop, _ = some.indices(self.n_rows)
        return replace(
            self,
            cells=[cells[some] for cells in self.cells],
            places=self.places[some],
            broken={at - start: cell for at, cell in self.broken.items() if start <= at < stop},
            originals=self.originals and [cells[some] for cells in self.originals],
            fields={name: cells[some] for name, cells in self.fields.items()},
            lines=None if self.lines is None else self.lines[some],
        )

    def pieces(self, n_rows: int) -> list[Chunk]:
        """The chunk in parts of at most so many rows, at least one part."""
        starts = range(0, max(self.n_rows, 1), n_rows)
        return [self.rows(slice(at, at + n_rows)) for at in starts] if len(starts) > 1 else [self]


def chunks_of(read: Callable[[], Chunk]) -> Iterator[Chunk]:
    """Chunks until one is empty, which is yielded only if it is the first."""
    chunk = read()
    yield chunk
    while chunk.n_rows and (chunk := read()).n_rows:
        yield chunk


@dataclass(frozen=True, slots=True)
class Predicted:
    """A column of predictions: one cell for each row of its chunk, None for refused rows.

    Attributes:
        column: the cells; an array of numbers or labels where no row was refused.
    """

    name: str
    kind: Kind
    column: Sequence[Any] | Array

    @property
    def cells(self) -> Sequence[Any]:
        """The cells as plain Python values."""
        return plain_values(self.column) if isinstance(self.column, np.ndarray) else self.column


@dataclass(frozen=True, slots=True)
class Encoded:
    """A chunk with its predictions on its way to a file.

    Attributes:
        names: of all columns.
        place: of its first row.
        content: bytes, or what the writer needs.
    """

    names: tuple[str, ...]
    place: int
    content: Any


class Pace:
    """How many rows are predicted at a time: as many as the model answers in about a second.

    So progress is seen, and work ends soon when it is cancelled, however slow the model is.
    """

    def __init__(self, n_rows: int = FIRST_ROWS) -> None:
        self.n_rows = n_rows

    def measured(self, n_rows: int, seconds: float) -> None:
        """Take into account how long the model took for these rows."""
        wanted = n_rows * PIECE_S / max(seconds, 1e-6)
        self.n_rows = int(min(max(wanted, 1), CHUNK_ROWS_MAX, 16 * self.n_rows))


class Reader(Protocol):
    """Reads the rows of a file once, from the first to the last.

    Attributes:
        place: what a position in this file is called.
    """

    place: ClassVar[Literal["line", "row"]]

    @property
    def names(self) -> tuple[str, ...] | None:
        """All the columns; None if each row names its own."""
        ...

    @property
    def n_rows(self) -> int | None:
        """The number of rows, if the file states it."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """The rows, at least one chunk of them, which may be empty.

        Raises:
            MalformedBody: the file's content is invalid.
        """
        ...


class Writer(Protocol):
    """Writes rows with their predictions, in their original order."""

    def encode(self, chunk: Chunk, predicted: Sequence[Predicted]) -> Encoded:
        """A chunk's own columns, then the predicted ones, as far as they don't depend on others.

        It may be called from several threads, in any order.

        Raises:
            SetupError: a file of this format can't have these columns.
        """
        ...

    def write(self, encoded: Encoded) -> None:
        """Write a chunk, after those before it.

        Raises:
            SetupError: its columns aren't those of the chunks before it.
        """
        ...

    def close(self) -> None:
        """Write the rest; the file itself stays open."""
        ...


def chunk_rows(n_columns: int) -> int:
    """The most rows in a chunk with this many columns."""
    return max(64, min(CHUNK_ROWS_MAX, CHUNK_CELLS_MAX // max(1, n_columns)))


def named_once(names: Sequence[str], kind: str) -> tuple[str, ...]:
    """The names, for a format in which they must be unique.

    Raises:
        SetupError: one occurs twice.
    """
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SetupError(
            f"two columns are called {twice!r}, which {kind} doesn't support",
            hint="rename one of them, or write a .csv",
        )
    return tuple(names)


def unit_of(chunk: Chunk) -> Unit:
    """A chunk that was read already."""
    return lambda: [chunk]


def encoded(chunk: Chunk, predicted: Sequence[Predicted], content: Any) -> Encoded:
    """What a writer makes of a chunk."""
    names = (*chunk.names, *(one.name for one in predicted))
    return Encoded(names, chunk.places[0] if chunk.n_rows else 0, content)


def new_column(chunk: Encoded, names: Sequence[str], kind: str) -> SetupError:
    """The error for a column that first appears after the file's columns were fixed."""
    name = next((name for name in chunk.names if name not in names), "?")
    return SetupError(
        f"{name!r} first appears near line {chunk.place}, too late for a column of {kind}",
        hint="write a .ndjson file, where each line has its own",
    )
