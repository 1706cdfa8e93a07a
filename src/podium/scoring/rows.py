"""A chunk of a file's rows, and the interfaces of readers and writers.

Files are larger than memory: only a few chunks of one are in memory at a time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from podium.errors import BadCell, SetupError
from podium.signature.reading import Written

Buffered: TypeAlias = "io.BufferedReader[Any]"
# A column in the form of its file: CSV texts, JSON values, or an Arrow array.
Cells: TypeAlias = Sequence[Any]
# The type of a predicted column; `object` is anything that JSON can hold.
Kind: TypeAlias = type[float] | type[int] | type[bool] | type[str] | type[object]

CHUNK_ROWS_MAX = 16_384
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
    """

    names: tuple[str, ...]
    cells: Sequence[Cells]
    places: Sequence[int]
    written: Written
    broken: Mapping[int, BadCell] = field(default_factory=dict)
    originals: Sequence[Cells] | None = None

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
        )


def chunks_of(read: Callable[[], Chunk]) -> Iterator[Chunk]:
    """Chunks until one is empty, which is yielded only if it is the first."""
    chunk = read()
    yield chunk
    while chunk.n_rows and (chunk := read()).n_rows:
        yield chunk


@dataclass(frozen=True, slots=True)
class Predicted:
    """A column of predictions: one cell for each row of its chunk, None for refused rows."""

    name: str
    kind: Kind
    cells: Sequence[Any]


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

    def write(self, chunk: Chunk, predicted: Sequence[Predicted]) -> None:
        """Write a chunk's own columns, then the predicted ones.

        Raises:
            SetupError: a file of this format can't have these columns.
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


def new_column(chunk: Chunk, names: Sequence[str], kind: str) -> SetupError:
    """The error for a column that first appears after the file's columns were fixed."""
    name = next((name for name in chunk.names if name not in names), "?")
    return SetupError(
        f"{name!r} first appears near line {chunk.places[0]}, too late for a column of a {kind}",
        hint="write a .ndjson file, where each line has its own",
    )
