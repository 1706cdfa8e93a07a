"""Validates cells against their fields: every invalid one is reported, none is guessed.

This is the thorough way, column by column. It accepts plain Python values (from JSON or from a
caller), texts (from CSV, forms and the command line) and whole arrays (from frames).
"""

from __future__ import annotations

import datetime as dt
import difflib
import reprlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from podium.errors import BadCell, InvalidRows, TooLarge
from podium.outputs import CellWarning
from podium.signature.accepted import accepted, span_text
from podium.signature.coded import Coded, coded_of
from podium.signature.fields import Field, Signature
from podium.signature.labels import folded, label_text, plain_text
from podium.signature.names import named
from podium.signature.reading import (
    FILES,
    Refusal,
    Written,
    is_exact,
    numbers_of,
    reader,
    spells_missing,
    whole_numbers,
)
from podium.signature.zones import has_offset, local_text, moment_of, zone_name
from podium.table import Array, Table, is_missing, plain_values

VALUE_CHARS_MAX = 80
WARNINGS_MAX = 200_000  # each is an object here, and in the response
SUGGESTED_MAX, SUGGESTED_LENGTH_MAX = 3, 100
ABSENT: Final = object()  # the cell of a row that lacks the field


@dataclass
class Findings:
    """The errors and warnings found during validation.

    Attributes:
        recorded_max: how many invalid cells are recorded; others are only counted.
        written: how cells are written; an error says how to write a missing one.
        bad_rows: the numbers of all rows with an invalid cell.
    """

    recorded_max: int = 100
    written: Written = "values"
    bad: list[BadCell] = field(default_factory=list)
    n_bad: int = 0
    bad_rows: set[int] = field(default_factory=set)
    warnings: list[CellWarning] = field(default_factory=list)

    @property
    def room(self) -> int:
        """How many more invalid cells can be recorded."""
        return max(self.recorded_max - len(self.bad), 0)

    def refuse(
        self,
        one: Field,
        row: int | None,
        problem: str,
        code: str,
        *,
        value: object = None,
        allowed: str | None = None,
    ) -> None:
        """Record or count one invalid cell; counting costs next to nothing.

        Args:
            value: as it was sent; None if nothing was.
            allowed: what would be accepted, if the field alone doesn't say.
        """
        self.n_bad += 1
        if row is not None:
            self.bad_rows.add(row)
        if self.room:
            self.bad.append(
                BadCell(
                    row=row,
                    field=one.name,
                    value=None if value is None else printable(value),
                    problem=problem,
                    accepted=accepted(one, self.written) if allowed is None else allowed,
                    code=code,
                )
            )

    def warn(self, row: int, name: str, message: str, code: str) -> None:
        """Record one warning.

        Raises:
            TooLarge: there are too many.
        """
        if len(self.warnings) >= WARNINGS_MAX:
            raise TooLarge(
                f"more than {WARNINGS_MAX} cells need a warning", hint="send fewer rows at once"
            )
        self.warnings.append(CellWarning(row=row, field=name, message=message, code=code))

    def raise_if_bad(self) -> None:
        """Refuse the rows if any of their cells is invalid.

        Raises:
            InvalidRows: with the cells, row by row.
        """
        if self.n_bad:
            # Cells are validated column by column; people read row by row.
            cells = sorted(self.bad, key=lambda cell: -1 if cell.row is None else cell.row)
            raise InvalidRows(cells, n_cells=self.n_bad)


def check_table(signature: Signature, rows: Table) -> tuple[Table, tuple[CellWarning, ...]]:
    """The table that the model may see, with the warnings about it.

    Args:
        signature: its fields must match the columns, in any order; a field that may be missing may
            be left out.
        rows: as returned by `Table.of`.

    Raises:
        InvalidRows: some cells are invalid.
    """
    rows = named(rows, signature.names)
    columns: dict[str, Sequence[object] | Array] = dict(rows.columns)
    for one in signature.fields:
        if one.type == "datetime" and one.name in columns:
            columns[one.name] = _moments(rows.columns[one.name], rows.dtypes.get(one.name, ""))
    findings = Findings()
    table = check_columns(signature, columns, rows.n_rows, "values", findings)
    findings.raise_if_bad()
    return table, tuple(findings.warnings)


def check_columns(
    signature: Signature,
    columns: Mapping[str, Sequence[object] | Array],
    n_rows: int,
    written: Written,
    findings: Findings,
    *,
    ignore_others: bool = False,
) -> Table:
    """The columns in their normal forms; problems go into `findings`.

    Invalid cells are missing in the returned table: check `findings` before using it. If there is
    only one row, cells are reported without its number.

    Args:
        ignore_others: whether to ignore columns that the signature doesn't know, as in a file with
            more.
    """
    findings.written = written
    if not ignore_others:
        names = frozenset(signature.names)
        refuse_unknown(signature, [name for name in columns if name not in names], findings)
    checked: dict[str, Array] = {}
    for one in signature.fields:
        cells = columns.get(one.name)
        if cells is None:
            cells = [None] * n_rows
            if one.is_required:
                findings.refuse(one, None, _why_missing(one), "missing")
                findings.bad_rows.update(range(n_rows))
                checked[one.name] = column_for(one, cells)
                continue
        checked[one.name] = _check_column(one, cells, written, findings)
    return Table(checked, n_rows, frame=signature.frame)


def printable(value: object) -> str:
    """A value for an error message: shortened, and without control characters."""
    text = value if isinstance(value, str) else reprlib.repr(value)
    # A lone surrogate can't be encoded in any response.
    text = "".join(
        c if c.isprintable() and not "\ud800" <= c <= "\udfff" else "\ufffd"
        for c in text[: VALUE_CHARS_MAX + 1]
    )
    return text if len(text) <= VALUE_CHARS_MAX else text[: VALUE_CHARS_MAX - 1] + "…"


def refuse_unknown(signature: Signature, names: Sequence[str], findings: Findings) -> None:
    """Refuse names that aren't fields; the first few of them with a suggestion."""
    fields = signature.names
    more = f" and {len(fields) - 20} more" if len(fields) > 20 else ""
    listed = f"fields: {', '.join(fields[:20])}{more}"
    for i, name in enumerate(names[: findings.room]):
        # Searching for the nearest name takes a hundred times as long as the rest.
        is_compared = i < SUGGESTED_MAX and len(name) <= SUGGESTED_LENGTH_MAX
        near = difflib.get_close_matches(name, fields, n=1) if is_compared else []
        hint = f"did you mean {near[0]}? " if near else ""
        findings.bad.append(
            BadCell(
                field=printable(name),
                problem="isn't a field of this model",
                accepted=hint + listed,
                code="unknown_field",
            )
        )
    findings.n_bad += len(names)


def _moments(column: Array, dtype: str) -> Sequence[object] | Array:
    """The times of a column with a zone; a table holds them without one."""
    if column.dtype.kind != "M" or not zone_name(dtype):
        return column
    return [None if v is None else v.replace(tzinfo=dt.UTC) for v in plain_values(column)]


def _check_column(
    one: Field, cells: Sequence[object] | Array, written: Written, findings: Findings
) -> Array:
    cells = coded_of(cells) if one.type == "category" else cells
    if isinstance(cells, Coded):
        found = Findings(sys.maxsize, findings.written)
        distinct = _check_column(one, cells.cells, written, found)
        for row, cell in cells.by_row(found.bad):
            findings.n_bad += 1
            findings.bad_rows.add(row)
            if findings.room:
                findings.bad.append(msgspec.structs.replace(cell, row=row))
        for row, warning in cells.by_row(found.warnings):
            findings.warn(row, one.name, warning.message, warning.code)
        return distinct.take(cells.codes)
    if not isinstance(cells, (list, np.ndarray)):
        cells = list(cells)
    column = None if one.zone and written != "table" else _whole(one, cells, written)
    if column is None:
        column = _cell_by_cell(one, cells, written, findings)
    else:
        _refuse_missing(one, column, findings)
        _refuse_infinite(one, column, findings)
    _check_range(one, column, findings)
    return column


def _whole(one: Field, cells: Sequence[object] | Array, written: Written) -> Array | None:
    """The column without validating each cell, if its dtype alone shows that all are valid."""
    if isinstance(cells, np.ndarray):
        kind = cells.dtype.kind
        if one.type == "float" and kind in "if":
            return cells.astype(np.float64, copy=False)
        if one.type == "integer" and kind in "if":
            return whole_numbers(cells)
        if one.type == "boolean" and kind == "b":
            return cells
        if one.type == "datetime" and kind == "M":
            return cells.astype("datetime64[us]")
        return None
    kinds = set(map(type, cells))
    if written == "file" and kinds == {str}:
        column = numbers_of(one, cells)  # type: ignore[arg-type] # they are texts
        return column if column is None or column.dtype.kind == "f" or is_exact(column) else None
    if one.type == "float" and kinds == {float}:
        return np.array(cells, np.float64)
    if one.type == "integer" and kinds == {int}:
        try:
            column = np.array(cells, np.int64)
        except OverflowError:
            return None
        return column if is_exact(column) else None
    return None


def _refuse_missing(one: Field, column: Array, findings: Findings) -> None:
    if one.missing == "accept" or column.dtype.kind not in "fM":
        return
    for row in np.flatnonzero(is_missing(column)):
        _missing(one, int(row), findings)


def _refuse_infinite(one: Field, column: Array, findings: Findings) -> None:
    if column.dtype.kind != "f":
        return
    for row in np.flatnonzero(np.isinf(column)).tolist():
        findings.refuse(one, row, "isn't a finite number", "not_finite", value=float(column[row]))


def _missing(one: Field, row: int, findings: Findings, raw: object = None) -> None:
    if one.missing == "refuse" or (raw is ABSENT and one.is_required):
        findings.refuse(one, row, _why_missing(one), "missing")
    elif one.missing == "warn":
        findings.warn(row, one.name, "no value was given", "missing")


def _why_missing(one: Field) -> str:
    """Why a cell may not be missing: if null is accepted, the cell was left out."""
    return "is missing" if one.missing == "refuse" else "was left out"


def _cell_by_cell(
    one: Field, cells: Sequence[object] | Array, written: Written, findings: Findings
) -> Array:
    read = reader(one, written)
    is_file = written in FILES
    warns_of_unknown = one.type == "category" and one.unknown == "warn"
    # Unless a frame says otherwise times are in UTC, as their offset says.
    is_shifted = one.type == "datetime" and bool(one.dtype) and not one.zone
    accepted: list[object] = []
    for row, raw in enumerate(plain_values(cells) if isinstance(cells, np.ndarray) else cells):
        value: object = None
        try:
            value = None if _is_blank(raw, is_file, written) else read(raw)
        except Refusal as refusal:
            if is_file and spells_missing(raw):
                _missing(one, row, findings)
            else:
                findings.refuse(one, row, refusal.problem, refusal.code, value=raw)
        else:
            if value is None:
                _missing(one, row, findings, raw)
            elif is_shifted and has_offset(raw):
                message = f"{printable(raw)} was read as {value}: the model's times have no zone"
                findings.warn(row, one.name, message, "shifted")
            elif warns_of_unknown and (isinstance(value, bool), value) not in one.labels_by_value:
                if is_file and spells_missing(raw):
                    value = None
                    _missing(one, row, findings)
                else:
                    findings.warn(row, one.name, _unknown_message(one, value), "unknown")
        accepted.append(value)
    return column_for(one, accepted)


def _unknown_message(one: Field, value: Any) -> str:
    near = one.labels_folded.get(folded(label_text(value)))
    hint = f": did you mean {printable(label_text(near))!r}?" if near is not None else ""
    return f"{printable(value)} isn't in the training data{hint}"


def _is_blank(raw: object, is_file: bool, written: Written) -> bool:
    if raw is None or raw is ABSENT:
        return True
    if written in ("values", "table"):
        # A NaN in a caller's list is their library's missing value; JSON has none.
        return isinstance(raw, float) and raw != raw
    return isinstance(raw, str) and (raw == "" or (not is_file and not raw.strip()))


def column_for(one: Field, cells: Sequence[object]) -> Array:
    """Valid cells, None where missing, in the normal form of their field."""
    # numpy converts None to NaN.
    if one.type == "float" or (one.type == "integer" and any(v is None for v in cells)):
        return np.array(cells, np.float64)
    if one.type == "integer":
        return np.array(cells, np.int64)
    if one.type == "boolean" and not any(v is None for v in cells):
        return np.array(cells, np.bool_)
    if one.type == "date":
        return np.array(cells, "datetime64[D]")
    if one.type == "datetime":
        return np.array(cells, "datetime64[us]")
    column = np.empty(len(cells), object)
    column[:] = cells
    return column


def _check_range(one: Field, column: Array, findings: Findings) -> None:
    if one.type not in ("float", "integer", "date", "datetime"):
        return
    for low, high, is_hard in (
        (one.bounds.minimum, one.bounds.maximum, True),
        (one.seen.minimum, one.seen.maximum, False),
    ):
        if (low is None and high is None) or (not is_hard and one.outside == "accept"):
            continue
        none = np.zeros(len(column), bool)
        below = none if low is None else column < _edge(one, low)
        above = none if high is None else column > _edge(one, high)
        for row in np.flatnonzero(below | above):
            _outside(one, int(row), column[row], low, high, is_hard, findings)


def _edge(one: Field, bound: float | str) -> Any:
    return np.datetime64(moment_of(bound, one.zone)) if isinstance(bound, str) else bound


def _outside(
    one: Field, row: int, cell: Any, low: Any, high: Any, is_hard: bool, findings: Findings
) -> None:
    value = cell.item()
    text = local_text(value, one.zone) if isinstance(value, dt.datetime) else plain_text(value)
    span = span_text(low, high)
    if is_hard or one.outside == "refuse":
        allowed = None if is_hard else f"{span}, as seen in training"
        findings.refuse(one, row, "is out of range", "out_of_range", value=text, allowed=allowed)
        return
    unit = f" {one.unit}" if one.unit else ""
    message = f"{text}{unit} is outside the range seen in training, {span}{unit}"
    findings.warn(row, one.name, message, "outside")
