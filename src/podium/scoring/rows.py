"""A stretch of a file's rows, and the interfaces of what reads and writes it.

Files are larger than memory: nobody holds more of one than a few chunks.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from podium.errors import BadCell, SetupError
from podium.signature.reading import Written
from podium.table import Array

Buffered: TypeAlias = "io.BufferedReader[Any]"
# A column as its file holds it: texts of a CSV, values of JSON, or an Arrow array.
Cells: TypeAlias = Sequence[Any]
# How programs hold a predicted column; `object` is anything that JSON can hold.
Kind: TypeAlias = type[float] | type[int] | type[bool] | type[str] | type[object]

CHUNK_ROWS_MAX = 16_384
# A text of a CSV takes about 60 bytes: 25 MB a chunk.
CHUNK_CELLS_MAX = 400_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file, column by column.

    Attributes:
        names: of the columns, in order; a name may stand twice.
        cells: of each column, one a row, as the file holds them.
        places: where each row stands in its file, from 1: its line, or its row.
        written: how cells are written: as texts, or as values.
        broken: rows that can't be told apart into cells, by their number in the chunk; their
            cells are empty or cut.
    """

    names: tuple[str, ...]
    cells: Sequence[Cells]
    places: Sequence[int]
    written: Written
    broken: Mapping[int, BadCell] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """How many rows these are."""
        return len(self.places)


def chunks_of(read: Callable[[], Chunk]) -> Iterator[Chunk]:
    """Chunks until one is empty, which is given only where it is the first."""
    chunk = read()
    yield chunk
    while chunk.n_rows and (chunk := read()).n_rows:
        yield chunk


@dataclass(frozen=True, slots=True)
class Predicted:
    """A column of predictions: a cell a row of its chunk, None where a row was refused."""

    name: str
    kind: Kind
    cells: Sequence[Any]


class Reader(Protocol):
    """Reads a file's rows, from the first to the last, once.

    Attributes:
        place: what a place in this file is called.
    """

    place: ClassVar[Literal["line", "row"]]

    @property
    def names(self) -> tuple[str, ...] | None:
        """All the columns; None where each row names its own."""
        ...

    @property
    def n_rows(self) -> int | None:
        """The number of rows, where the file states it."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """The rows, at least one chunk of them, which may be empty.

        Raises:
            MalformedBody: the file isn't what it should be.
        """
        ...

    def for_model(self, cells: Cells) -> Sequence[object] | Array:
        """A column's cells as the signature checks them."""
        ...


class Writer(Protocol):
    """Writes rows with their predictions, in the order they come in."""

    def write(self, chunk: Chunk, predicted: Sequence[Predicted]) -> None:
        """Write a chunk's own columns, then the predicted ones.

        Raises:
            SetupError: these columns can't stand in a file of this format.
        """
        ...

    def close(self) -> None:
        """Write what is still to be written; the file itself stays open."""
        ...


def chunk_rows(n_columns: int) -> int:
    """The most rows of a chunk with this many columns."""
    return max(64, min(CHUNK_ROWS_MAX, CHUNK_CELLS_MAX // max(1, n_columns)))


def named_once(names: Sequence[str], kind: str) -> tuple[str, ...]:
    """The names, in a format where each stands for one column only.

    Raises:
        SetupError: one stands twice.
    """
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SetupError(
            f"two columns are called {twice!r}, which {kind} doesn't support",
            hint="rename one of them, or write a .csv",
        )
    return tuple(names)


def new_column(chunk: Chunk, names: Sequence[str], kind: str) -> SetupError:
    """The error of a column that comes too late for a file whose columns are settled."""
    name = next((name for name in chunk.names if name not in names), "?")
    return SetupError(
        f"{name!r} first appears near line {chunk.places[0]}, too late for a column of a {kind}",
        hint="write a .ndjson file, where each line has its own",
    )
