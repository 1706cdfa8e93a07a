"""A format of rows: how it is read, and how responses are written in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from podium.errors import MalformedBody, TooLarge
from podium.outputs import Outputs
from podium.signature import Signature
from podium.signature.names import INDEXES
from podium.signature.reading import Written
from podium.table import Array

# At most this many unreadable rows are listed.
LISTED_MAX = 100
# At most this many unknown names are collected.
NAMES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Decoded:
    """Cells as they were sent, by column, not yet validated.

    Attributes:
        columns: cells by field name, n_rows each; ABSENT where a row lacks the field.
        others: names that aren't fields of the model.
        layout: how the rows were arranged; the response has the same layout.
        written: how the cells are written: as typed values, or as the text of a file or a form.
    """

    columns: Mapping[str, Sequence[object] | Array]
    others: Sequence[str]
    n_rows: int
    layout: str
    written: Written


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What to decode from a body: the cells of these fields, in at most this many rows."""

    fields: frozenset[str]
    rows_max: int

    def check_rows(self, n_rows: int) -> None:
        """Refuse too many rows before anything is allocated for them.

        Raises:
            TooLarge: there are more.
        """
        if n_rows > self.rows_max:
            raise TooLarge(
                f"more than {self.rows_max} rows were sent",
                hint="send them in several requests, or use `podium score` for files",
            )

    def check_names(self, n_names: int) -> None:
        """Refuse too many columns.

        Raises:
            TooLarge: there are more than are ever collected.
        """
        if n_names > NAMES_MAX:
            raise TooLarge(
                f"more than {NAMES_MAX} columns were sent", hint="send the fields of the model only"
            )

    def others(self, names: Iterable[str]) -> list[str]:
        """The names that aren't fields of the model."""
        return [name for name in names if name not in self.fields]


@dataclass(frozen=True, slots=True)
class ResponseData:
    """The content of a response: the outputs, the model, and the ids of the records.

    Attributes:
        ids: one for each row; empty where nothing is recorded.
    """

    model: str
    version: str
    signature: Signature
    outputs: Outputs
    ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Format:
    """One format of rows.

    Attributes:
        names: its content types; the first is the preferred one.
        layouts: the layouts of rows that it can hold.
        read: reads cells from a body.
        write: writes a body from a response and the layout of its request; None for input only.
        media: the content type of what it writes.
        index_names: headers that tools give to a column of row numbers, which is ignored.
    """

    names: tuple[str, ...]
    layouts: tuple[str, ...]
    read: Callable[[bytes, DecodeLimits], Decoded]
    write: Callable[[ResponseData, str], bytes] | None = None
    media: str = ""
    index_names: frozenset[str] = INDEXES - {""}


class Codec(Protocol):
    """How one protocol writes rows and responses as bodies; may be created for a single request.

    Attributes:
        name: of the protocol: an equal body in another protocol is a different request.
    """

    name: str

    def decode(self, body: bytes, media: str, signature: Signature, *, rows_max: int) -> Decoded:
        """The cells in a body for a model; raises InputError where there are none."""

    def encode(self, data: ResponseData, layout: str, accept: str) -> tuple[bytes, str]:
        """The body of the response, and its content type."""


RowWriter: TypeAlias = Callable[
    [object, Sequence[float] | None, float | None, Sequence[float] | None, str], bytes
]
"""Writes the response to a row as JSON: of its prediction, its probabilities, its score and its
distances, if there are any, and the id of its record, or ""."""


class RowCodec(Protocol):
    """How one protocol writes a single row of one model, and the response to it, as JSON.

    It reads what is common, by the model's types, and writes the same bytes as the protocol's `Codec`.
    """

    def read(self, body: bytes) -> tuple[Any, RowWriter] | None:
        """The row of the model's reader in a body, and what writes its response.

        None if the body isn't a common one, or the row needs validation cell by cell.
        """


def text_of(body: bytes) -> str:
    """A body as text, without a byte order mark.

    Raises:
        MalformedBody: it isn't UTF-8.
    """
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise no_text(error) from error


def no_text(error: UnicodeDecodeError) -> MalformedBody:
    """The refusal of a body that isn't UTF-8."""
    return MalformedBody(f"the body isn't UTF-8: {error.reason}", hint="send UTF-8")
