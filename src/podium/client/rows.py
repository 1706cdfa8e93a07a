"""Rows of any kind as columns of plain values, checked against the fields of a model."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import difflib
import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from podium.client.answers import FieldInfo
from podium.errors import BadCell, InputError, InvalidRows

Columns: TypeAlias = dict[str, list[Any]]

ERRORS_MAX = 100
_SAME = (str, int, bool)
_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "float": ("a number", (int, float)),
    "integer": ("a whole number", (int, float)),
    "boolean": ("true or false", (bool,)),
    "category": ("a label", (str, int, float, bool)),
    "text": ("a text", (str,)),
    "date": ("a date", (str,)),
    "datetime": ("a date and time", (str,)),
}
_ACCEPTED = "a dict, a dataclass, a list of these, or a table of pandas, polars or pyarrow"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows by columns.

    Attributes:
        columns: by field: as many cells as there are rows, None for a missing one.
        is_single: whether it was one row, which gets one prediction.
    """

    columns: Columns
    n_rows: int
    is_single: bool

    def some(self, start: int, stop: int) -> Columns:
        """The columns of the rows from `start` to before `stop`."""
        return {name: cells[start:stop] for name, cells in self.columns.items()}

    def row(self, at: int) -> dict[str, Any]:
        """One row as an object."""
        return {name: cells[at] for name, cells in self.columns.items()}


def rows_of(given: object) -> Rows:
    """Rows as columns of plain values, for JSON; nothing about the model is checked.

    Args:
        given: one row (a mapping, a dataclass, or what else has named values), a sequence or other
            iterable of rows, or a table that narwhals knows.

    Raises:
        InputError: they are none of these.
    """
    if isinstance(given, (str, bytes)):
        raise InputError(f"a text isn't rows: {given[:40]!r}", hint=f"pass {_ACCEPTED}")
    one = _named(given)
    if one is not None:
        return Rows({name: [plain(cell)] for name, cell in one.items()}, 1, is_single=True)
    if hasattr(given, "columns") or hasattr(given, "column_names"):
        columns = _columns_of_table(given)
        return Rows(columns, len(next(iter(columns.values()), [])), is_single=False)
    if not isinstance(given, Iterable):
        raise InputError(f"{given!r:.40} isn't rows", hint=f"pass {_ACCEPTED}")
    return _rows_of_several(list(given))


def check(rows: Rows, fields: Sequence[FieldInfo]) -> None:
    """Check the names of the columns, and the kind of each cell.

    What passes may still be refused by the server, which knows bounds and categories; what is
    refused here would be refused there.

    Raises:
        InvalidRows: some of them don't fit; each is listed, up to a hundred.
    """
    if not rows.n_rows:
        raise InputError("there are no rows", hint="pass at least one")
    known = {one.name: one for one in fields}
    bad = [
        BadCell(
            field=name,
            problem="isn't a field of the model",
            accepted=_near(name, known),
            code="unknown_field",
        )
        for name in rows.columns.keys() - known.keys()
    ]
    for name, one in known.items():
        cells = rows.columns.get(name)
        if cells is None and one.is_required:
            bad.append(BadCell(field=name, problem="is missing", code="missing"))
        elif cells is not None:
            bad += _bad_cells(one, cells, is_single=rows.is_single)
    if bad:
        bad.sort(key=lambda cell: (cell.row or 0, cell.field or ""))
        raise InvalidRows(bad[:ERRORS_MAX], n_cells=len(bad))


def plain(cell: Any) -> Any:
    """A cell as a value of JSON; None for NaN, NaT, NA and their like."""
    if cell is None or type(cell) in _SAME:
        return cell
    if type(cell) is float:
        return None if cell != cell else cell
    if isinstance(cell, enum.Enum):
        return plain(cell.value)
    if type(cell).__name__ == "NAType":
        return None
    if isinstance(cell, decimal.Decimal):
        return None if cell.is_nan() else float(cell)
    if isinstance(cell, dt.date):  # and times, also those of pandas
        return None if cell != cell else cell.isoformat()
    if type(cell).__name__ == "datetime64":
        return None if str(cell) == "NaT" else str(cell)
    if isinstance(cell, (str, bool, int, float)) or not hasattr(cell, "item"):
        return cell
    return plain(cell.item())  # a scalar of NumPy


def _bad_cells(one: FieldInfo, cells: Sequence[Any], *, is_single: bool) -> list[BadCell]:
    word, kinds = _KINDS.get(one.type, ("", (object,)))
    allowed = set(kinds)
    if one.missing != "refuse":
        allowed.add(type(None))
    # Nearly always all cells have the right kind, which is seen at once.
    types = set(map(type, cells))
    if types <= allowed and float not in types:
        return []
    bad = []
    for row, cell in enumerate(cells):
        problem = _problem(one, cell, word, allowed)
        if problem:
            bad.append(
                BadCell(
                    row=None if is_single else row,
                    field=one.name,
                    value=repr(cell)[:80],
                    problem=problem,
                    accepted=word,
                    code="missing" if cell is None else "wrong_type",
                )
            )
    return bad


def _problem(one: FieldInfo, cell: Any, word: str, allowed: set[type]) -> str:
    if cell is None:
        return "" if type(None) in allowed else "is missing"
    kinds = tuple(allowed)
    is_kind = isinstance(cell, kinds) and (not isinstance(cell, bool) or bool in allowed)
    if object in allowed:
        return ""
    if not is_kind:
        return f"isn't {word}"
    if isinstance(cell, float) and not math.isfinite(cell):
        return "isn't a finite number"
    if one.type == "integer" and isinstance(cell, float) and not cell.is_integer():
        return "isn't a whole number"
    return ""


def _near(name: str, known: Mapping[str, FieldInfo]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"one of {', '.join(known)[:200]}"


def _named(given: object) -> Mapping[str, Any] | None:
    """The values of one row by name; None if it isn't one."""
    if isinstance(given, Mapping):
        return given
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        return {one.name: getattr(given, one.name) for one in dataclasses.fields(given)}
    for method in ("_asdict", "model_dump"):  # of named tuples, of pydantic
        read = getattr(given, method, None)
        if read is not None and not isinstance(given, type):
            values: Mapping[str, Any] = read()
            return values
    names = getattr(type(given), "__struct_fields__", None)  # of msgspec
    return None if names is None else {name: getattr(given, name) for name in names}


def _rows_of_several(given: Sequence[object]) -> Rows:
    found = []
    for at, row in enumerate(given):
        values = _named(row)
        if values is None:
            raise InputError(
                f"row {at} is {row!r:.40}, not values by name", hint=f"pass {_ACCEPTED}"
            )
        found.append(values)
    names = dict.fromkeys(name for row in found for name in row)
    columns = {name: [plain(row.get(name)) for row in found] for name in names}
    return Rows(columns, len(found), is_single=False)


def _columns_of_table(table: Any) -> Columns:
    import narwhals.stable.v2 as nw

    try:
        frame = nw.from_native(table, eager_only=True)
    except TypeError as error:
        raise InputError(
            f"a {type(table).__name__} isn't a table with named columns", hint=f"pass {_ACCEPTED}"
        ) from error
    return {str(name): list(map(plain, frame[name].to_list())) for name in frame.columns}
