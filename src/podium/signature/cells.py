"""Cells checked against their fields: every bad one is named, none is guessed.

This is the careful way, column by column. It accepts plain Python values (from JSON or from a
caller), texts (from CSV, forms and the command line) and whole arrays (from frames).
"""

from __future__ import annotations

import datetime as dt
import difflib
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from podium.errors import BadCell, InvalidRows
from podium.signature.fields import INTEGER_MAX, Field, Label, Signature
from podium.signature.reading import MISSING_TEXTS, Refusal, Written, label_text, plain_text, reader
from podium.table import Array, CellWarning, Table, is_missing, plain_values

VALUE_SHOWN_MAX = 80


@dataclass
class Findings:
    """What was found wrong or noteworthy while rows were checked.

    Attributes:
        kept_max: how many bad cells are kept; the others are only counted.
        bad_rows: the numbers of all the rows with a bad cell.
    """

    kept_max: int = 100
    bad: list[BadCell] = field(default_factory=list)
    n_bad: int = 0
    bad_rows: set[int] = field(default_factory=set)
    warnings: list[CellWarning] = field(default_factory=list)

    def refuse(self, cell: BadCell) -> None:
        """Keep or count one bad cell."""
        self.n_bad += 1
        if cell.row is not None:
            self.bad_rows.add(cell.row)
        if len(self.bad) < self.kept_max:
            self.bad.append(cell)

    def warn(self, row: int, name: str, message: str, code: str) -> None:
        """Keep one warning."""
        self.warnings.append(CellWarning(row=row, field=name, message=message, code=code))

    def raise_if_bad(self) -> None:
        """Refuse the rows when any cell of theirs was refused.

        Raises:
            InvalidRows: with the cells, row by row.
        """
        if self.n_bad:
            # Cells are found column by column; people read row by row.
            cells = sorted(self.bad, key=lambda cell: -1 if cell.row is None else cell.row)
            raise InvalidRows(cells, n_cells=self.n_bad)


def check_table(signature: Signature, given: Table) -> tuple[Table, tuple[CellWarning, ...]]:
    """The table that the model may see, and what its reader should know.

    Args:
        signature: whose fields the columns must match, in any order; a field that may be missing
            may be left out.
        given: as `Table.of` made it.

    Raises:
        InvalidRows: some cells aren't accepted.
    """
    columns: dict[str, Sequence[object] | Array] = dict(given.columns)
    findings = Findings()
    table = check_columns(signature, columns, given.n_rows, "values", findings)
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
    """The columns in their normal forms; what is wrong with them goes into `findings`.

    Bad cells are missing in the table that comes back: look at `findings` before using it.
    Where there is one row only, cells are reported without its number.

    Args:
        ignore_others: pass over columns that the signature doesn't know, as in a file with more.
    """
    if not ignore_others:
        for name in columns:
            if name not in signature.names:
                findings.refuse(_unknown_field(signature, name))
    checked: dict[str, Array] = {}
    for one in signature.fields:
        cells = columns.get(one.name)
        if cells is None:
            cells = [None] * n_rows
            if one.missing == "refuse":
                findings.refuse(
                    BadCell(
                        field=one.name, problem="is missing", accepted=accepted(one), code="missing"
                    )
                )
                findings.bad_rows.update(range(n_rows))
                checked[one.name] = column_for(one, cells)
                continue
        checked[one.name] = _check_column(one, cells, written, findings)
    return Table(checked, n_rows, frame=signature.frame)


def accepted(one: Field) -> str:
    """What a field takes, in a few words."""
    low, high = one.bounds.minimum, one.bounds.maximum
    span = _span(low, high)
    within = "" if not span else f" of {span}" if None in (low, high) else f" from {span}"
    unit = f" in {one.unit}" if one.unit else ""
    words = {
        "float": f"a number{within}{unit}",
        "integer": f"a whole number{within}{unit}",
        "boolean": "true or false",
        "category": _one_of(one.labels) if one.unknown == "refuse" else "a label",
        "text": f"a text of at most {one.max_length} characters",
        "date": f"a date like 2024-03-01{within}",
        "datetime": f"a date and time like 2024-03-01T13:45:00{within}",
    }
    text = words[one.type]
    return text if one.missing == "refuse" else f"{text}, or nothing"


def _span(low: float | str | None, high: float | str | None) -> str:
    """The values between two bounds, of which one may be missing."""
    if low is not None and high is not None:
        return f"{plain_text(low)} to {plain_text(high)}"
    if low is not None:
        return f"at least {plain_text(low)}"
    return "" if high is None else f"at most {plain_text(high)}"


def shown(value: object) -> str:
    """A value as an error may repeat it: short, and with nothing that a terminal obeys."""
    text = value if isinstance(value, str) else reprlib.repr(value)
    # A lone surrogate can't be encoded, so no answer could carry it.
    text = "".join(
        c if c.isprintable() and not "\ud800" <= c <= "\udfff" else "\ufffd"
        for c in text[: VALUE_SHOWN_MAX + 1]
    )
    return text if len(text) <= VALUE_SHOWN_MAX else text[: VALUE_SHOWN_MAX - 1] + "…"


def _one_of(labels: Sequence[Label]) -> str:
    texts = [label_text(label) for label in labels]
    if len(texts) <= 12:
        return f"one of {', '.join(texts)}"
    return f"one of {', '.join(texts[:12])} and {len(texts) - 12} more"


def _unknown_field(signature: Signature, name: str) -> BadCell:
    near = difflib.get_close_matches(str(name), signature.names, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    names = ", ".join(signature.names[:20])
    more = f" and {len(signature.names) - 20} more" if len(signature.names) > 20 else ""
    return BadCell(
        field=shown(name),
        problem="isn't a field of this model",
        accepted=f"{hint}fields: {names}{more}",
        code="unknown_field",
    )


def _check_column(
    one: Field, cells: Sequence[object] | Array, written: Written, findings: Findings
) -> Array:
    column = _whole(one, cells)
    if column is None:
        column = _cell_by_cell(one, cells, written, findings)
    else:
        _refuse_missing(one, column, findings)
        _refuse_infinite(one, column, findings)
    _check_range(one, column, findings)
    return column


def _whole(one: Field, cells: Sequence[object] | Array) -> Array | None:
    """The column without a look at each cell, where its type alone says that all are right."""
    if isinstance(cells, np.ndarray):
        kind = cells.dtype.kind
        if one.type == "float" and kind in "if":
            return cells.astype(np.float64, copy=False)
        if one.type == "integer" and kind == "i" and _is_exact(cells):
            return cells
        if one.type == "boolean" and kind == "b":
            return cells
        if one.type == "datetime" and kind == "M":
            return cells.astype("datetime64[us]")
        return None
    kinds = set(map(type, cells))
    if one.type == "float" and kinds == {float}:
        return np.array(cells, np.float64)
    if one.type == "integer" and kinds == {int}:
        try:
            column = np.array(cells, np.int64)
        except OverflowError:
            return None
        return column if _is_exact(column) else None
    return None


def _is_exact(column: Array) -> bool:
    if not len(column):
        return True
    return int(column.min()) >= -INTEGER_MAX and int(column.max()) <= INTEGER_MAX


def _refuse_missing(one: Field, column: Array, findings: Findings) -> None:
    if one.missing == "accept" or column.dtype.kind not in "fM":
        return
    for row in np.flatnonzero(is_missing(column)):
        _missing(one, int(row), findings)


def _refuse_infinite(one: Field, column: Array, findings: Findings) -> None:
    if column.dtype.kind != "f":
        return
    for row in np.flatnonzero(np.isinf(column)):
        findings.refuse(
            BadCell(
                row=int(row),
                field=one.name,
                value=shown(float(column[row])),
                problem="isn't a finite number",
                accepted=accepted(one),
                code="not_finite",
            )
        )


def _missing(one: Field, row: int, findings: Findings) -> None:
    if one.missing == "refuse":
        findings.refuse(
            BadCell(
                row=row,
                field=one.name,
                problem="is missing",
                accepted=accepted(one),
                code="missing",
            )
        )
    elif one.missing == "warn":
        findings.warn(row, one.name, "no value was given", "missing")


def _cell_by_cell(
    one: Field, cells: Sequence[object] | Array, written: Written, findings: Findings
) -> Array:
    read = reader(one, written)
    is_file = written == "file"
    taken: list[object] = []
    for row, raw in enumerate(_plain(cells)):
        value: object = None
        try:
            value = None if _is_nothing(raw, is_file, written) else read(raw)
        except Refusal as refusal:
            if is_file and isinstance(raw, str) and raw.strip().lower() in MISSING_TEXTS:
                _missing(one, row, findings)
            else:
                findings.refuse(
                    BadCell(
                        row=row,
                        field=one.name,
                        value=shown(raw),
                        problem=refusal.problem,
                        accepted=accepted(one),
                        code=refusal.code,
                    )
                )
        else:
            if value is None:
                _missing(one, row, findings)
            elif one.type == "category" and one.unknown == "warn" and not _is_known(one, value):
                findings.warn(
                    row, one.name, f"{shown(value)} was never seen in training", "unknown"
                )
        taken.append(value)
    return column_for(one, taken)


def _plain(cells: Sequence[object] | Array) -> Iterator[object]:
    if isinstance(cells, np.ndarray):
        return iter(plain_values(cells))
    return iter(cells)


def _is_nothing(raw: object, is_file: bool, written: Written) -> bool:
    if raw is None:
        return True
    if written == "values":
        # A NaN in a caller's list is their library's missing value; JSON can't hold one.
        return isinstance(raw, float) and raw != raw
    return isinstance(raw, str) and (raw == "" or (not is_file and not raw.strip()))


def _is_known(one: Field, value: object) -> bool:
    return any(type(label) is type(value) and label == value for label in one.labels)


def column_for(one: Field, taken: Sequence[object]) -> Array:
    """Accepted cells, None where missing, as the normal form of their field."""
    # numpy makes a NaN of None.
    if one.type == "float" or (one.type == "integer" and any(v is None for v in taken)):
        return np.array(taken, np.float64)
    if one.type == "integer":
        return np.array(taken, np.int64)
    if one.type == "boolean" and not any(v is None for v in taken):
        return np.array(taken, np.bool_)
    if one.type == "date":
        return np.array(taken, "datetime64[D]")
    if one.type == "datetime":
        return np.array(taken, "datetime64[us]")
    column = np.empty(len(taken), object)
    column[:] = taken
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
        below = column < _edge(low, column) if low is not None else np.zeros(len(column), bool)
        above = column > _edge(high, column) if high is not None else np.zeros(len(column), bool)
        for row in np.flatnonzero(below | above):
            _outside(one, int(row), column[row], low, high, is_hard, findings)


def _edge(bound: float | str, column: Array) -> Any:
    return np.datetime64(bound) if column.dtype.kind == "M" else bound


def _outside(
    one: Field, row: int, cell: Any, low: Any, high: Any, is_hard: bool, findings: Findings
) -> None:
    value = cell.item()
    text = value.isoformat() if isinstance(value, dt.date) else plain_text(value)
    seen = _span(low, high)
    if is_hard or one.outside == "refuse":
        allowed = accepted(one) if is_hard else f"{seen}, as seen in training"
        findings.refuse(
            BadCell(
                row=row,
                field=one.name,
                value=text,
                problem="is out of range",
                accepted=allowed,
                code="out_of_range",
            )
        )
        return
    unit = f" {one.unit}" if one.unit else ""
    message = f"{text}{unit} is outside the range seen in training, {seen}{unit}"
    findings.warn(row, one.name, message, "outside")
