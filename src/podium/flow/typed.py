"""Steps 1 and 2 in one pass: JSON read by types that are generated from the signature.

Rows that these types accept need no further validation: every cell is present, of its type,
known, and in range. Everything else is validated cell by cell, which can say what is wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from podium.flow.limits import CHUNK_ROWS
from podium.signature import INTEGER_MAX, Field, Signature
from podium.signature.cells import column_for
from podium.table import Table

# Cells in the order of the fields; None if one is missing.
Row: TypeAlias = msgspec.Struct

# Characters that msgspec doesn't allow in the name of a field.
_ODD = re.compile(r'["\\\x00-\x1f]')
_NUL = b"\\u0000"
RAW_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
RAW_COLUMNS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class TypedRows:
    """Rows that are valid as they are.

    Attributes:
        rows: structs whose JSON is the canonical form of the row.
        layout: how the rows were arranged in the body.
    """

    rows: Sequence[Row]
    layout: Literal["object", "rows"]


def chunks_of(rows: Sequence[msgspec.Raw]) -> Iterator[bytes]:
    """Rows of JSON, as arrays of some rows each."""
    for at in range(0, len(rows), CHUNK_ROWS):
        yield b"[%b]" % b",".join(rows[at : at + CHUNK_ROWS])


class TypedReader:
    """Reads JSON for one signature.

    Args:
        rows_max: more rows than this are validated cell by cell.

    Attributes:
        row_type: creates a row from valid cells by `places`; None if types can't express the signature.
        places: the attributes of a row, in the order of the fields.
        cell_types: of the cells at these places.
    """

    cell_types: tuple[Any, ...] = ()

    def __init__(self, signature: Signature, *, rows_max: int) -> None:
        self._signature = signature
        self._rows_max = rows_max
        self._has_text = any(one.type == "text" for one in signature.fields)
        self.row_type: Any = None
        self.places: tuple[str, ...] = ()
        types = [_type_of(one) for one in signature.fields]
        is_odd = any(_ODD.search(one.name) for one in signature.fields)
        if not types or None in types or is_odd:
            return
        names = {f"c{i}": one.name for i, one in enumerate(signature.fields)}
        cells: list[Any] = []
        lists: list[Any] = []
        for name, one, type_ in zip(names, signature.fields, types, strict=True):
            if one.missing == "accept":
                cells.append((name, type_ | None, None))
                lists.append((name, GenericAlias(list, type_ | None) | None, None))
            else:
                cells.append((name, type_))
                lists.append((name, GenericAlias(list, type_)))
        # Fields that may be missing can precede others: the order is that of the signature.
        options: dict[str, Any] = {"rename": names, "forbid_unknown_fields": True, "kw_only": True}
        row: Any = msgspec.defstruct("Row", cells, gc=False, **options)
        columns: Any = msgspec.defstruct("Columns", lists, **options)
        self._row: msgspec.json.Decoder[Any] = msgspec.json.Decoder(row)
        self.row_type, self.places = row, tuple(names)
        self.cell_types = tuple(cell[1] for cell in cells)
        self._rows: msgspec.json.Decoder[Any] = msgspec.json.Decoder(GenericAlias(list, row))
        self._columns = msgspec.json.Decoder(columns)
        self._lists = {names[cells[0]]: cells[1] for cells in lists}

    def may_read(self, body: bytes) -> bool:
        """Whether types alone can tell that the cells in this JSON are valid."""
        return self.row_type is not None and not (self._has_text and _NUL in body)

    def one(self, body: bytes) -> Row | None:
        """The row of a body that is one JSON object; None if it needs validation cell by cell."""
        if not self.may_read(body):
            return None
        try:
            row: Row = self._row.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return row

    def rows(self, body: bytes) -> TypedRows | None:
        """The rows of a body of one JSON object or an array of them, or None."""
        if not self.may_read(body):
            return None
        try:
            if body[:1] != b"[":
                return TypedRows([self._row.decode(body)], "object")
            rows = self._rows.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return TypedRows(rows, "rows") if 0 < len(rows) <= self._rows_max else None

    def columns(self, body: bytes) -> Table | None:
        """The table in a body that is a JSON object of arrays, or None."""
        if not self.may_read(body):
            return None
        try:
            columns = msgspec.structs.astuple(self._columns.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return self._table_of(columns)

    def _table_of(self, columns: Sequence[Sequence[object] | None]) -> Table | None:
        lengths = {len(cells) for cells in columns if cells is not None}
        n_rows = lengths.pop() if len(lengths) == 1 else 0
        if not 0 < n_rows <= self._rows_max:
            return None
        # If most values are arrays, an object is columns: a field that was left out doesn't
        # count.
        filled = [[None] * n_rows if cells is None else cells for cells in columns]
        return self._table(filled, n_rows)

    def in_chunks(self, body: bytes) -> tuple[Table, Literal["rows", "columns"]] | None:
        """The table in a long body of rows or columns, or None.

        Other threads can run after each chunk: reading 32 MiB in one step would block them for
        0.2 s, finding the chunks blocks them for 0.03 s.
        """
        if not self.may_read(body):
            return None
        try:
            if body[:1] == b"[":
                rows = RAW_ROWS.decode(body)
                if not 0 < len(rows) <= self._rows_max:
                    return None
                read = (self._rows.decode(chunk) for chunk in chunks_of(rows))
                return Table.concat([self.table(some) for some in read]), "rows"
            raw = RAW_COLUMNS.decode(body)
            if not raw.keys() <= self._lists.keys():
                return None
            decode = msgspec.json.decode
            cells = [decode(raw.get(n, b"null"), type=t) for n, t in self._lists.items()]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        table = self._table_of(cells)
        return None if table is None else (table, "columns")

    def table(self, rows: Sequence[Row]) -> Table:
        """Rows as a table, which every runtime accepts."""
        columns = list(zip(*map(msgspec.structs.astuple, rows), strict=True))
        return self._table(columns, len(rows))

    def _table(self, columns: Sequence[Sequence[object]], n_rows: int) -> Table:
        fields = self._signature.fields
        named = {
            one.name: column_for(one, cells) for one, cells in zip(fields, columns, strict=True)
        }
        return Table(named, n_rows, frame=self._signature.frame)


def _type_of(one: Field) -> Any:
    """The type by which msgspec checks a cell of this field; None if types can't express it."""
    if one.type == "float":
        low, high = _limits(one)
        return Annotated[float, msgspec.Meta(ge=low, le=high)]
    if one.type == "integer":
        low, high = _limits(one)
        least = -INTEGER_MAX if low is None else max(math.ceil(low), -INTEGER_MAX)
        most = INTEGER_MAX if high is None else min(math.floor(high), INTEGER_MAX)
        return Annotated[int, msgspec.Meta(ge=least, le=most)]
    if one.type == "boolean":
        return bool
    if one.type == "text":
        return Annotated[str, msgspec.Meta(max_length=one.max_length)]
    if one.type == "category":
        return _labels_type(one)
    return None


def _limits(one: Field) -> tuple[float | None, float | None]:
    """The least and the greatest number that cause no error and no warning; None is no bound."""
    ranges = [one.bounds] if one.outside == "accept" else [one.bounds, one.seen]
    low = max((float(r.minimum) for r in ranges if r.minimum is not None), default=None)
    high = min((float(r.maximum) for r in ranges if r.maximum is not None), default=None)
    return low, high


def _labels_type(one: Field) -> Any:
    kinds = {type(label) for label in one.labels}
    if kinds == {bool} and len(one.labels) == 2:
        return bool
    # Literals of strings and integers are looked up by hash; JSON's 1.0 and true are neither.
    return Literal[tuple(one.labels)] if kinds and kinds <= {str, int} else None
